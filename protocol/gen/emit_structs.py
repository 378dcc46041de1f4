"""Struct codecs (structs_NN) and the switches over sType (pnext): one function a struct and direction."""

from text import File, chunks, index_header

NS = "viaduct::protocol"
CHUNKS = 16


class StructEmitter:
    def __init__(self, layout, fields):
        self.layout, self.fields, self.registry = layout, fields, layout.registry
        names = sorted(n for n in layout.inputs | layout.outputs if not layout.flat(n) or layout.patched(n))
        self.chunks = chunks(names, CHUNKS)
        self.chunk_of = {n: i for i, part in enumerate(self.chunks) for n in part}
        self.inner = {n for n in layout.inputs if layout.inner_outputs(n)}
        self.skeleton = {n for n in layout.outputs if not layout.flat(n) and layout.has_skeleton(n)}
        # Structs that others may extend (structextends).
        self.roots = sorted({p for n in layout.inputs | layout.outputs for p in layout.extends(n)})

    def header_of(self, name):
        return f"generated/protocol/structs_{self.chunk_of[name]:02}.hpp" if name in self.chunk_of else None

    def chain_of(self, name):
        """The first argument of every pNext function after the chain: whose chain it is."""
        return f"ChainOf::k{name[2:]}" if name in self.roots else "ChainOf::kNothing"

    def headers_for(self, names):
        return sorted({self.header_of(n) for n in names if n in self.chunk_of})

    # ---- bodies ----

    def members(self, s):
        return [m for m in s.members if not (s.has_chain and m.name in ("sType", "pNext"))]

    def runs(self, s):
        """Members in order; adjacent ones whose bytes are their wire form are joined: (first, last, size)."""
        offsets, _, _ = self.layout.offsets(s)
        at = {m.name: (o, size) for m, o, size in offsets}
        out, run = [], None
        for m in self.members(s):
            raw = self.layout.raw_field(m) and not s.is_union
            offset, size = at[m.name]
            if raw and size % 4 == 0:
                if run and run[2] + run[3] == offset:
                    run[1], run[3] = m, run[3] + size
                else:
                    run = [m, m, offset, size]
                    out.append(run)
            else:
                run = None
                out.append(m)
        return out

    def run_lines(self, name, run, verb, base):
        first, last, _, size = run
        if first is last:
            call = f"&v.{first.name}"
        else:
            call = f"{base}(&v) + offsetof({name}, {first.name})"
        lines = []
        if first is not last:
            lines.append(f"static_assert(offsetof({name}, {last.name}) + sizeof(v.{last.name}) - "
                         f"offsetof({name}, {first.name}) == {size});")
        return lines + [f"{verb}({call}, {size});"]

    def walk(self, s, run_verb, base, one):
        lines = []
        for item in self.runs(s):
            if isinstance(item, list):
                lines += self.run_lines(s.name, item, run_verb, base)
            else:
                lines += one(item, f"v.{item.name}", self.layout.shape(item))
        return lines

    CB, MB = "reinterpret_cast<const std::byte*>", "reinterpret_cast<std::byte*>"

    def union_only(self, s):
        only = self.layout.policy.structs.get(s.name, {}).get("as")
        return [s.member(only)] if only else None

    def context(self, s):
        return [f"s.context[{i}] = {e};" for i, e in
                enumerate(self.layout.policy.structs.get(s.name, {}).get("context", []))]

    def write_body(self, s):
        if self.union_only(s):
            return [line for m in self.union_only(s)
                    for line in self.fields.write(m, f"v.{m.name}", self.layout.shape(m))]
        if s.is_union:  # encoded by the owner, which has the selector
            return None
        return self.context(s) + self.walk(s, "s.raw", self.CB, self.write_input)

    def write_input(self, m, acc, shape):
        if shape.output and shape.kind in ("pointer", "array", "bytes"):
            length = shape.length if shape.kind != "pointer" else "1"
            return [f"s.u32({acc} != nullptr ? static_cast<std::uint32_t>({length}) : 0);"]
        return self.fields.write(m, acc, shape)

    def read_body(self, s):
        checks = []
        if self.union_only(s):
            return [line for m in self.union_only(s)
                    for line in self.fields.read(m, f"v.{m.name}", self.layout.shape(m), checks)]
        if s.is_union:
            return None
        if any(m.bits for m in s.members):
            raise SystemExit(f"{s.name}: bitfields in a struct that is not flat")
        # What inner arrays are checked against is known once the scalars are read, before the first pointer.
        context = [line.replace("s.context", "d.context") for line in self.context(s)]

        def one(m, acc, shape):
            first = [context.pop(0) for _ in list(context)] if m.pointers else []
            return first + self.fields.read(m, acc, shape, checks)

        return self.walk(s, "d.raw", self.MB, one) + checks

    def write_out_body(self, s):
        if s.is_union:
            return None
        return self.walk(s, "s.raw", self.CB, lambda m, a, sh: self.fields.write(m, a, sh, raw_handles=True))

    def fill_body(self, s):
        if s.is_union:
            return None
        capacities = [self.fields.capacity(m, f"v.{m.name}", self.layout.shape(m)) for m in self.members(s)
                      if self.layout.shape(m).kind in ("array", "bytes")]
        blocked = [f"v.{m} = VK_FALSE;" for m in self.layout.policy.blocked_features.get(s.name, [])]
        return capacities + self.walk(s, "r.raw", self.MB, self.fields.fill) + blocked

    def skel_body(self, s):
        return [line for m in self.members(s) for line in
                self.fields.skel(m, f"v.{m.name}", self.layout.shape(m))]

    def read_skel_body(self, s):
        return [line for m in self.members(s) for line in
                self.fields.read_skel(m, f"v.{m.name}", self.layout.shape(m))]

    def inner_body(self, s, verb):
        """Outputs inside an input struct: written by the host, filled in the guest."""
        lines = []
        for m in self.members(s):
            shape, acc = self.layout.shape(m), f"v.{m.name}"
            write = verb == "write_inner"
            call = (lambda e, t=m.type: f"write_inner_{t}(s, {e});" if write else f"fill_inner_{t}(r, {e});")
            if shape.output and shape.kind == "pointer":
                lines += (self.fields.write(m, acc, shape, raw_handles=True) if write
                          else self.fields.fill(m, acc, shape))
            elif shape.output and shape.kind in ("array", "bytes"):
                if write:
                    lines += self.fields.write(m, acc, shape, raw_handles=True)
                else:
                    lines += [self.fields.capacity(m, acc, shape)] + self.fields.fill_array(
                        m, acc, f"capacity_{m.name}")
            elif m.type in self.inner and shape.kind == "pointer":
                lines += [f"if ({acc} != nullptr) {call('*' + acc)}"]
            elif m.type in self.inner and shape.kind == "array":
                lines += [f"for (std::uint32_t i = 0; {acc} != nullptr && i < {shape.length}; ++i) {call(acc + '[i]')}"]
            elif m.type in self.inner and shape.kind == "struct":
                lines += [call(acc)]
        return lines

    # ---- files ----

    def declarations(self, name):
        s, t = self.registry.structs[name], name
        lines = []
        if self.layout.flat(t):
            lines.append(f"inline void patch_{t}({t}& v) {{")
            for m in s.members:
                if m.type == "VkImageLayout":
                    lines.append(f"v.{m.name} = Decoder::layout(v.{m.name});")
                elif m.type == "char":
                    lines.append(f"v.{m.name}[sizeof(v.{m.name}) - 1] = 0;")
                elif self.layout.is_struct(m.type) and self.layout.patched(m.type):
                    lines.append(f"patch_{m.type}(v.{m.name});")
            return lines + ["}"]
        chain, of = s.has_chain, self.chain_of(name)
        if name in self.layout.inputs and self.write_body(s) is not None:
            lines.append(f"template <class S> void write_body_{t}(S& s, const {t}& v);")
            lines.append(f"void read_body_{t}(Decoder& d, {t}& v);")
            lines.append(f"template <class S> inline void write_{t}(S& s, const {t}& v) {{ "
                         + (f"write_pnext(s, v.pNext, {of}); " if chain else "") + f"write_body_{t}(s, v); }}")
            lines.append(f"inline void read_{t}(Decoder& d, {t}& v) {{ "
                         + (f"v.sType = {s.s_type}; v.pNext = read_pnext(d, {of}); "
                            if chain and s.s_type else "")
                         + f"read_body_{t}(d, v); }}")
            if name in self.inner:
                lines.append(f"template <class S> void write_inner_body_{t}(S& s, const {t}& v);")
                lines.append(f"void fill_inner_body_{t}(Reader& r, const {t}& v);")
                lines.append(f"template <class S> inline void write_inner_{t}(S& s, const {t}& v) {{ "
                             + ("write_inner_pnext(s, v.pNext); " if chain else "") + f"write_inner_body_{t}(s, v); }}")
                lines.append(f"inline void fill_inner_{t}(Reader& r, const {t}& v) {{ "
                             + (f"fill_inner_pnext(r, v.pNext, {of}); " if chain else "") + f"fill_inner_body_{t}(r, v); }}")
        if name in self.layout.outputs and self.write_out_body(s) is not None:
            lines.append(f"template <class S> void write_out_body_{t}(S& s, const {t}& v);")
            lines.append(f"void fill_body_{t}(Reader& r, {t}& v);")
            lines.append(f"template <class S> inline void write_out_{t}(S& s, const {t}& v) {{ "
                         + ("write_out_pnext(s, v.pNext); " if chain else "") + f"write_out_body_{t}(s, v); }}")
            lines.append(f"inline void fill_{t}(Reader& r, {t}& v) {{ "
                         + (f"fill_pnext(r, v.pNext, {of}); " if chain else "") + f"fill_body_{t}(r, v); }}")
            if name in self.skeleton:
                lines.append(f"template <class S> void skel_body_{t}(S& s, const {t}& v);")
                lines.append(f"void read_skel_body_{t}(Decoder& d, {t}& v);")
                lines.append(f"template <class S> inline void skel_{t}(S& s, const {t}& v) {{ "
                             + (f"skel_pnext(s, v.pNext, {of}); " if chain else "") + f"skel_body_{t}(s, v); }}")
                lines.append(f"inline void read_skel_{t}(Decoder& d, {t}& v) {{ "
                             + (f"v.sType = {s.s_type}; v.pNext = read_skel_pnext(d, {of}); "
                                if chain and s.s_type else "")
                             + f"read_skel_body_{t}(d, v); }}")
        return lines

    def sink_function(self, name, verb, body):
        unused = [] if any("s." in b or "(s" in b for b in body) else ["(void)s;"]
        unused += [] if any("v" in b for b in body) else ["(void)v;"]
        return [f"template <class S> void {verb}_{name}(S& s, const {name}& v) {{", *unused, *body, "}",
                f"template void {verb}_{name}(SizeCounter&, const {name}&);",
                f"template void {verb}_{name}(Writer&, const {name}&);", ""]

    def plain_function(self, name, verb, cursor, kind, body, const=""):
        unused = [] if any(f"{cursor}." in b or f"({cursor}" in b for b in body) else [f"(void){cursor};"]
        unused += [] if any("v." in b or "&v" in b for b in body) else ["(void)v;"]
        return [f"void {verb}_{name}({kind}& {cursor}, {const}{name}& v) {{", *unused, *body, "}", ""]

    def definitions(self, name):
        s = self.registry.structs[name]
        if self.layout.flat(name):
            return []
        lines = []
        if name in self.layout.inputs and self.write_body(s) is not None:
            lines += self.sink_function(name, "write_body", self.write_body(s))
            lines += self.plain_function(name, "read_body", "d", "Decoder", self.read_body(s))
            if name in self.inner:
                lines += self.sink_function(name, "write_inner_body", self.inner_body(s, "write_inner"))
                lines += self.plain_function(name, "fill_inner_body", "r", "Reader",
                                             self.inner_body(s, "fill_inner"), "const ")
        if name in self.layout.outputs and self.write_out_body(s) is not None:
            lines += self.sink_function(name, "write_out_body", self.write_out_body(s))
            lines += self.plain_function(name, "fill_body", "r", "Reader", self.fill_body(s))
            if name in self.skeleton:
                lines += self.sink_function(name, "skel_body", self.skel_body(s))
                lines += self.plain_function(name, "read_skel_body", "d", "Decoder", self.read_skel_body(s))
        return lines

    def used_by(self, name):
        used = {m.type for m in self.registry.structs[name].members if self.layout.is_struct(m.type)}
        for u in list(used):  # arms of unions are encoded here
            if self.registry.structs[u].is_union:
                used |= {m.type for m in self.registry.structs[u].members}
        return used

    def emit(self, output):
        for i, names in enumerate(self.chunks):
            base = f"protocol/structs_{i:02}"
            header = File(base + ".hpp", NS,
                          ["<vulkan/vulkan.h>", "generated/protocol/pnext.hpp", "protocol/wire/decoder.hpp",
                           "protocol/wire/reader.hpp", "protocol/wire/writer.hpp"]
                          + self.headers_for({u for n in names if self.layout.flat(n) for u in self.used_by(n)}
                                             - set(names)),
                          f"Codecs of the structs {names[0]} to {names[-1]}.")
            source = File(base + ".cpp", NS, [f"generated/{base}.hpp", "<cstddef>", "protocol/wire/intern.hpp"]
                          + self.headers_for({u for n in names for u in self.used_by(n)}))
            ordered = sorted(names, key=lambda n: (not self.layout.flat(n), n))
            for n in ordered:
                header.add(*self.declarations(n))
                source.add(*self.definitions(n))
            output.write(header)
            output.write(source)
        index_header(output, "protocol", "structs", len(self.chunks))
        self.emit_pnext(output)

    def emit_pnext(self, output):
        header = File("protocol/pnext.hpp", NS, ["<cstdint>", "protocol/wire/decoder.hpp", "protocol/wire/reader.hpp",
                                                 "protocol/wire/writer.hpp"],
                      "pNext chains: a sequence of {sType, body} ended by 0. Structs that this build does not know, that the policy\n"
                      "drops, or that do not extend the struct whose chain it is (the registry's structextends) are skipped by the\n"
                      "guest's functions, like those that the host does not know (peer_structs.hpp), and refused by the host's readers.")
        header.add("// Whose chain it is; kNothing: a struct that none extends.",
                   "enum class ChainOf : std::uint16_t {", "kNothing,", *[f"k{n[2:]}," for n in self.roots], "};", "")
        for verb in ("write", "skel"):
            header.add(f"template <class S> void {verb}_pnext(S& s, const void* chain, ChainOf of);")
        for verb in ("write_out", "write_inner"):
            header.add(f"template <class S> void {verb}_pnext(S& s, const void* chain);")
        header.add("void* read_pnext(Decoder& d, ChainOf of);", "void* read_skel_pnext(Decoder& d, ChainOf of);",
                   "void fill_pnext(Reader& r, const void* chain, ChainOf of);",
                   "void fill_inner_pnext(Reader& r, const void* chain, ChainOf of);",
                   "// The size of an output struct of a chain; 0 if it is not known, or if members of it are to be set on entry.",
                   "std::size_t plain_output_size(VkStructureType s_type);")
        output.write(header)
        self.emit_pnext_sizes(output)
        ins, outs = self.layout.chained("in"), self.layout.chained("out")
        inner = [n for n in ins if n in self.inner]
        self.pnext_file(output, "pnext_in_write", ins, [self.pnext_writer("write", ins)])
        self.pnext_file(output, "pnext_in_read", ins, [self.pnext_reader("read", ins)])
        self.pnext_file(output, "pnext_out_skeleton", outs, [
            self.pnext_writer("skel", outs), self.pnext_reader("read_skel", outs), self.plain_output_size(outs)])
        self.pnext_file(output, "pnext_out", outs, [
            self.pnext_writer("write_out", outs), self.pnext_filler("fill", outs)])
        self.pnext_file(output, "pnext_inner", inner, [
            self.pnext_writer("write_inner", inner), self.pnext_filler("fill_inner", inner)])

    def emit_pnext_sizes(self, output):
        header = File("protocol/pnext_sizes.hpp", NS, ["<cstddef>", "<vulkan/vulkan.h>"],
                      "How long the structs are that may stand in a chain of inputs; 0 for those that do not travel.")
        header.add("std::size_t chained_size(VkStructureType type) noexcept;")
        output.write(header)
        source = File("protocol/pnext_sizes.cpp", NS, ["generated/protocol/pnext_sizes.hpp"])
        source.add("std::size_t chained_size(VkStructureType type) noexcept {", "switch (type) {")
        for n in self.layout.chained("in"):
            source.add(f"case {self.registry.structs[n].s_type}: return sizeof({n});")
        source.add("default: return 0;", "}", "}")
        output.write(source)

    def pnext_file(self, output, name, structs, functions):
        f = File(f"protocol/{name}.cpp", NS, ["generated/protocol/pnext.hpp", "protocol/wire/peer_structs.hpp"]
                 + self.headers_for(structs))
        for lines in functions:
            f.add(*lines, "")
        output.write(f)

    def misplaced(self, name):
        """The condition that a struct does not belong into the chain of `of`."""
        return "(" + (" && ".join(f"of != {self.chain_of(p)}" for p in self.layout.extends(name)) or "true") + ")"

    def pnext_writer(self, verb, names):
        checked = verb in ("write", "skel")  # the others write what the host's own reader has checked
        params = "const void*" + (", ChainOf" if checked else "")
        lines = [f"template <class S> void {verb}_pnext(S& s, const void* chain{', ChainOf of' if checked else ''}) {{",
                 "for (auto* p = static_cast<const VkBaseInStructure*>(chain); p != nullptr; p = p->pNext) {",
                 "switch (p->sType) {"]
        for n in names:
            s = self.registry.structs[n]
            body = f"{verb}_body_{n}(s, *reinterpret_cast<const {n}*>(p));"
            if verb == "skel" and n not in self.skeleton:
                body = ""
            left_out = f"if ({self.misplaced(n)} || !peer_knows(ChainStruct::{n})) break;"
            lines += [f"case {s.s_type}:", left_out if checked else "", f"s.u32({s.s_type});", body, "break;"]
        return [x for x in lines if x] + ["default:", "break;", "}", "}", "s.u32(0);", "}",
                                          f"template void {verb}_pnext(SizeCounter&, {params});",
                                          f"template void {verb}_pnext(Writer&, {params});"]

    def pnext_reader(self, verb, names):
        lines = ["namespace {", "template <class T> T* append(Decoder& d, VkBaseOutStructure**& tail, "
                 "VkStructureType s_type) {",
                 "T* p = d.make<T>(1);", "if (p == nullptr) return nullptr;", "p->sType = s_type;",
                 "*tail = reinterpret_cast<VkBaseOutStructure*>(p);", "tail = &(*tail)->pNext;", "return p;", "}",
                 "}  // namespace", "",
                 f"void* {verb}_pnext(Decoder& d, ChainOf of) {{",
                 "std::uint32_t s_type = d.u32();", "if (s_type == 0) return nullptr;",
                 "VkBaseOutStructure* head = nullptr;",
                 "VkBaseOutStructure** tail = &head;", "if (!d.enter()) return nullptr;",
                 "bool misplaced = false;",
                 "for (std::uint32_t length = 0; s_type != 0 && d.ok_to_read(); ++length) {",
                 'if (length == kMaxChainLength) { d.fail("pNext chain is too long"); break; }',
                 "switch (s_type) {"]
        for n in names:
            s = self.registry.structs[n]
            lines += [f"case {s.s_type}:", f"if ({self.misplaced(n)}) {{ misplaced = true; break; }}"]
            if verb == "read_skel" and n not in self.skeleton:
                lines += [f"append<{n}>(d, tail, {s.s_type});"]
            else:
                lines += [f"if (auto* p = append<{n}>(d, tail, {s.s_type})) {verb}_body_{n}(d, *p);"]
            lines += ["break;"]
        return lines + ["default:", 'd.fail("pNext struct is not known here");', "break;", "}",
                        'if (misplaced) { d.fail("pNext struct does not extend the struct that it is chained to"); break; }',
                        "s_type = d.u32();", "}", "d.leave();",
                        "return d.ok_to_read() ? head : nullptr;", "}"]

    def plain_output_size(self, names):
        plain = [s for s in (self.registry.structs[n] for n in names) if not any(self.skel_body(s))]
        cases = [f"case {s.s_type}: return sizeof({s.name});" for s in plain]
        return ["std::size_t plain_output_size(VkStructureType s_type) {", "switch (s_type) {", *cases,
                "default: return 0;", "}", "}"]

    def pnext_filler(self, verb, names):
        # The reply leaves out what the host's driver left alone, and what it was not asked for because it does not know it:
        # so does the guest. A failed reader gives zeros: then the whole chain is zeroed, so that no output stays as it was.
        lines = [f"void {verb}_pnext(Reader& r, const void* chain, ChainOf of) {{", "std::uint32_t next = r.u32();",
                 "for (auto* p = static_cast<const VkBaseInStructure*>(chain); p != nullptr; p = p->pNext) {",
                 "switch (p->sType) {"]
        for n in names:
            s = self.registry.structs[n]
            target = (f"*reinterpret_cast<{n}*>(const_cast<VkBaseInStructure*>(p))" if verb == "fill"
                      else f"*reinterpret_cast<const {n}*>(p)")
            lines += [f"case {s.s_type}:", f"if ({self.misplaced(n)}) break;",
                      f"if (next == {s.s_type} || !r.ok()) {{", f"{verb}_body_{n}(r, {target});",
                      "next = r.u32();", "}", "break;"]
        return lines + ["default:", "break;", "}", "}", 'r.check(next == 0, "reply has another chain");', "}"]
