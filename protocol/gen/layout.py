"""How types look in memory and on the wire: sizes, which types are flat (travel as their bytes), which structs
are reachable as inputs and as outputs, and the meaning of every field. Emits nothing."""

import re
from dataclasses import dataclass

from model import DISPATCHABLE, SCALARS, Field, Registry

LAYOUT = "VkImageLayout"  # patched by the host's decoder, so never used in place


@dataclass
class Shape:
    """What a field is, once the registry's attributes and the policy have been combined."""
    kind: str  # scalar size handle struct union fixed string strings pointer array pointers arrays bytes opaque drop
    length: str = None  # C expression, for arrays
    inner_length: str = None
    optional: bool = False
    output: bool = False  # memory that the callee writes
    inout: bool = False
    when: str = None
    context: int = None
    maximum: int = None


class Layout:
    def __init__(self, registry: Registry, policy):
        self.registry = registry
        self.policy = policy
        self._size = {}
        self._flat = {}
        self._patched = {}
        self.inputs, self.outputs = set(), set()
        self._extenders = {}
        for s in registry.structs.values():
            for parent in self.extends(s.name):
                self._extenders.setdefault(parent, []).append(s.name)

    def extends(self, name):
        """The structs of this build whose chains a struct may be in, under their canonical names."""
        parents = (self.registry.canonical(p) for p in self.registry.structs[name].extends)
        return sorted({p for p in parents if p in self.registry.structs})

    # ---- memory ----

    def constant(self, text):
        text = text.strip()
        while text in self.registry.constants:
            text = self.registry.constants[text]
        return int(re.sub(r"[uUlL]+$", "", text.strip("()")), 0)

    def scalar_size(self, name):
        r = self.registry
        if name in SCALARS:
            return SCALARS[name]
        if name in r.base_types:
            base = r.base_types[name]
            return 8 if base == "void*" else self.scalar_size(base)
        if name in r.flags:
            return r.flags[name]
        if name in r.enums:
            return r.enums[name] // 8
        return None

    def is_handle(self, name):
        return name in self.registry.handles

    def is_struct(self, name):
        return name in self.registry.structs

    def size_align(self, name):
        if name not in self._size:
            scalar = self.scalar_size(name)
            if scalar:
                self._size[name] = (scalar, scalar)
            elif self.is_handle(name) or name in self.registry.funcs or name == "void":
                self._size[name] = (8, 8)
            else:
                self._size[name] = self._struct_size(self.registry.structs[name])
        return self._size[name]

    def field_size_align(self, f: Field):
        size, align = (8, 8) if f.pointers else self.size_align(f.type)
        for d in f.dims:
            size *= self.constant(d)
        return size, align

    def offsets(self, s):
        """(field, offset, size) of each member; bitfields share the offset of their unit."""
        at, bit, out, align = 0, 0, [], 1
        for m in s.members:
            size, a = self.field_size_align(m)
            align = max(align, a)
            if m.bits:
                if bit and bit + m.bits > size * 8:
                    at, bit = at + size, 0
                if not bit:
                    at = (at + a - 1) // a * a
                out.append((m, at, size))
                bit += m.bits
                if bit == size * 8:
                    at, bit = at + size, 0
                unit = size
                continue
            if bit:
                at, bit = at + unit, 0
            at = (at + a - 1) // a * a
            out.append((m, at, size))
            if not s.is_union:
                at += size
        if bit:
            at += unit
        if s.is_union:
            at = max(size for _, _, size in out)
        return out, (at + align - 1) // align * align, align

    def _struct_size(self, s):
        _, size, align = self.offsets(s)
        return size, align

    # ---- the wire ----

    def flat(self, name):
        """Travels as its bytes: no pointers, handles, size_t, chain or padding anywhere inside."""
        if name not in self._flat:
            self._flat[name] = self._compute_flat(name)
        return self._flat[name]

    def _compute_flat(self, name):
        if name == "size_t" or name in self.registry.base_types and self.registry.base_types[name] == "void*":
            return False
        if self.scalar_size(name):
            return True
        if not self.is_struct(name) or name in self.policy.dropped_structs:
            return False
        s = self.registry.structs[name]
        if any(m.pointers or not self.flat(m.type) for m in s.members):
            return False
        if s.is_union:
            return True
        offsets, size, _ = self.offsets(s)
        end = 0
        for _, at, length in offsets:
            if at > end:
                return False
            end = max(end, at + length)
        return end == size

    def patched(self, name):
        """Holds what the host's decoder may have to change: an image layout, or text that must end with a zero."""
        if name not in self._patched:
            self._patched[name] = name == LAYOUT or self.is_struct(name) and any(
                not m.pointers and (self.patched(m.type) or m.type == "char") for m in self.registry.structs[name].members)
        return self._patched[name]

    def raw_field(self, f: Field):
        """A member whose bytes are its wire form: part of a run of bytes."""
        if f.pointers or f.bits or f.name in ("sType", "pNext"):
            return False
        if f.dims:
            return self.flat(f.type) and not self.patched(f.type)
        if not self.flat(f.type) or self.patched(f.type):
            return False
        return self.size_align(f.type)[0] % 4 == 0

    # ---- fields ----

    def length_expression(self, f: Field, prefix):
        """The element count of an array in C, over members reached through `prefix`."""
        rule = self.policy.field(f)
        if "len" in rule:
            return self.with_prefix(rule["len"], prefix)
        text = f.len[0]
        owner = self.registry.structs.get(f.owner)
        fields = owner.members if owner else self.registry.commands[f.owner].params

        def replace(match):
            word = match.group(0)
            target = next((x for x in fields if x.name == word), None)
            if target is None:
                return word
            if target.type in self.registry.enums:  # a peer's value; as an int the sum could overflow
                return f"static_cast<std::uint32_t>({prefix}{word})"
            follows = text[match.end():].lstrip()
            deref = "*" if target.pointers and not follows.startswith("->") else ""
            return f"({deref}{prefix}{word})" if deref else f"{prefix}{word}"

        return re.sub(r"(?<![>\w.])[A-Za-z_]\w*", replace, text)

    @staticmethod
    def with_prefix(expression, prefix):
        return re.sub(r"\bv\.", prefix, expression)

    def inner_length(self, f: Field, prefix):
        rule = self.policy.field(f)
        return re.sub(r"(?<![\w.>])(p\w+)", prefix + r"\1", rule["inner_len"])

    def is_count(self, f: Field):
        """A command's parameter that another parameter's len names, held by pointer: in and out."""
        command = self.registry.commands.get(f.owner)
        return (command is not None and f.pointers == 1 and not f.const
                and any(p.len and p.len[0] == f.name for p in command.params))

    def shape(self, f: Field, prefix="v."):
        rule = self.policy.field(f)
        r = self.registry
        output = f.pointers > 0 and not f.const and not rule.get("input", False) and f.type not in (
            "VkAllocationCallbacks",)
        common = dict(optional=f.is_optional() or f.no_auto_validity or "when" in rule, output=output,
                      inout=rule.get("inout", False), when=rule.get("when"), context=rule.get("context"),
                      maximum=rule.get("max"))
        only = self.policy.structs.get(f.owner, {}).get("as")
        if only not in (None, f.name) or "drop" in rule or f.type in r.funcs or f.type == "VkAllocationCallbacks" or (
                f.type in self.policy.dropped_structs):
            return Shape("drop")
        if rule.get("opaque"):
            return Shape("opaque")
        if f.pointers == 0:
            if f.dims:
                return Shape("fixed")
            if self.is_struct(f.type):
                return Shape("union" if r.structs[f.type].is_union else "struct")
            if self.is_handle(f.type):
                return Shape("handle", optional=f.is_optional())
            if f.type == "size_t":
                return Shape("size")
            if self.scalar_size(f.type) is None:
                raise SystemExit(f"{f.owner}.{f.name}: no idea what {f.type} is; add a rule to policy.toml")
            return Shape("scalar")
        if f.is_string:
            return Shape("string", **common)
        if f.pointers == 2:
            if len(f.len) > 1 and f.len[1] == "null-terminated":
                return Shape("strings", self.length_expression(f, prefix), **common)
            if len(f.len) > 1 and f.len[1] == "1":
                return Shape("pointers", self.length_expression(f, prefix), **common)
            if "inner_len" in rule:
                return Shape("arrays", self.length_expression(f, prefix), self.inner_length(f, prefix), **common)
            raise SystemExit(f"{f.owner}.{f.name}: pointer to pointer without a rule in policy.toml")
        if f.is_array or "len" in rule or common["context"] is not None:
            if common["context"] is not None:
                length = f"s.context[{common['context']}]"
            else:
                length = self.length_expression(f, prefix)
            return Shape("bytes" if f.type == "void" else "array", length, **common)
        if f.type == "void":
            raise SystemExit(f"{f.owner}.{f.name}: void* without a length; add a rule to policy.toml")
        return Shape("pointer", **common)

    # ---- reachability ----

    def analyse(self):
        """Which structs are encoded as inputs, and which as outputs, starting from the commands. A struct that no
        command reaches is treated as an input, so that every struct has a codec."""
        for c in self.wire_commands():
            for p in c.params:
                if not self.is_struct(p.type) or self.shape(p, "").kind == "drop":
                    continue
                shape = self.shape(p, "")
                if shape.output:
                    self._reach(p.type, self.outputs)
                if not shape.output or shape.inout:
                    self._reach(p.type, self.inputs)
        for name in self.registry.structs:
            if name not in self.policy.dropped_structs and name not in self.inputs | self.outputs:
                self._reach(name, self.inputs)

    def _reach(self, name, into):
        if name in into or name in self.policy.dropped_structs:
            return
        into.add(name)
        for m in self.registry.structs[name].members:
            if self.is_struct(m.type):
                inner = into is self.inputs and m.pointers and self.shape(m).output
                self._reach(m.type, self.outputs if inner else into)
        for child in self._extenders.get(name, []):
            self._reach(child, into)

    def wire_commands(self):
        return [c for n, c in sorted(self.registry.commands.items())
                if n not in self.policy.no_wire and n not in self.registry.platform_commands]

    def chained(self, direction):
        """Structs that may appear in a pNext chain, by direction."""
        reach = self.inputs if direction == "in" else self.outputs
        return sorted(n for n in reach if self.registry.structs[n].extends and self.registry.structs[n].s_type)

    def has_skeleton(self, name):
        """An output struct about which the request must say something: a chain or a capacity."""
        s = self.registry.structs[name]
        if s.has_chain:
            return True
        for m in s.members:
            if m.pointers and m.name != "pNext" and self.shape(m).kind not in ("drop", "opaque", "string"):
                return True
            if not m.pointers and self.is_struct(m.type) and not self.flat(m.type) and self.has_skeleton(m.type):
                return True
        return False

    def inner_outputs(self, name, seen=None):
        """An input struct with memory for the callee to write somewhere inside (pipeline creation feedback...)."""
        seen = seen or set()
        if name in seen or name in self.policy.dropped_structs:
            return False
        seen = seen | {name}
        s = self.registry.structs[name]
        for m in s.members:
            if m.name in ("pNext", "sType"):
                continue
            shape = self.shape(m)
            if shape.kind in ("pointer", "array", "bytes") and shape.output:
                return True
            if self.is_struct(m.type) and shape.kind not in ("drop", "opaque") and self.inner_outputs(m.type, seen):
                return True
        return any(self.inner_outputs(c, seen) for c in self._extenders.get(name, []) if c in self.inputs)

    @staticmethod
    def dispatchable(name):
        return name in DISPATCHABLE
