"""The policy file, checked against the registry: a name that the registry does not know is an error, so that a
stale exception cannot linger. [registries] says of which names that is expected with this registry."""

import tomllib


class Policy:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = tomllib.load(f)
        d = self.data
        self.skipped_platforms = d["platforms"]["skipped"]
        self.guest_platforms = d["platforms"]["guest_only"]
        self.object_types = d["object_types"]
        self.blocked_extensions = d.get("blocked_extensions", {})
        self.no_wire = d.get("no_wire", {})  # commands without a wire form -> reason
        self.dropped_structs = d.get("dropped_structs", {})  # chain structs that never travel -> reason
        self.fields = {f"{owner}.{name}": rule for owner, names in d.get("fields", {}).items()
                       for name, rule in names.items()}
        self.commands = d.get("commands", {})
        self.guest_handwritten = set(d["guest"]["handwritten"])
        self.host_override = set(d["host"]["override"])
        self.host_answered = set(d["host"]["answered"])
        self.beside_recording = set(d["host"]["beside_recording"])
        self.compiles = set(d["host"]["compiles"])
        self.kept_for_compiles = set(d["host"]["kept_for_compiles"])
        self.after_compiles = set(d["host"]["after_compiles"])
        self.host_refused = d.get("host_refused", {})
        self.harmless_failures = d.get("harmless_failures", {})  # posted commands -> reason
        self.blocked_features = d.get("blocked_features", {})
        self.memo = set(d["guest"]["memo"])
        self.structs = d.get("structs", {})
        self.since = d.get("registries", {}).get("since", {})
        self.until = d.get("registries", {}).get("until", {})
        self.kept_names = d.get("names", {}).get("keep", [])

    def may_be_absent(self, name, version):
        return version < self.since.get(name, 0) or version > self.until.get(name, version)

    def field(self, f):
        return self.fields.get(f"{f.owner}.{f.name}", {})

    def command(self, name):
        return self.commands.get(name, {})

    def check(self, registry):
        def absent(name):
            return self.may_be_absent(name, registry.header_version)

        errors = []
        known = set(registry.commands) | set(registry.command_aliases) | set(registry.platform_commands)
        for what, names in (("guest.handwritten", self.guest_handwritten), ("host.override", self.host_override),
                            ("host.answered", self.host_answered), ("guest.memo", self.memo),
                            ("host.beside_recording", self.beside_recording),
                            ("host.compiles", self.compiles), ("host.kept_for_compiles", self.kept_for_compiles),
                            ("host.after_compiles", self.after_compiles),
                            ("guest.posted", self.data["guest"]["posted"]), ("no_wire", self.no_wire),
                            ("commands", self.commands), ("host_refused", self.host_refused),
                            ("harmless_failures", self.harmless_failures),
                            ("names.keep", self.kept_names)):
            errors += [f"{what}: {n} is not a command of the registry" for n in names
                       if n not in known and not absent(n)]
            errors += [f"{what}: {n} is another name of {registry.command_aliases[n]}" for n in names
                       if n in registry.command_aliases]
        for name in list(self.dropped_structs) + list(self.structs):
            if registry.canonical(name) not in registry.structs and not absent(name):
                errors.append(f"dropped_structs/structs: {name} is not a struct of the registry")
        for name, members in self.blocked_features.items():
            struct = registry.structs.get(name)
            errors += [f"blocked_features: {name}.{m} does not exist" for m in members
                       if not absent(name) and (struct is None or struct.member(m) is None)]
        for path in self.fields:
            owner, name = path.split(".")
            thing = registry.structs.get(owner) or registry.commands.get(owner)
            fields = [] if thing is None else getattr(thing, "members", None) or thing.params
            if name not in [f.name for f in fields] and not absent(owner) and not absent(path):
                errors.append(f"fields: {path} does not exist")
        extensions = {e.name for e in registry.extensions}
        errors += [f"blocked_extensions: {n} is not an extension of the registry" for n in self.blocked_extensions
                   if n not in extensions | registry.skipped_extensions and not absent(n)]
        for handle in registry.handles:
            if handle not in self.object_types:
                errors.append(f"object_types: {handle} has no number")
        errors += [f"object_types: {h} is not a handle of the registry" for h in self.object_types
                   if h not in registry.handles and not absent(h)]
        everything = (known | extensions | set(registry.structs) | set(registry.aliases) | set(registry.handles)
                      | {f"{s.name}.{m.name}" for s in registry.structs.values() for m in s.members})
        errors += [f"registries: {n} is in this registry" for n in list(self.since) + list(self.until)
                   if n in everything and absent(n)]
        if errors:
            raise SystemExit("policy.toml:\n  " + "\n  ".join(sorted(errors)))
