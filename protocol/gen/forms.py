"""The wire form of commands and structs as text: what the bytes are, without names. Two builds whose texts of a command
agree understand each other's records of it; the handshake compares their hashes. PROTOCOL.md has the notation."""


class Forms:
    def __init__(self, layout):
        self.layout, self.registry = layout, layout.registry
        self._structs = {}

    def command(self, c):
        parts = [f"{p.role[0]}{self._field(p.field, p.shape, p.role in ('out', 'made'))}" for p in c.params
                 if p.role not in ("skip", "command_buffer")]
        returns = "" if c.returns == "void" else str(max(self.layout.size_align(c.returns)[0], 4))
        return f"{''.join(parts)}>{returns}"

    def struct(self, name):
        """Without its chain, whose structs are compared one by one."""
        if name not in self._structs:
            self._structs[name] = "@"  # a struct inside of itself
            self._structs[name] = self._struct(name)
        return self._structs[name]

    def _struct(self, name):
        s = self.registry.structs[name]
        if self.layout.flat(name):
            return f"b{self.layout.size_align(name)[0]}"
        only = self.layout.policy.structs.get(name, {}).get("as")
        if only:
            return self._field(s.member(only), self.layout.shape(s.member(only)))
        members = [m for m in s.members if not (s.has_chain and m.name in ("sType", "pNext"))]
        inner = "".join((("|" + ",".join(m.selection)) if s.is_union else "") + self._field(m, self.layout.shape(m))
                        for m in members)
        return f"({'+' if s.has_chain else ''}{inner})"

    def _field(self, f, shape, made=False):
        """The policy's counts, conditions and limits are part of the form: the host refuses a record that breaks them."""
        if shape.kind == "drop":
            return ""
        rule = self.layout.policy.field(f)
        rules = ",".join(str(rule[key]) for key in ("len", "inner_len", "when", "context", "max") if key in rule)
        return self._bytes(f, shape, made) + (f"{{{rules}}}" if rules else "")

    def _bytes(self, f, shape, made):
        lay, kind = self.layout, shape.kind
        if kind in ("opaque", "size"):
            return "8"
        if kind == "handle":
            return "h"
        if kind == "scalar":
            return str(max(lay.size_align(f.type)[0], 4))
        if kind == "fixed" and lay.flat(f.type):
            return f"b{lay.field_size_align(f)[0]}"
        if kind == "fixed":
            return f"[{'x'.join(str(lay.constant(d)) for d in f.dims)}{self._element(f.type)}]"
        if kind in ("string", "strings"):
            return {"string": "s", "strings": "*s"}[kind]
        # An output of the callee that is not optional has no presence in the request.
        sign = {"pointer": "?", "array": "*", "bytes": "*", "pointers": "*?", "arrays": "**"}.get(kind, "")
        if kind == "pointer" and shape.output and not shape.optional:
            sign = "!"
        return ("o" if shape.output and not made else "") + sign + self._element(f.type)

    def _element(self, t):
        lay = self.layout
        if t == "void":
            return "1"
        if lay.is_struct(t):
            return self.struct(t) if t not in lay.policy.dropped_structs else ""
        if lay.is_handle(t):
            return "h"
        return str(lay.size_align(t)[0])
