"""What tests put into structs and arguments: random inputs, memory for outputs, and what a driver writes there.

Mixin of TestingEmitter. Values and outputs of a field follow one list of shapes."""

import re

from layout import LAYOUT


class ValueRules:
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
            lines += [f"v.sType = {s.s_type};", f"v.pNext = random_pnext(rng, {s.s_type}, {{{', '.join(types)}}});"]
        body = self.random_body(s)
        unused = [] if any("rng" in x for x in body) or s.has_chain else ["(void)rng;"]
        return lines + unused + body + ["}", ""]

    # ---- outputs ----

    def make_output_function(self, s):
        lines = [f"void make_output_{s.name}(Rng& rng, {s.name}& v) {{"]
        if s.has_chain:
            types = [self.registry.structs[c].s_type for c in self.chain_list(s.name, "out")]
            lines += [f"v.sType = {s.s_type};", f"v.pNext = make_output_pnext(rng, {s.s_type}, {{{', '.join(types)}}});"]
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
                if m.type == "void":
                    acc = f"static_cast<std::uint8_t*>({acc})"
                lines += [f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) {{",
                          *self.rand_output_element(m.type, f"{acc}[i]"), "}"]
            elif m.type in self.structs.inner and shape.kind in ("pointer", "array"):
                n = shape.length or "1"
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {n}; ++i) "
                             f"random_inner_{m.type}(rng, {acc}[i]);")
            elif m.type in self.structs.inner and shape.kind == "struct":
                lines.append(f"random_inner_{m.type}(rng, {acc});")
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
