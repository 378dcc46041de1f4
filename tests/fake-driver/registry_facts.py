"""What the registry and the policy say about commands and chains, asked of the generator's own modules: what the fake
driver's test must have seen, and why a command or struct may be absent."""

import os
import pathlib
import sys
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "protocol/gen"))
sys.dont_write_bytecode = True
import commands as command_rules  # noqa: E402
import model  # noqa: E402
from layout import Layout  # noqa: E402
from policy import Policy  # noqa: E402

REGISTRY = pathlib.Path(os.environ.get("VIADUCT_REGISTRY", "/usr/share/vulkan/registry"))


class RegistryFacts:
    def __init__(self):
        self.policy = Policy(ROOT / "protocol/registry/policy.toml")
        self.registry = model.load(REGISTRY / "vk.xml", REGISTRY / "video.xml",
                                   ROOT / "protocol/registry/viaduct.xml", self.policy)
        self.layout = Layout(self.registry, self.policy)
        self.layout.analyse()
        self.wire = {c.name: c for c in command_rules.all_commands(self.layout) if not c.command.internal}
        self.blocked_structs = self._structs_of_blocked_extensions()

    def commands(self):
        """Every command of the registry, without aliases and Viaduct's own."""
        return {n: c for n, c in self.registry.commands.items() if not c.internal}

    def names(self, command):
        return [command, *self.registry.commands[command].aliases]

    def why_absent(self, name):
        """The policy's reason for an application not to be given this name (an alias has providers of its own); None
        if it must be."""
        target = self.registry.command_aliases.get(name, name)
        if target in self.policy.no_wire and target not in self.policy.guest_handwritten:
            return self.policy.no_wire[target]
        providers = self.registry.providers.get(name, [])
        if providers and all(p in self.policy.blocked_extensions for p in providers):
            return self.policy.blocked_extensions[providers[0]]
        return None

    def device_extensions(self):
        """Those that a driver with every extension lets a guest have."""
        return sorted(e.name for e in self.registry.extensions
                      if e.kind == "device" and e.platform is None and e.name not in self.policy.blocked_extensions)

    def codes(self, name):
        """The results that the registry lists for a command, VK_SUCCESS left out."""
        command = self.registry.commands[name]
        return [c for c in command.success_codes + command.error_codes if c != "VK_SUCCESS"]

    # ---- chains ----

    def chains(self, names):
        """(direction, parent, struct) of every link that these commands' arguments can have."""
        links, seen = set(), set()
        for name in names:
            for p in self.wire[name].params:
                if p.role == "skip" or not self.layout.is_struct(p.type):
                    continue
                if p.role in ("in", "inout"):
                    self._reach(p.type, "in", links, seen, False)
                if p.role in ("out", "inout"):
                    self._reach(p.type, "out", links, seen, False)
        return links

    def _reach(self, name, direction, links, seen, is_link):
        if (name, direction, is_link) in seen or name in self.policy.dropped_structs:
            return
        seen.add((name, direction, is_link))
        struct = self.registry.structs[name]
        for m in struct.members:
            if self.layout.is_struct(m.type) and self.layout.shape(m).kind != "drop":
                inner = direction == "in" and m.pointers and self.layout.shape(m).output
                self._reach(m.type, "out" if inner else direction, links, seen, False)
        reach = self.layout.inputs if direction == "in" else self.layout.outputs
        # What hangs on a struct that is a link itself hangs on the chain's head.
        for child in () if is_link or not struct.has_chain else self.layout._extenders.get(name, []):
            if child in reach and child not in self.policy.dropped_structs:
                links.add((direction, name, child))
                self._reach(child, direction, links, seen, True)

    def _structs_of_blocked_extensions(self):
        """Structs that nothing but blocked extensions brings."""
        providers = {}
        root = ET.parse(REGISTRY / "vk.xml").getroot()
        for element in [*root.findall("feature"), *root.find("extensions")]:
            for item in element.findall("require/type"):
                name = self.registry.canonical(item.get("name"))
                providers.setdefault(name, set()).add(element.get("name"))
        return {name: sorted(by)[0] for name, by in providers.items()
                if all(p in self.policy.blocked_extensions for p in by)}
