"""Deep digests of structs and arguments, independent of the codecs. Mixin of TestingEmitter, beside ValueRules."""


class DigestRules:
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
            lines.append("digest_pnext(d, v.sType, v.pNext);")
        lines += self.context_lines(s.name, "d")
        members = self.structs.union_only(s) or self.structs.members(s)
        for m in members:
            lines += self.digest(m, f"v.{m.name}", self.layout.shape(m), output)
        if len(lines) == 1:
            lines += ["(void)d;", "(void)v;"]
        return lines + ["}", ""]

    # ---- commands ----

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
