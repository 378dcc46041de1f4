"""C++ for one field in each of the directions a codec has. Struct members and command parameters share it; they
differ only in how the field is reached (`acc`).

  write      guest -> request: an input                       (sink s)
  read       request -> host: an input                        (Decoder d)
  skel       guest -> request: what an output needs to be made (chain's sTypes, capacities)
  read_skel  request -> host: makes the output
  out        host -> reply: an output                         (sink s)
  fill       reply -> guest: an output into the caller's memory (Reader r)
"""

from layout import LAYOUT, Layout


class Fields:
    def __init__(self, layout: Layout):
        self.layout = layout
        self.registry = layout.registry

    # ---- names ----

    def object_type(self, name):
        base = name[2:]
        return f"ObjectType::k{base}"

    def chain_struct(self, name):
        return self.registry.structs[name].has_chain

    # ---- write: request inputs, and `out`: reply outputs ----

    def write(self, f, acc, shape, raw_handles=False):
        """Lines that put an input (or, with raw_handles, an output) into sink `s`."""
        verb = "write_out" if raw_handles else "write"
        lay, kind, t = self.layout, shape.kind, f.type
        if kind == "drop":
            return []
        if kind == "opaque":
            return [f"s.u64(reinterpret_cast<std::uintptr_t>({acc}));"]
        if kind == "scalar":
            if t == "VkRemoteAddressNV":
                return [f"s.u64(reinterpret_cast<std::uintptr_t>({acc}));"]
            size = lay.size_align(t)[0]
            if f.bits or size < 4:
                return [f"s.u32(static_cast<std::uint32_t>({acc}));"]
            return [f"s.raw(&{acc}, {size});"]
        if kind == "size":
            return [f"s.u64({acc});"]
        if kind == "handle":
            return [f"s.u64({'handle_bits' if raw_handles else 'id_of'}({acc}));"]
        if kind in ("struct", "union"):
            return self._write_one(f, acc, verb, shape, raw_handles)
        if kind == "fixed":
            if lay.flat(t):
                return [f"s.bytes(&{acc}, sizeof({acc}));"]
            return [f"for (const auto& e : {acc}) {{", *self._write_element(t, "e", verb, raw_handles), "}"]
        if kind == "string":
            return [f"s.string({acc});"]
        present = f"{acc} != nullptr" + (f" && ({lay.with_prefix(shape.when, self._prefix(f, acc))})"
                                         if shape.when else "")
        if kind == "pointer":
            return [f"if ({present}) {{", "s.u32(1);", *self._write_element(t, f"(*{acc})", verb, raw_handles),
                    "} else {", "s.u32(0);", "}"]
        n = f"n_{f.name}"
        lines = [f"const std::uint32_t {n} = {present} ? static_cast<std::uint32_t>({shape.length}) : 0;",
                 f"s.u32({n});"]
        loop = f"for (std::uint32_t i = 0; i < {n}; ++i) {{"
        if kind == "strings":
            return lines + [loop, f"s.string({acc}[i]);", "}"]
        if kind == "pointers":
            return lines + [loop, *self._write_element(t, f"(*{acc}[i])", verb, raw_handles), "}"]
        if kind == "arrays":
            return lines + [loop, f"const std::uint32_t m = {acc}[i] != nullptr ? {shape.inner_length} : 0;",
                            "s.u32(m);", *self._write_elements(t, f"{acc}[i]", "m", verb, raw_handles, "j"), "}"]
        return lines + self._write_elements(t, acc, n, verb, raw_handles, stride=f.stride)

    @staticmethod
    def _prefix(f, acc):
        return acc[: len(acc) - len(f.name)]

    def _write_one(self, f, acc, verb, shape, raw_handles):
        t = f.type
        if self.layout.flat(t):
            return [f"s.bytes(&{acc}, sizeof({acc}));"]
        if shape.kind == "union" and f.selector:
            return self._select(f, acc, lambda m, a, sh: self.write(m, a, sh, raw_handles))
        return [f"{verb}_{t}(s, {acc});"]

    def _select(self, f, acc, emit):
        """A switch over the selector with `emit` for the selected member."""
        prefix = self._prefix(f, acc)
        lines = [f"switch ({prefix}{f.selector}) {{"]
        for m in self.registry.structs[f.type].members:
            lines += [f"case {s}:" for s in m.selection]
            lines += ["{", *emit(m, f"{acc}.{m.name}", self.layout.shape(m, f"{acc}.")), "break;", "}"]
        return lines + ["default:", "break;", "}"]

    def _write_element(self, t, e, verb, raw_handles):
        lay = self.layout
        if t == "void":
            raise SystemExit("void element")
        if lay.flat(t):
            return [f"s.bytes(&{e}, sizeof({e}));"]
        if lay.is_handle(t):
            return [f"s.u64({'handle_bits' if raw_handles else 'id_of'}({e}));"]
        if lay.is_struct(t):
            return [f"{verb}_{t}(s, {e});"]
        return [f"s.u64({e});"]

    def _write_elements(self, t, p, n, verb, raw_handles, index="i", stride=None):
        size = "1" if t == "void" else f"sizeof({t})"
        if t == "void" or self.layout.flat(t):
            if stride:
                return [f"if ({n} != 0) s.align8();", f"for (std::uint32_t i = 0; i < {n}; ++i) {{",
                        f"s.raw(reinterpret_cast<const std::byte*>({p}) + std::size_t{{i}} * {stride}, {size});", "}"]
            return [f"if ({n} != 0) {{", "s.align8();",
                    f"s.bytes({p}, std::size_t{{{n}}} * {size});", "}"]
        return [f"for (std::uint32_t {index} = 0; {index} < {n}; ++{index}) {{",
                *self._write_element(t, f"{p}[{index}]", verb, raw_handles), "}"]

    # ---- read: request inputs on the host ----

    def read(self, f, acc, shape, checks):
        """Lines that take an input from decoder `d` into `acc`; conditions over several members go to `checks`."""
        lay, kind, t = self.layout, shape.kind, f.type
        if kind == "drop":
            return []
        if kind == "opaque":
            return [f"{acc} = reinterpret_cast<decltype({acc})>(static_cast<std::uintptr_t>(d.u64()));"]
        if kind == "scalar":
            if t == LAYOUT:
                return [f"{acc} = Decoder::layout(d.u32());"]
            size = lay.size_align(t)[0]
            if size < 4:
                return [f"{acc} = static_cast<{t}>(d.u32());"]
            return [f"d.raw(&{acc}, {size});"]
        if kind == "size":
            return [f"{acc} = static_cast<std::size_t>(d.u64());"]
        if kind == "handle":
            return [f"{acc} = d.handle<{t}>({self.object_type(t)});"]
        if kind in ("struct", "union"):
            if not lay.flat(t) and kind == "union" and f.selector:
                def arm(m, a, sh):  # what is checked of an arm is checked only where that arm is selected
                    own = []
                    return self.read(m, a, sh, own) + own

                return self._select(f, acc, arm)
            return self._read_element(t, acc)
        if kind == "fixed":
            if lay.flat(t) and not lay.patched(t):
                return [f"d.raw(&{acc}, sizeof({acc}));"]
            return [f"for (auto& e : {acc}) {{", *self._read_element(t, "e"), "}"]
        if kind == "string":
            if not shape.optional:
                checks.append(f'd.check({acc} != nullptr, "{f.owner}.{f.name} is null");')
            return [f"{acc} = d.string();"]
        if kind == "pointer":
            if not shape.optional:
                checks.append(f'd.check({acc} != nullptr, "{f.owner}.{f.name} is null");')
            p = f"p_{f.name}"
            body = self._read_element(t, f"(*{p})") if not shape.output else []
            return [f"if (d.u32() != 0) {{", f"if (auto* {p} = d.make<{t}>(1)) {{", *body, f"{acc} = {p};", "}", "}"]
        n, p = f"n_{f.name}", f"p_{f.name}"
        checks.append(self._count_check(f, acc, shape, n))
        if kind == "strings":
            return [f"const std::uint32_t {n} = d.count(4);", f"auto* {p} = d.make<const char*>({n});",
                    f"for (std::uint32_t i = 0; {p} != nullptr && i < {n} && d.ok_to_read(); ++i) {{",
                    f"{p}[i] = d.string();", f'd.check({p}[i] != nullptr, "{f.owner}.{f.name} holds a null");', "}",
                    f"{acc} = {p};"]
        if kind == "pointers":
            return [f"const std::uint32_t {n} = d.count(4);", f"auto* {p} = d.make<const {t}*>({n});",
                    f"auto* e_{f.name} = d.make<{t}>({n});",
                    f"for (std::uint32_t i = 0; e_{f.name} != nullptr && {p} != nullptr && i < {n} && d.ok_to_read();"
                    " ++i) {", *self._read_element(t, f"e_{f.name}[i]"), f"{p}[i] = &e_{f.name}[i];", "}",
                    f"{acc} = {p};"]
        if kind == "arrays":
            inner = [f"const std::uint32_t m = d.count(sizeof({t}));", f"{p}[i] = d.flat<{t}>(m);"]
            checks.append(f"for (std::uint32_t i = 0; d.ok_to_read() && i < {n}; ++i) {{ "
                          f'd.check(m_{f.name}[i] == {shape.inner_length}, "{f.owner}.{f.name} has a wrong count"); }}')
            return [f"const std::uint32_t {n} = d.count(4);", f"auto* {p} = d.make<const {t}*>({n});",
                    f"auto* m_{f.name} = d.make<std::uint32_t>({n});",
                    f"for (std::uint32_t i = 0; {p} != nullptr && m_{f.name} != nullptr && i < {n}"
                    " && d.ok_to_read(); ++i) {", *inner, f"m_{f.name}[i] = m;", "}", f"{acc} = {p};"]
        if shape.output:
            return [f"const std::uint32_t {n} = d.u32();",
                    f"{acc} = d.make<{'std::byte' if t == 'void' else t}>({n});"]
        return self._read_array(f, acc, n, p)

    def _count_check(self, f, acc, shape, n):
        if shape.context is not None:
            return (f'd.check({n} == 0 || ({n} == d.context[{shape.context}] && {n} <= {shape.maximum}u), '
                    f'"{f.owner}.{f.name} has a wrong count");')
        expected = f"static_cast<std::uint64_t>({shape.length})"
        optional = shape.optional
        if shape.when:
            prefix = self._prefix(f, acc)
            expected = f"(({self.layout.with_prefix(shape.when, prefix)}) ? {expected} : 0u)"
            optional = f.is_optional()
        condition = f"{n} == {expected}" + (f" || {n} == 0" if optional else "")
        if "/ 4" in shape.length:  # the driver reads the bytes that the size says
            condition = f"({condition}) && {shape.length.split('/')[0].strip()} % 4 == 0"
        if shape.maximum is not None:
            condition = f"({condition}) && {n} <= {shape.maximum}u"
        return f'd.check({condition}, "{f.owner}.{f.name} has a wrong count");'

    def _read_array(self, f, acc, n, p):
        lay, t = self.layout, f.type
        if t == "void":
            aligned = self.layout.policy.field(f).get("aligned", False)
            return [f"const std::uint32_t {n} = d.count(1);",
                    f"{acc} = d.{'aligned_bytes' if aligned else 'flat<std::byte>'}({n});"]
        if lay.flat(t):
            count = f"const std::uint32_t {n} = d.count(sizeof({t}));"
            if lay.patched(t):
                patch = f"Decoder::layout({p}[i])" if t == LAYOUT else None
                body = f"{p}[i] = {patch};" if patch else f"patch_{t}({p}[i]);"
                return [count, f"auto* {p} = d.flat_copy<{t}>({n});",
                        f"for (std::uint32_t i = 0; {p} != nullptr && i < {n}; ++i) {body}", f"{acc} = {p};"]
            return [count, f"{acc} = d.{'flat' if f.const else 'flat_copy'}<{t}>({n});"]
        size = 4 if lay.is_struct(t) else 8
        return [f"const std::uint32_t {n} = d.count({size});", f"auto* {p} = d.make<{t}>({n});",
                f"for (std::uint32_t i = 0; {p} != nullptr && i < {n} && d.ok_to_read(); ++i) {{",
                *self._read_element(t, f"{p}[i]"), "}", f"{acc} = {p};"]

    def _read_element(self, t, e):
        lay = self.layout
        if lay.is_handle(t):
            return [f"{e} = d.handle<{t}>({self.object_type(t)});"]
        if t == LAYOUT:
            return [f"{e} = Decoder::layout(d.u32());"]
        if lay.flat(t):
            lines = [f"d.raw(&{e}, sizeof({e}));"]
            return lines + ([f"patch_{t}({e});"] if lay.patched(t) else [])
        if lay.is_struct(t):
            return [f"read_{t}(d, {e});"]
        return [f"{e} = static_cast<std::size_t>(d.u64());"]

    # ---- skeletons of outputs ----

    def skel(self, f, acc, shape):
        """Members of an output struct that the request must describe."""
        lay, t = self.layout, f.type
        if shape.kind in ("struct",) and not lay.flat(t) and lay.has_skeleton(t):
            return [f"skel_{t}(s, {acc});"]
        if shape.kind in ("array", "bytes"):
            n = f"n_{f.name}"
            lines = [f"const std::uint32_t {n} = {acc} != nullptr ? static_cast<std::uint32_t>({shape.length}) : 0;",
                     f"s.u32({n});"]
            if lay.is_struct(t) and not lay.flat(t) and lay.has_skeleton(t):
                lines += [f"for (std::uint32_t i = 0; i < {n}; ++i) skel_{t}(s, {acc}[i]);"]
            return lines
        if shape.kind == "pointer":
            raise SystemExit(f"{f.owner}.{f.name}: output pointer inside an output struct")
        return []

    def read_skel(self, f, acc, shape):
        lay, t = self.layout, f.type
        if shape.kind == "struct" and not lay.flat(t) and lay.has_skeleton(t):
            return [f"read_skel_{t}(d, {acc});"]
        if shape.kind in ("array", "bytes"):
            n, element = f"n_{f.name}", "std::byte" if t == "void" else t
            p = f"p_{f.name}"
            lines = [f"const std::uint32_t {n} = d.u32();", f"auto* {p} = d.make<{element}>({n});", f"{acc} = {p};"]
            if lay.is_struct(t) and not lay.flat(t) and lay.has_skeleton(t):
                lines += [f"for (std::uint32_t i = 0; {p} != nullptr && i < {n} && d.ok_to_read(); ++i) "
                          f"read_skel_{t}(d, {p}[i]);"]
            if shape.context is None:
                lines += [f"{self._prefix(f, acc)}{f.len[0]} = {n};"]
            else:
                lines.insert(1, self._count_check(f, acc, shape, n))
            return lines
        return []

    # ---- fill: outputs in the guest ----

    def fill(self, f, acc, shape):
        lay, kind, t = self.layout, shape.kind, f.type
        if kind == "drop":
            return []
        if kind == "opaque" or t == "VkRemoteAddressNV":
            return [f"{acc} = reinterpret_cast<decltype({acc})>(static_cast<std::uintptr_t>(r.u64()));"]
        if kind == "scalar":
            size = lay.size_align(t)[0]
            if size < 4:
                return [f"{acc} = static_cast<{t}>(r.u32());"]
            return [f"r.raw(&{acc}, {size});"]
        if kind == "size":
            return [f"{acc} = static_cast<std::size_t>(r.u64());"]
        if kind == "handle":
            return [f"{acc} = handle_from_bits<{t}>(r.u64());"]
        if kind in ("struct", "union"):
            if not lay.flat(t) and kind == "union" and f.selector:
                return self._select(f, acc, self.fill)
            return self._fill_element(t, acc)
        if kind == "fixed":
            if lay.flat(t):
                return [f"r.raw(&{acc}, sizeof({acc}));"]
            return [f"for (auto& e : {acc}) {{", *self._fill_element(t, "e"), "}"]
        if kind == "string":
            return [f"{acc} = read_interned(r);"]
        if kind == "pointer":
            return [f"if (r.u32() != 0 && {acc} != nullptr) {{", *self._fill_element(t, f"(*{acc})"), "}"]
        if kind in ("array", "bytes"):
            return self.fill_array(f, acc, f"capacity_{f.name}")
        raise SystemExit(f"{f.owner}.{f.name}: no way to fill a {kind}")

    def fill_array(self, f, acc, capacity):
        lay, t, n = self.layout, f.type, f"n_{f.name}"
        flat = t == "void" or lay.flat(t)
        size = "1" if t == "void" else f"sizeof({t})" if flat else "4" if lay.is_struct(t) else "8"
        lines = [f"const std::uint32_t {n} = r.count({size});",
                 f'r.check({n} <= {capacity}, "{f.owner}.{f.name} does not fit");']
        if flat:
            return lines + [f"if ({n} != 0 && r.ok()) {{", "r.align8();",
                            f"r.raw({acc}, std::size_t{{{n}}} * {size});", "}"]
        return lines + [f"for (std::uint32_t i = 0; r.ok() && i < {n}; ++i) {{",
                        *self._fill_element(t, f"{acc}[i]"), "}"]

    def _fill_element(self, t, e):
        lay = self.layout
        if lay.flat(t):
            return [f"r.raw(&{e}, sizeof({e}));"]
        if lay.is_handle(t):
            return [f"{e} = handle_from_bits<{t}>(r.u64());"]
        if lay.is_struct(t):
            return [f"fill_{t}(r, {e});"]
        return [f"{e} = static_cast<std::size_t>(r.u64());"]

    def capacity(self, f, acc, shape):
        """What the caller's memory holds, taken before the counts are overwritten."""
        length = shape.length.replace("s.context", "r.context")
        return f"const std::uint64_t capacity_{f.name} = {acc} != nullptr ? {length} : 0;"
