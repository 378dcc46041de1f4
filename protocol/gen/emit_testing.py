"""What tests need of every struct and command, independent of the codecs: random values and deep digests, and the
tables that put codecs, values and digests side by side. Output: generated/testing/."""

import re

from testing_digests import DigestRules
from testing_values import ValueRules
from text import File, chunks

NS = "viaduct::protocol::testing"
CHUNKS = 12
SUPPORT = ["protocol/testing/digest.hpp", "protocol/testing/rng.hpp"]


class TestingEmitter(ValueRules, DigestRules):
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
        f.add("", "// `parent` is the struct at the head of the chain.",
              "void* random_pnext(Rng& rng, VkStructureType parent, std::initializer_list<VkStructureType> allowed);",
              "void* make_output_pnext(Rng& rng, VkStructureType parent, std::initializer_list<VkStructureType> allowed);",
              "void random_output_pnext(Rng& rng, const void* chain);",
              "void random_inner_pnext(Rng& rng, const void* chain);",
              "void digest_pnext(Digest& d, VkStructureType parent, const void* chain);", "")
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
                               f"void* {verb}_pnext(Rng& rng, VkStructureType parent, std::initializer_list<VkStructureType> allowed) {{",
                               f"return make_chain(rng, parent, allowed, {verb}_link);", "}"])
        walk = "for (auto* p = static_cast<const VkBaseInStructure*>(chain); p != nullptr; p = p->pNext) {"
        for verb, names in (("random_output", outs), ("random_inner", inner)):
            self.pnext_switch(output, f"pnext_{verb}", [f"void {verb}_pnext(Rng& rng, const void* chain) {{", walk],
                              names, lambda n, v=verb: [f"change_link(rng, p, {v}_{n});", "break;"],
                              ["break;", "}", "}", "}"])
        self.pnext_switch(output, "pnext_digest", ["void digest_pnext(Digest& d, VkStructureType parent, const void* chain) {", walk],
                          sorted(set(ins) | set(outs)), lambda n: [f"digest_link(d, parent, p, digest_{n});", "break;"],
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
