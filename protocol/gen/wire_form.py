"""The wire form of a command as text, and its hash: equal hashes mean that both ends read the same bytes the same
way. It follows from the fields, their layout and the policy, and from nothing else: a new enum value, a new struct for
a pNext chain or another name for a type leaves it as it is."""

from text import fnv1a32

# Raised when the rules of PROTOCOL.md (Bodies, Replies) change for the same fields.
RULES = 1


class WireForms:
    def __init__(self, layout, policy):
        self.layout, self.policy, self.registry = layout, policy, layout.registry
        self.structs = {}

    def hash(self, command):
        return fnv1a32(self.command(command))

    def command(self, c):
        fields = [f"{p.role}:{self.field(p.field, p.shape)}" for p in c.params
                  if p.role not in ("skip", "command_buffer")]
        context = self.policy.command(c.name).get("context", [])
        returns = "void" if not c.result else str(max(self.layout.size_align(c.returns)[0], 4))
        return ";".join([f"rules {RULES}", "recorded" if c.recorded else "stream", returns, *context, *fields])

    def field(self, f, shape):
        """Counts and conditions are part of the form: the host refuses a record that breaks them."""
        if shape.kind == "drop":
            return ""
        rule = self.policy.field(f)
        length = rule.get("len") or (f.len[0] if f.len and shape.kind not in ("string", "pointer") else "")
        limits = [str(x) for x in (length, rule.get("inner_len", ""), shape.when or "",
                                   "" if shape.context is None else f"context {shape.context}",
                                   "" if shape.maximum is None else f"max {shape.maximum}") if x]
        kind = {"scalar": "", "size": "8", "opaque": "8", "handle": "", "struct": "", "union": ""}.get(
            shape.kind, shape.kind)
        dims = "".join(f"[{self.layout.constant(d)}]" for d in f.dims)
        content = "" if shape.kind in ("size", "opaque", "string", "strings") else self.content(f)
        return f"{'out ' if shape.output else ''}{kind}{dims}({content}{''.join(',' + x for x in limits)})"

    def content(self, f):
        t = f.type
        if t == "void":
            return "1"
        if self.layout.is_handle(t):
            return f"handle {self.policy.object_types[t]}"
        if self.layout.flat(t) and not self.layout.is_struct(t):
            return f"{self.layout.size_align(t)[0]}"
        if t == "size_t" or not self.layout.is_struct(t):
            return "8"
        return self.struct(t, f.selector)

    def struct(self, name, selector=None):
        if name not in self.structs:
            self.structs[name] = "again"  # a struct inside itself
            self.structs[name] = self.struct_form(name, selector)
        return self.structs[name]

    def struct_form(self, name, selector):
        s, lay = self.registry.structs[name], self.layout
        if lay.flat(name):
            return f"flat {lay.size_align(name)[0]}"
        only = self.policy.structs.get(name, {}).get("as")
        members = [m for m in s.members if only in (None, m.name) and not (s.has_chain and m.name in ("sType", "pNext"))]
        forms = []
        for m in members:
            arm = f"{'|'.join(m.selection)}=" if selector else ""
            forms.append(arm + self.field(m, lay.shape(m)))
        context = self.policy.structs.get(name, {}).get("context", [])
        return "{" + ";".join([*(["chain"] if s.has_chain else []), *context, *forms]) + "}"
