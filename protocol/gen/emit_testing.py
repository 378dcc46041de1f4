"""What tests need of every struct and command, independent of the codecs: random values and deep digests, and the
tables that put codecs, values and digests side by side. Output: generated/testing/.

Long because values, outputs and digests of a field follow one list of shapes, which would be stated three times."""

import re

from layout import LAYOUT
from text import File, chunks

NS = "viaduct::protocol::testing"
CHUNKS = 12
SUPPORT = ["protocol/testing/digest.hpp", "protocol/testing/rng.hpp"]


class TestingEmitter:
    def __init__(self, layout, fields, structs, requests, commands, policy):
        self.layout, self.fields, self.structs, self.requests = layout, fields, structs, requests
        self.commands, self.policy, self.registry = commands, policy, layout.registry
        self.names = sorted(n for n in layout.inputs | layout.outputs
                            if not layout.flat(n) and structs_has_function(self, n))
        self.remote_counts = set()  # struct members that a command's len reaches through a pointer
        for c in commands:
            for f in c.command.params:
                if f.len and "->" in f.len[0]:
                    param, member = f.len[0].split("->")
                    self.remote_counts.add((c.command.param(param).type, member))
        for name, rule in policy.structs.items():
            for expression in rule.get("context", []):
                self.remote_counts |= {(name, m) for m in re.findall(r"v\.(\w+)", expression)}
        self.made_outputs = {n for n in layout.outputs if n in self.names}

    # ---- small facts ----

    def owner_fields(self, f):
        owner = self.registry.structs.get(f.owner)
        return owner.members if owner else self.registry.commands[f.owner].params

    def counted_by(self, f):
        """The arrays whose length expression names this field."""
        out = []
        for g in self.owner_fields(f):
            rule = self.policy.field(g)
            text = rule.get("len") or (g.len[0] if g.len else "")
            if g is not f and re.search(r"(?<![\w>])%s\b" % re.escape(f.name), text):
                out.append((g, text))
        return out

    def strided_by(self, f):
        return next((g for g in self.owner_fields(f) if g.stride == f.name), None)

    def condition_uses(self, f):
        return any(f"v.{f.name}" in self.policy.field(g).get("when", "") for g in self.owner_fields(f))

    def selects(self, f):
        return next((g for g in self.owner_fields(f) if g.selector == f.name), None)

    def kind(self, t):
        return f"{self.fields.object_type(t)}, {'true' if self.layout.dispatchable(t) else 'false'}"

    # ---- random inputs ----

    def rand_scalar(self, f, acc):
        t = f.type
        counted = self.counted_by(f)
        if self.strided_by(f):
            return [f"{acc} = static_cast<{t}>(sizeof({self.strided_by(f).type}) + 4 * rng.below(3));"]
        if (f.owner, f.name) in self.remote_counts:
            return [f"{acc} = static_cast<{t}>(rng.count());"]
        if counted:
            text = counted[0][1]
            if "/ 4" in text:
                return [f"{acc} = static_cast<{t}>(rng.count() * 4);"]
            if "+ 31" in text:
                return [f"{acc} = static_cast<{t}>(1u << rng.below(7));"]
            if "?" in text and t == "VkBool32":
                return [f"{acc} = rng.below(2);"]
            pick = "rng.below(40)" if all(g.type == "void" for g, _ in counted) else "rng.count()"
            return [f"{acc} = static_cast<{t}>({pick});"]
        selected = self.selects(f)
        if selected is not None:
            values = [s for m in self.registry.structs[selected.type].members for s in m.selection]
            return [f"{{ static constexpr {t} kValues[] = {{{', '.join(values)}}}; "
                    f"{acc} = kValues[rng.below({len(values)})]; }}"] if values else [f"rng.enumerator({acc});"]
        if t == LAYOUT:
            return [f"{acc} = rng.layout();"]
        if t == "VkBool32":
            return [f"{acc} = rng.below(2);"]
        if t in self.registry.enums and self.layout.size_align(t)[0] == 4:
            if self.condition_uses(f):
                return [f"{acc} = static_cast<{t}>(rng.below(11));"]
            return [f"rng.enumerator({acc});"]
        if t == "VkRemoteAddressNV":
            return [f"{acc} = reinterpret_cast<{t}>(static_cast<std::uintptr_t>(rng.next()));"]
        return [f"rng.value({acc});"]

    def rand_element(self, t, e):
        if self.layout.is_handle(t):
            return [f"{e} = rng.handle<{t}>({self.kind(t)});"]
        if t == LAYOUT:
            return [f"{e} = rng.layout();"]
        if self.layout.flat(t):
            return [f"rng.value({e});"] + self.fix_layouts(t, e)
        if self.layout.is_struct(t):
            return [f"random_{t}(rng, {e});"]
        return [f"{e} = rng.count();"]

    def fix_layouts(self, t, e):
        lines = []
        if self.layout.is_struct(t) and self.layout.patched(t):
            for m in self.registry.structs[t].members:
                if m.type == LAYOUT:
                    lines.append(f"{e}.{m.name} = rng.layout();")
                elif m.type == "char":
                    lines.append(f"{e}.{m.name}[sizeof({e}.{m.name}) - 1] = 0;")
                elif self.layout.is_struct(m.type):
                    lines += self.fix_layouts(m.type, f"{e}.{m.name}")
        return lines

    def rand(self, f, acc, shape):
        kind, t = shape.kind, f.type
        if kind == "drop":
            return []
        if kind == "opaque":
            return [f"{acc} = reinterpret_cast<decltype({acc})>(static_cast<std::uintptr_t>(rng.next()));"]
        if kind in ("scalar", "size"):
            return self.rand_scalar(f, acc)
        if kind == "handle":
            return self.rand_element(t, acc) if not shape.optional else [
                "if (rng.chance()) {", *self.rand_element(t, acc), "}"]
        if kind == "union" and not self.layout.flat(t) and f.selector:
            return self.fields._select(f, acc, self.rand)
        if kind in ("struct", "union"):
            return self.rand_element(t, acc)
        if kind == "fixed":
            if self.layout.flat(t) and not self.layout.patched(t):
                return [f"rng.value({acc});"]
            return [f"for (auto& e : {acc}) {{", *self.rand_element(t, "e"), "}"]
        optional = shape.optional and f.is_optional() or (shape.optional and shape.when is None)
        guard = "if (rng.chance()) {" if optional else "{"
        if kind == "string":
            return [guard, f"{acc} = rng.string();", "}"]
        p = f"p_{f.name}"
        if kind == "pointer":
            body = [] if shape.output else self.rand_element(t, f"(*{p})")
            return [guard, f"auto* {p} = rng.make<{t}>(1);", *body, f"{acc} = {p};", "}"]
        length = shape.length.replace("s.context", "rng.context")
        n = f"n_{f.name}"
        head = [guard, f"const auto {n} = static_cast<std::uint32_t>({length});"]
        loop = f"for (std::uint32_t i = 0; i < {n}; ++i) {{"
        if kind == "strings":
            return head + [f"auto* {p} = rng.make<const char*>({n});", loop, f"{p}[i] = rng.string();", "}",
                           f"{acc} = {p};", "}"]
        if kind == "pointers":
            return head + [f"auto* {p} = rng.make<const {t}*>({n});", loop, f"auto* e = rng.make<{t}>(1);",
                           *self.rand_element(t, "(*e)"), f"{p}[i] = e;", "}", f"{acc} = {p};", "}"]
        if kind == "arrays":
            return head + [f"auto* {p} = rng.make<const {t}*>({n});", loop,
                           f"auto* e = rng.make<{t}>({shape.inner_length});",
                           f"if (e != nullptr) rng.bytes(e, sizeof({t}) * {shape.inner_length});", f"{p}[i] = e;", "}",
                           f"{acc} = {p};", "}"]
        if f.stride:
            stride = re.sub(r"\w+$", f.stride, acc)
            return head + [f"auto* {p} = rng.make<std::byte>(std::size_t{{{n}}} * {stride});",
                           f"rng.bytes({p}, std::size_t{{{n}}} * {stride});",
                           f"{acc} = reinterpret_cast<const {t}*>({p});", "}"]
        element = "std::byte" if t == "void" else t
        if shape.output:
            return head + [f"{acc} = rng.make<{element}>({n});", "}"]
        if t == "void":
            return head + [f"auto* {p} = rng.make<std::byte>({n});", f"rng.bytes({p}, {n});", f"{acc} = {p};", "}"]
        return head + [f"auto* {p} = rng.make<{t}>({n});", loop, *self.rand_element(t, f"{p}[i]"), "}",
                       f"{acc} = {p};", "}"]

    def counts_first(self, items):
        """Counts, selectors and conditions are drawn before what depends on them."""
        def early(f):
            return (self.counted_by(f) or self.selects(f) or self.condition_uses(f) or self.strided_by(f)) and (
                not f.pointers)
        return [f for f in items if early(f)] + [f for f in items if not early(f)]

    def chain_list(self, name, direction):
        reach = self.layout.inputs if direction == "in" else self.layout.outputs
        return [c for c in sorted(set(self.layout._extenders.get(name, []))) if c in reach]

    def context_lines(self, name, where):
        rules = self.policy.structs.get(name, {}).get("context", [])
        return [f"{where}.context[{i}] = {e};" for i, e in enumerate(rules)]

    def random_body(self, s):
        only = self.structs.union_only(s)
        members = only or self.structs.members(s)
        lines, context, early = [], self.context_lines(s.name, "rng"), None
        ordered = self.counts_first(members)
        for m in ordered:
            if context and not (self.counted_by(m)) and early is None and m.pointers:
                lines += context
                early = True
            lines += self.rand(m, f"v.{m.name}", self.layout.shape(m))
        return lines

    def random_function(self, s):
        lines = [f"void random_{s.name}(Rng& rng, {s.name}& v) {{"]
        if s.has_chain:
            types = [self.registry.structs[c].s_type for c in self.chain_list(s.name, "in")]
            lines += [f"v.sType = {s.s_type};", f"v.pNext = random_pnext(rng, {{{', '.join(types)}}});"]
        body = self.random_body(s)
        unused = [] if any("rng" in x for x in body) or s.has_chain else ["(void)rng;"]
        return lines + unused + body + ["}", ""]

    # ---- outputs ----

    def make_output_function(self, s):
        lines = [f"void make_output_{s.name}(Rng& rng, {s.name}& v) {{"]
        if s.has_chain:
            types = [self.registry.structs[c].s_type for c in self.chain_list(s.name, "out")]
            lines += [f"v.sType = {s.s_type};", f"v.pNext = make_output_pnext(rng, {{{', '.join(types)}}});"]
        body = []
        for m in self.structs.members(s):
            shape, acc = self.layout.shape(m), f"v.{m.name}"
            if shape.kind in ("array", "bytes"):
                element = "std::byte" if m.type == "void" else m.type
                if shape.context is None:
                    body.append(f"v.{m.len[0]} = rng.count();")
                length = shape.length.replace("s.context", "rng.context")
                body += [f"{acc} = rng.make<{element}>({length});"]
                if m.type in self.made_outputs:
                    body.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {length}; ++i) "
                                f"make_output_{m.type}(rng, {acc}[i]);")
            elif shape.kind == "struct" and m.type in self.made_outputs:
                body.append(f"make_output_{m.type}(rng, {acc});")
        return lines + (["(void)rng;"] if not s.has_chain and not any("rng" in b for b in body) else []) + (
            ["(void)v;"] if not s.has_chain and not body else []) + body + ["}", ""]

    def rand_output(self, f, acc, shape):
        kind, t = shape.kind, f.type
        if kind in ("scalar", "size"):
            return [] if self.counted_by(f) else self.rand_scalar(f, acc)
        if kind == "handle":
            return [f"{acc} = handle_from_bits<{t}>(rng.next());"]
        if kind == "struct":
            return self.rand_output_element(t, acc)
        if kind == "union" and not self.layout.flat(t) and f.selector:
            return self.fields._select(f, acc, self.rand_output)
        if kind == "union":
            return self.rand_output_element(t, acc)
        if kind == "fixed":
            if self.layout.flat(t):
                return [f"rng.value({acc});"]
            return [f"for (auto& e : {acc}) {{", *self.rand_output_element(t, "e"), "}"]
        if kind in ("array", "bytes"):
            length = shape.length.replace("s.context", "rng.context")
            return [f"for (std::uint32_t i = 0; {acc} != nullptr && i < {length}; ++i) {{",
                    *(self.rand_output_element(t, f"{acc}[i]") if t != "void"
                      else [f"rng.bytes(static_cast<std::byte*>({acc}) + i, 1);"]), "}"]
        return self.rand(f, acc, shape)

    def rand_output_element(self, t, e):
        if self.layout.is_handle(t):
            return [f"{e} = handle_from_bits<{t}>(rng.next());"]
        if self.layout.flat(t):
            return [f"rng.value({e});"]
        if self.layout.is_struct(t):
            return [f"random_output_{t}(rng, {e});"]
        return [f"{e} = rng.count();"]

    def random_output_function(self, s):
        lines = [f"void random_output_{s.name}(Rng& rng, {s.name}& v) {{"]
        if s.has_chain:
            lines.append("random_output_pnext(rng, v.pNext);")
        body = [x for m in self.counts_first(self.structs.members(s))
                for x in self.rand_output(m, f"v.{m.name}", self.layout.shape(m))]
        body += [f"v.{m} = VK_FALSE;" for m in self.policy.blocked_features.get(s.name, [])]
        return lines + (["(void)rng;"] if not s.has_chain and not any("rng" in b for b in body) else []) + body + [
            "}", ""]

    def random_inner_function(self, s):
        """Outputs inside an input struct."""
        lines = [f"void random_inner_{s.name}(Rng& rng, const {s.name}& v) {{"]
        if s.has_chain:
            lines.append("random_inner_pnext(rng, v.pNext);")
        for m in self.structs.members(s):
            shape, acc = self.layout.shape(m), f"v.{m.name}"
            if shape.output and shape.kind in ("pointer", "array", "bytes"):
                n = shape.length or "1"
                lines += [f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) {{",
                          *self.rand_output_element(m.type, f"{acc}[i]"), "}"]
            elif m.type in self.structs.inner and shape.kind in ("pointer", "array"):
                n = shape.length or "1"
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) "
                             f"random_inner_{m.type}(rng, {acc}[i]);")
            elif m.type in self.structs.inner and shape.kind == "struct":
                lines.append(f"random_inner_{m.type}(rng, {acc});")
        return lines + ["}", ""]

    # ---- digests ----

    def digest_element(self, t, e, output=False):
        if self.layout.is_handle(t):
            if output:
                return [f"d.u64(handle_bits({e}));"]
            return [f"d.handle({self.kind(t)}, {e});"]
        if self.layout.flat(t):
            return [f"d.value({e});"]
        if self.layout.is_struct(t):
            return [f"digest_{t}(d, {e});"]
        return [f"d.u64({e});"]

    def digest(self, f, acc, shape, output=False):
        kind, t = shape.kind, f.type
        if kind == "drop" or self.strided_by(f):
            return []
        if kind == "opaque" or t == "VkRemoteAddressNV":
            return [f"d.u64(reinterpret_cast<std::uintptr_t>({acc}));"]
        if kind in ("scalar", "size"):
            return [f"d.value({acc});"]
        if kind == "handle":
            return self.digest_element(t, acc, output)
        if kind == "union" and not self.layout.flat(t) and f.selector:
            return self.fields._select(f, acc, lambda m, a, sh: self.digest(m, a, sh, output))
        if kind in ("struct", "union"):
            return self.digest_element(t, acc, output)
        if kind == "fixed":
            if self.layout.flat(t):
                return [f"d.value({acc});"]
            return [f"for (const auto& e : {acc}) {{", *self.digest_element(t, "e", output), "}"]
        if kind == "string":
            return [f"d.string({acc});"]
        prefix = acc[: len(acc) - len(f.name)]
        present = f"{acc} != nullptr" + (f" && ({self.layout.with_prefix(shape.when, prefix)})" if shape.when else "")
        if kind == "pointer":
            inside = self.digest_element(t, f"(*{acc})", output)
            if shape.output:
                inside = ["if (d.outputs) {", *inside, "}"]
            return [f"d.u64({present} ? 1 : 0);", f"if ({present}) {{", *inside, "}"]
        length = shape.length.replace("s.context", "d.context")
        n = f"n_{f.name}"
        head = ["{", f"const std::uint64_t {n} = {present} ? {length} : 0;", f"d.u64({n});"]
        loop = f"for (std::uint64_t i = 0; i < {n}; ++i) {{"
        if kind == "strings":
            return head + [loop, f"d.string({acc}[i]);", "}", "}"]
        if kind == "pointers":
            return head + [loop, *self.digest_element(t, f"(*{acc}[i])", output), "}", "}"]
        if kind == "arrays":
            return head + [loop, f"d.bytes({acc}[i], sizeof({t}) * {shape.inner_length});", "}", "}"]
        if shape.output:
            loop = f"for (std::uint64_t i = 0; d.outputs && i < {n}; ++i) {{"
        if f.stride:
            return head + [loop, f"d.bytes(reinterpret_cast<const std::byte*>({acc}) + i * {prefix}{f.stride}, "
                           f"sizeof({t}));", "}", "}"]
        if t == "void":
            return head + [loop, f"d.bytes(static_cast<const std::byte*>({acc}) + i, 1);", "}", "}"]
        return head + [loop, *self.digest_element(t, f"{acc}[i]", output), "}", "}"]

    def digest_function(self, s):
        output = s.name in self.layout.outputs and s.name not in self.layout.inputs
        lines = [f"void digest_{s.name}(Digest& d, const {s.name}& v) {{"]
        if s.has_chain:
            lines.append("digest_pnext(d, v.pNext);")
        lines += self.context_lines(s.name, "d")
        members = self.structs.union_only(s) or self.structs.members(s)
        for m in members:
            lines += self.digest(m, f"v.{m.name}", self.layout.shape(m), output)
        if len(lines) == 1:
            lines += ["(void)d;", "(void)v;"]
        return lines + ["}", ""]

    # ---- commands ----

    def random_args(self, c):
        lines = []
        by_name = {p.name: p for p in c.params}
        ordered = [by_name[f.name] for f in self.counts_first([p.field for p in c.params])]
        ordered.sort(key=lambda p: 0 if p.role == "count" else 1 if p.role in ("in", "inout") else 2)
        for p in ordered:
            f, t, acc = p.field, p.type, f"a.{p.name}"
            shape = self.layout.shape(f, "a.")
            if p.role in ("skip", "command_buffer"):
                continue
            if p.role == "in":
                lines += self.rand(f, acc, shape)
            elif p.role == "count":
                lines += [f"{acc} = rng.make<{t}>(1);", f"*{acc} = rng.count();"]
            elif p.role == "inout" and shape.kind == "bytes":
                lines += [f"{acc} = rng.make<std::byte>({shape.length});", f"rng.bytes({acc}, {shape.length});"]
            elif p.role == "inout":
                lines += [f"{acc} = rng.make<{t}>(1);", *self.rand_element(t, f"(*{acc})")]
                self_context = self.policy.command(c.name).get("context", [])
                if self_context:
                    lines += [f"a.pFaultCounts->addressInfoCount = rng.count();",
                              f"a.pFaultCounts->vendorInfoCount = rng.count();",
                              f"a.pFaultCounts->vendorBinarySize = rng.below(40);"]
                    lines += [f"rng.context[{i}] = {e.replace('pFaultCounts', 'a.pFaultCounts')};"
                              for i, e in enumerate(self_context)]
            elif p.role == "made":
                n = shape.length or "1"
                counted = any(q.role == "count" for q in c.params)
                lines += ["if (rng.chance()) {" if counted else "{", f"{acc} = rng.make<{t}>({n});",
                          f"{acc}_ids = rng.make<ObjectId>({n});", f"for (std::uint32_t i = 0; i < {n}; ++i) {{",
                          f"{acc}[i] = rng.handle<{t}>({self.kind(t)});", f"{acc}_ids[i] = id_of({acc}[i]);", "}", "}"]
            else:
                n = shape.length or "1"
                array = shape.kind in ("array", "bytes")
                element = "std::byte" if t == "void" else t
                guard = "if (rng.chance()) {" if shape.optional else "{"
                lines += [guard, f"{acc} = rng.make<{element}>({n});"]
                if t in self.made_outputs:
                    lines.append(f"for (std::uint32_t i = 0; i < {n}; ++i) make_output_{t}(rng, {acc}[i]);")
                lines.append("}")
        return lines

    def random_outputs(self, c):
        lines = []
        if c.returns == "VkResult":
            lines.append("a.result = rng.below(4) == 0 ? VK_ERROR_OUT_OF_DEVICE_MEMORY : VK_SUCCESS;")
        elif c.result:
            lines.append("rng.value(a.result);")
        for p in c.params:
            f, t, acc = p.field, p.type, f"a.{p.name}"
            shape = self.layout.shape(f, "a.")
            if p.role == "made":
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {shape.length or '1'}; ++i) {acc}[i] = "
                             f"handle_from_bits<{t}>(rng.chance() ? rng.next() | 1 : 0);")
            elif p.role == "in" and t in self.structs.inner:
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {shape.length or '1'}; ++i) "
                             f"random_inner_{t}(rng, {acc}[i]);")
        for p in c.params:
            f, t, acc = p.field, p.type, f"a.{p.name}"
            shape = self.layout.shape(f, "a.")
            if p.role == "count":
                arrays = [q.name for q in c.params if q.field.len and q.field.len[0] == f.name]
                present = " || ".join(f"a.{x} != nullptr" for x in arrays)
                lines.append(f"*{acc} = {present} ? rng.below(static_cast<std::uint32_t>(*{acc}) + 1) : rng.below(100);")
        for p in c.params:
            f, t, acc = p.field, p.type, f"a.{p.name}"
            shape = self.layout.shape(f, "a.")
            if p.role in ("out", "inout") and shape.kind in ("array", "bytes"):
                lines += [f"for (std::uint64_t i = 0; {acc} != nullptr && i < {shape.length}; ++i) {{",
                          *(self.rand_output_element(t, f"{acc}[i]") if t != "void"
                            else [f"rng.bytes(static_cast<std::byte*>({acc}) + i, 1);"]), "}"]
            elif p.role == "out":
                context = self.policy.command(c.name).get("context", [])
                lines += [f"rng.context[{i}] = {e.replace('pFaultCounts', 'a.pFaultCounts')};"
                          for i, e in enumerate(context)]
                lines += [f"if ({acc} != nullptr) {{", *self.rand_output_element(t, f"(*{acc})"), "}"]
        return lines

    def digest_inputs(self, c):
        lines = []
        for p in c.params:
            f, t, acc = p.field, p.type, f"a.{p.name}"
            shape = self.layout.shape(f, "a.")
            n = shape.length or "1"
            if p.role in ("in", "inout"):
                if shape.kind == "bytes" and p.role == "inout":
                    lines.append(f"d.bytes({acc}, {shape.length});")
                elif shape.kind == "pointer" and p.role == "inout":
                    lines += self.digest_element(t, f"(*{acc})")
                else:
                    lines += self.digest(f, acc, shape)
            elif p.role == "count":
                lines.append(f"d.u64(*{acc});")
            elif p.role == "made":
                lines.append(f"for (std::uint32_t i = 0; {acc}_ids != nullptr && i < {n}; ++i) d.u64({acc}_ids[i]);")
            elif p.role == "out":
                lines.append(f"d.u64({acc} != nullptr ? {n} : 0);")
                if self.layout.is_struct(t) and self.registry.structs[t].has_chain:
                    lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) "
                                 f"digest_chain_types(d, {acc}[i].pNext);")
        return lines

    def digest_outputs(self, c):
        lines = ["d.value(a.result);"] if c.result else []
        late = []
        context = [f"d.context[{i}] = {e.replace('pFaultCounts', 'a.pFaultCounts')};" for i, e in
                   enumerate(self.policy.command(c.name).get("context", []))]
        for p in c.params:
            f, t, acc = p.field, p.type, f"a.{p.name}"
            shape = self.layout.shape(f, "a.")
            n = shape.length or "1"
            if p.role == "made" and not self.layout.dispatchable(t):
                target = lines if "->" in n or n.isdigit() or not any(q.role == "count" for q in c.params) else late
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) "
                             f"d.u64(d.made(handle_bits({acc}[i]), {acc}_ids[i]));") if target is lines else late.append(
                    f"for (std::uint32_t i = 0; {acc} != nullptr && i < *a.{f.len[0]}; ++i) "
                    f"d.u64(d.made(handle_bits({acc}[i]), {acc}_ids[i]));")
            elif p.role == "in" and t in self.structs.inner:
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) "
                             f"digest_{t}(d, {acc}[i]);")
            elif p.role == "count":
                late.append(f"d.u64(*{acc});")
            elif p.role in ("out", "inout"):
                if shape.kind in ("array", "bytes"):
                    late += ["if (d.outputs) {", *self.digest(f, acc, shape, True), "}"]
                else:
                    late += [f"if ({acc} != nullptr) {{", *self.digest_element(t, f"(*{acc})", True), "}"]
        if late and c.returns == "VkResult":
            lines.append("if (a.result < 0) return;")
        return lines + context + late

    # ---- files ----

    def emit(self, output):
        self.emit_declarations(output)
        for i, part in enumerate(chunks(self.names, CHUNKS)):
            f = File(f"testing/structs_{i:02}.cpp", NS, ["generated/testing/values.hpp"])
            for n in part:
                s = self.registry.structs[n]
                if n in self.layout.inputs:
                    f.add(*self.random_function(s))
                if n in self.made_outputs:
                    f.add(*self.make_output_function(s), *self.random_output_function(s))
                if n in self.structs.inner:
                    f.add(*self.random_inner_function(s))
                f.add(*self.digest_function(s))
            output.write(f)
        self.emit_pnext(output)
        self.emit_commands(output)
        self.emit_tables(output)

    def emit_declarations(self, output):
        f = File("testing/values.hpp", NS, ["<vulkan/vulkan.h>", "<initializer_list>", *SUPPORT],
                 "Random values and digests of every struct.\n"
                 "random_X: a complete input. make_output_X: memory for an output, its chain and capacities included.\n"
                 "random_output_X: what a driver writes there. random_inner_X: outputs inside an input.")
        for n in self.names:
            if n in self.layout.inputs:
                f.add(f"void random_{n}(Rng& rng, {n}& v);")
            if n in self.made_outputs:
                f.add(f"void make_output_{n}(Rng& rng, {n}& v);", f"void random_output_{n}(Rng& rng, {n}& v);")
            if n in self.structs.inner:
                f.add(f"void random_inner_{n}(Rng& rng, const {n}& v);")
            f.add(f"void digest_{n}(Digest& d, const {n}& v);")
        f.add("", "void* random_pnext(Rng& rng, std::initializer_list<VkStructureType> allowed);",
              "void* make_output_pnext(Rng& rng, std::initializer_list<VkStructureType> allowed);",
              "void random_output_pnext(Rng& rng, const void* chain);",
              "void random_inner_pnext(Rng& rng, const void* chain);",
              "void digest_pnext(Digest& d, const void* chain);", "")
        output.write(f)
        f = File("testing/command_values.hpp", NS, ["generated/protocol/args.hpp", *SUPPORT],
                 "Random arguments and outputs of every command, and digests of both.")
        for c in self.commands:
            f.add(f"void random_args_{c.name}(Rng& rng, {c.name}_args& a);",
                  f"void random_outputs_{c.name}(Rng& rng, {c.name}_args& a);",
                  f"void digest_inputs_{c.name}(Digest& d, const {c.name}_args& a);",
                  f"void digest_outputs_{c.name}(Digest& d, const {c.name}_args& a);")
        output.write(f)

    def pnext_switch(self, output, name, head, names, case, tail):
        f = File(f"testing/{name}.cpp", NS, ["generated/testing/values.hpp", "protocol/testing/chains.hpp"])
        f.add(*head, "switch (type) {" if "VkStructureType type" in head[-1] else "switch (p->sType) {")
        for n in names:
            f.add(f"case {self.registry.structs[n].s_type}:", *case(n))
        f.add("default:", *tail)
        output.write(f)

    def emit_pnext(self, output):
        ins, outs = self.layout.chained("in"), self.layout.chained("out")
        inner = [n for n in ins if n in self.structs.inner]
        for verb, names in (("random", ins), ("make_output", outs)):
            self.pnext_switch(output, f"pnext_{verb}", ["namespace {", f"void* {verb}_link(Rng& rng, VkStructureType type) {{"],
                              names, lambda n, v=verb: [f"return make_link(rng, {v}_{n});"],
                              ["return nullptr;", "}", "}", "}  // namespace", "",
                               f"void* {verb}_pnext(Rng& rng, std::initializer_list<VkStructureType> allowed) {{",
                               f"return make_chain(rng, allowed, {verb}_link);", "}"])
        walk = "for (auto* p = static_cast<const VkBaseInStructure*>(chain); p != nullptr; p = p->pNext) {"
        for verb, names in (("random_output", outs), ("random_inner", inner)):
            self.pnext_switch(output, f"pnext_{verb}", [f"void {verb}_pnext(Rng& rng, const void* chain) {{", walk],
                              names, lambda n, v=verb: [f"change_link(rng, p, {v}_{n});", "break;"],
                              ["break;", "}", "}", "}"])
        self.pnext_switch(output, "pnext_digest", ["void digest_pnext(Digest& d, const void* chain) {", walk],
                          sorted(set(ins) | set(outs)), lambda n: [f"digest_link(d, p, digest_{n});", "break;"],
                          ["break;", "}", "}", "d.u64(0);", "}"])

    def emit_commands(self, output):
        for i, part in enumerate(chunks(self.commands, 6)):
            f = File(f"testing/commands_{i:02}.cpp", NS, ["generated/testing/values.hpp",
                                                         "generated/testing/command_values.hpp"])
            for c in part:
                for verb, cursor, const, body in (
                        ("random_args", "Rng& rng", "", self.random_args(c)),
                        ("random_outputs", "Rng& rng", "", self.random_outputs(c)),
                        ("digest_inputs", "Digest& d", "const ", self.digest_inputs(c)),
                        ("digest_outputs", "Digest& d", "const ", self.digest_outputs(c))):
                    name = cursor.split()[1]
                    unused = ([] if any(re.search(r"\b%s\b" % name, b) for b in body) else [f"(void){name};"]) + (
                        [] if any("a." in b for b in body) else ["(void)a;"])
                    f.add(f"void {verb}_{c.name}({cursor}, {const}{c.name}_args& a) {{", *unused, *body, "}", "")
            output.write(f)

    def emit_tables(self, output):
        for i, part in enumerate(chunks(self.commands, 4)):
            f = File(f"testing/command_codecs_{i:02}.cpp", NS,
                     ["generated/testing/command_values.hpp", "protocol/testing/codec_table.hpp"]
                     + sorted({self.requests.header_of(c) for c in part}))
            f.add(f"extern const CommandCodec kCommandCodecs_{i:02}[];",
                  f"const CommandCodec kCommandCodecs_{i:02}[] = {{")
            for c in part:
                f.add(*self.command_entry(c))
            f.add("};")
            output.write(f)
        parts = len(chunks(self.commands, 4))
        sizes = [len(p) for p in chunks(self.commands, 4)]
        struct_parts = chunks(self.names, 6)
        for i, part in enumerate(struct_parts):
            f = File(f"testing/struct_codecs_{i:02}.cpp", NS,
                     ["generated/testing/values.hpp", "protocol/testing/codec_table.hpp"]
                     + self.structs.headers_for(part))
            f.add("namespace {", "")
            for n in part:
                f.add(*self.struct_functions(n))
            f.add("}  // namespace", "", f"extern const StructCodec kStructCodecs_{i:02}[];",
                  f"const StructCodec kStructCodecs_{i:02}[] = {{")
            for n in part:
                f.add(f'{{"{n}", sizeof({n}), {self.struct_pointers(n)}}},')
            f.add("};")
            output.write(f)
        flat = sorted(n for n in self.layout.inputs | self.layout.outputs if self.layout.flat(n))
        f = File("testing/codec_table.cpp", NS, ["<vulkan/vulkan.h>", "<vector>", "protocol/testing/codec_table.hpp",
                                                 "protocol/testing/flat_codec.hpp"])
        for i in range(parts):
            f.add(f"extern const CommandCodec kCommandCodecs_{i:02}[{sizes[i]}];")
        for i, part in enumerate(struct_parts):
            f.add(f"extern const StructCodec kStructCodecs_{i:02}[{len(part)}];")
        f.add("", "namespace {", "", "const StructCodec kFlatStructs[] = {")
        for n in flat:
            f.add(f'flat_codec<{n}>("{n}"),')
        f.add("};", "", "// Joined once, before main; never destroyed.",
              "template <class Codec, class... Parts> std::span<const Codec> join(const Parts&... parts) {",
              "static std::vector<Codec>* const all = new std::vector<Codec>;", "(all->insert(all->end(), std::begin(parts), std::end(parts)), ...);",
              "return *all;", "}", "", "}  // namespace", "",
              "const std::span<const CommandCodec> kCommandCodecs = join<CommandCodec>("
              + ", ".join(f"kCommandCodecs_{i:02}" for i in range(parts)) + ");",
              "const std::span<const StructCodec> kStructCodecs = join<StructCodec>("
              + ", ".join(f"kStructCodecs_{i:02}" for i in range(len(struct_parts))) + ", kFlatStructs);")
        registry_commands = [n for n in self.registry.commands if n not in self.registry.platform_commands]
        inside = [n for n, s in self.registry.structs.items()
                  if s.is_union and not self.layout.flat(n) and n not in self.policy.dropped_structs
                  and not self.structs.union_only(s)]
        # The policy also names what only another registry has.
        no_wire = [n for n in self.policy.no_wire if n in registry_commands]
        dropped = [n for n in self.policy.dropped_structs if n in self.registry.structs]
        f.add(f"const Coverage kCoverage = {{{len(registry_commands)}, {len(no_wire)}, "
              f"{len(self.registry.structs)}, {len(dropped)}, {len(inside)}}};")
        output.write(f)

    def command_entry(self, c):
        n, t = c.name, f"protocol::{c.name}_args"
        args = [f"a.{p.name}" for p in c.params if p.role != "command_buffer"]
        text = (", " + ", ".join(args)) if args else ""
        result = ", a.result" if c.result else ""
        cast = f"const auto& a = *static_cast<const {t}*>(p)"
        mutable = f"auto& a = *static_cast<{t}*>(p)"
        quiet = " (void)a;"
        return [f'{{Command::{n}, "{n}", sizeof({t}), {"true" if c.recorded else "false"}, '
                f'{"true" if c.result or c.outputs or c.made else "false"},',
                f"[](Rng& r, void* p) {{ random_args_{n}(r, *static_cast<{t}*>(p)); }},",
                f"[](SizeCounter& s, const void* p) {{ {cast};{quiet} write_request_{n}(s{text}); }},",
                f"[](Writer& s, const void* p) {{ {cast};{quiet} write_request_{n}(s{text}); }},",
                f"[](Decoder& d, void* p) {{ return decode_{n}(d, *static_cast<{t}*>(p)); }},",
                f"[](Rng& r, void* p) {{ random_outputs_{n}(r, *static_cast<{t}*>(p)); }},",
                f"[](SizeCounter& s, const void* p) {{ write_reply_{n}(s, *static_cast<const {t}*>(p)); }},",
                f"[](Writer& s, const void* p) {{ write_reply_{n}(s, *static_cast<const {t}*>(p)); }},",
                f"[](Reader& r, void* p) {{ {mutable};{quiet} return read_reply_{n}(r{result}{text}); }},",
                f"[](Digest& d, const void* p) {{ digest_inputs_{n}(d, *static_cast<const {t}*>(p)); }},",
                f"[](Digest& d, const void* p) {{ digest_outputs_{n}(d, *static_cast<const {t}*>(p)); }}}},"]

    def struct_functions(self, n):
        lines = []

        def add(name, kind, call, const=""):
            lines.append(f"void t_{name}_{n}({kind}, {const}void* p) {{ {call}, *static_cast<{const}{n}*>(p)); }}")

        if n in self.layout.inputs:
            add("random", "Rng& r", f"random_{n}(r")
            add("measure", "SizeCounter& s", f"write_{n}(s", "const ")
            add("write", "Writer& s", f"write_{n}(s", "const ")
            add("read", "Decoder& d", f"read_{n}(d")
        if n in self.made_outputs:
            add("make", "Rng& r", f"make_output_{n}(r")
            add("out", "Rng& r", f"random_output_{n}(r")
            add("measure_out", "SizeCounter& s", f"write_out_{n}(s", "const ")
            add("write_out", "Writer& s", f"write_out_{n}(s", "const ")
            add("fill", "Reader& r", f"fill_{n}(r")
            if n in self.structs.skeleton:
                add("measure_skel", "SizeCounter& s", f"skel_{n}(s", "const ")
                add("write_skel", "Writer& s", f"skel_{n}(s", "const ")
                add("read_skel", "Decoder& d", f"read_skel_{n}(d")
        add("digest", "Digest& d", f"digest_{n}(d", "const ")
        return lines

    def struct_pointers(self, n):
        def names(condition, items):
            return [f"t_{x}_{n}" if condition else "nullptr" for x in items]

        out = n in self.made_outputs
        skeleton = out and n in self.structs.skeleton
        return ", ".join(names(n in self.layout.inputs, ["random", "measure", "write", "read"])
                         + names(out, ["make", "out"])
                         + names(skeleton, ["measure_skel", "write_skel", "read_skel"])
                         + names(out, ["measure_out", "write_out", "fill"]) + [f"t_digest_{n}"])


def structs_has_function(emitter, name):
    """Unions with a selector are handled by their owner."""
    s = emitter.registry.structs[name]
    return not s.is_union or bool(emitter.structs.union_only(s))
