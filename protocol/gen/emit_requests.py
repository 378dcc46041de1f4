"""Requests and replies: one args struct, encoder, decoder, reply writer and reply reader a command."""

import re

from text import File, chunks, index_header

NS = "viaduct::protocol"
CHUNKS = 12


# What protocol/wire/flat_decoder.hpp can do.
FLAT = {"command_buffer", "command_buffer_id", "raw", "u32", "u64", "count", "flat", "make", "make_named",
        "lookup", "check", "ok", "ok_to_read"}


def flat(lines):
    """Whether a decoder's statements need no more than a FlatDecoder."""
    text = "\n".join(lines)
    return set(re.findall(r"\bd\.(\w+)", text)) <= FLAT and not re.search(r"\bd\b(?!\.)", text)


def snake_type(name):
    return "k" + name[2:]


class RequestEmitter:
    def __init__(self, layout, fields, structs, commands, policy):
        self.layout, self.fields, self.structs, self.policy = layout, fields, structs, policy
        self.registry = layout.registry
        self.commands = commands
        self.chunks = chunks(commands, CHUNKS)
        self.chunk_of = {c.name: i for i, part in enumerate(self.chunks) for c in part}

    def header_of(self, command):
        return f"generated/protocol/requests_{self.chunk_of[command.name]:02}.hpp"

    # ---- properties ----

    def fixed_size(self, c):
        """Bytes of the body if they never vary, else None."""
        total = 0
        for p in c.params:
            f, shape, lay = p.field, p.shape, self.layout
            if p.role in ("skip", "command_buffer"):
                continue
            if p.role == "in":
                if shape.kind in ("scalar",):
                    size = 8 if f.type == "VkRemoteAddressNV" else max(lay.size_align(f.type)[0], 4)
                elif shape.kind in ("size", "handle", "opaque"):
                    size = 8
                elif shape.kind in ("struct", "fixed") and lay.flat(f.type):
                    size = (lay.field_size_align(f)[0] + 3) // 4 * 4
                else:
                    return None
            elif p.role == "made" and not shape.length:
                size = 8
            elif p.role == "count":
                size = 4 if f.type == "uint32_t" else 8
            elif p.role == "out" and shape.kind == "pointer" and not shape.optional and not (
                    lay.is_struct(f.type) and f.type in self.structs.skeleton):
                size = 0
            else:
                return None
            total += size
        return total

    def simple(self, c):
        """Encoders short enough to be inlined: no struct codecs are called."""
        return all(p.role in ("skip", "command_buffer") or p.role == "in" and (
            not self.layout.is_struct(p.type) or self.layout.flat(p.type)) for p in c.params)

    def inner(self, c):
        return [p for p in c.params if p.role == "in" and p.type in self.structs.inner]

    # ---- args ----

    def args_struct(self, c):
        lines = [f"struct {c.name}_args {{"]
        for p in c.params:
            f, t = p.field, p.field.type
            if p.role == "skip":
                lines.append(f"{f.declaration} = nullptr;")
            elif p.role == "command_buffer":
                lines += [f"{t} {f.name}{{}};", f"ObjectId {f.name}_id = 0;"]
            elif p.role == "made":
                lines += [f"{t}* {f.name} = nullptr;", f"ObjectId* {f.name}_ids = nullptr;"]
            elif p.shape.kind == "handle":
                lines += [f"{t} {f.name}{{}};", f"ObjectId {f.name}_id = 0;"]
            elif p.role == "in" and p.shape.kind == "array" and self.layout.is_handle(t):
                lines += [f"const {t}* {f.name} = nullptr;", f"const ObjectId* {f.name}_ids = nullptr;"]
            elif f.dims:  # an array parameter is a pointer to its first element
                dims = "".join(f"[{d}]" for d in f.dims)
                lines.append(f"{t} {f.name}{dims}{{}};")
            else:
                lines.append(f"{f.declaration}{{}};")
        for path in self.policy.command(c.name).get("watch", []):
            lines.append(f"ObjectId {path.replace('.', '_')}_id = 0;")
        if c.result:
            lines.append(f"{c.returns} result{{}};")
        return lines + ["};", ""]

    # ---- request ----

    def write_request(self, c):
        lines = []
        for p in c.params:
            f, shape = p.field, p.shape
            if p.role in ("skip", "command_buffer"):
                continue
            if p.role == "in" or p.role == "inout":
                if f.dims:
                    lines.append(f"s.bytes({f.name}, {self.layout.field_size_align(f)[0]});")
                else:
                    lines += self.fields.write(f, f.name, shape)
            elif p.role == "count":
                lines.append(f"s.{'u32' if f.type == 'uint32_t' else 'u64'}(*{f.name});")
            elif p.role == "made":
                if shape.length:
                    n = f"n_{f.name}"
                    lines += [f"const std::uint32_t {n} = {f.name} != nullptr ? "
                              f"static_cast<std::uint32_t>({shape.length}) : 0;", f"s.u32({n});",
                              f"for (std::uint32_t i = 0; i < {n}; ++i) s.u64(id_of({f.name}[i]));"]
                else:
                    lines.append(f"s.u64(id_of(*{f.name}));")
            elif p.role == "out":
                lines += self.write_skeleton(c, p)
        context = [f"s.context[{i}] = {e};" for i, e in
                   enumerate(self.policy.command(c.name).get("context", []))]
        return context + lines

    def write_skeleton(self, c, p):
        f, shape = p.field, p.shape
        skeleton = f.type in self.structs.skeleton
        if shape.kind in ("array", "bytes"):
            n = f"n_{f.name}"
            lines = [f"const std::uint32_t {n} = {f.name} != nullptr ? static_cast<std::uint32_t>({shape.length}) : 0;",
                     f"s.u32({n});"]
            return lines + ([f"for (std::uint32_t i = 0; i < {n}; ++i) skel_{f.type}(s, {f.name}[i]);"]
                            if skeleton else [])
        body = [f"skel_{f.type}(s, *{f.name});"] if skeleton else []
        if shape.optional:
            return [f"s.u32({f.name} != nullptr ? 1 : 0);"] + (
                [f"if ({f.name} != nullptr) {{", *body, "}"] if body else [])
        return body

    def decode(self, c):
        lines, checks = [], []
        dying = c.dying
        watches = {}
        for path in self.policy.command(c.name).get("watch", []):
            param, member = path.split(".")
            handle = self.registry.structs[c.command.param(param).type].member(member).type
            watches[param] = (handle, path.replace(".", "_") + "_id")
        for p in c.params:
            f, shape, t = p.field, p.shape, p.field.type
            acc = f"a.{f.name}"
            if p.role == "skip":
                continue
            if p.role == "command_buffer":
                lines += [f"{acc} = d.command_buffer();", f"{acc}_id = d.command_buffer_id();"]
            elif p.role in ("in", "inout"):
                host = self.layout.shape(f, "a.")
                if shape.kind == "handle":
                    kind = self.fields.object_type(t)
                    how = (f"d.dying_handle<{t}>({kind}, {acc}_id)" if p is dying
                           else f"handle_from_bits<{t}>(d.lookup({kind}, {acc}_id))")
                    lines += [f"{acc}_id = d.u64();", f"{acc} = {how};"]
                    if not shape.optional:
                        lines.append(f'd.check({acc}_id != 0, "{c.name}: {f.name} is null");')
                elif shape.kind == "array" and self.layout.is_handle(t):
                    lines += self.decode_handles(c, p, host, checks)
                elif p.role == "inout" and shape.kind == "bytes":
                    lines += [f"const std::uint32_t n_{f.name} = d.count(1);",
                              f"{acc} = d.flat_copy<std::byte>(n_{f.name});"]
                    checks.append(self.fields._count_check(f, acc, host, f"n_{f.name}"))
                elif p.role == "inout":
                    lines += [f"if (d.u32() != 0) {{", f"if (auto* p_{f.name} = d.make<{t}>(1)) {{",
                              *self.fields._read_element(t, f"(*p_{f.name})"), f"{acc} = p_{f.name};", "}", "}"]
                    checks.append(f'd.check({acc} != nullptr, "{c.name}: {f.name} is null");')
                    context = self.policy.command(c.name).get("context", [])
                    lines += [f"if ({acc} != nullptr) d.context[{i}] = {e.replace(f.name, acc)};"
                              for i, e in enumerate(context) if f.name in e]
                else:
                    if f.name in watches:
                        handle, to = watches[f.name]
                        lines.append(f"d.watch({self.fields.object_type(handle)}, &a.{to});")
                    lines += self.fields.read(f, acc, host, checks)
                    if f.name in watches:
                        lines.append("d.unwatch();")
                    if f.stride:
                        checks.append(f"a.{f.stride} = sizeof({t});")
            elif p.role == "count":
                lines += [f"{acc} = d.make<{t}>(1);",
                          f"if ({acc} != nullptr) *{acc} = "
                          + ("d.u32();" if t == "uint32_t" else "static_cast<std::size_t>(d.u64());")]
            elif p.role == "made":
                lines += self.decode_made(c, p, checks)
            else:
                lines += self.decode_output(c, p, checks)
        return lines + [x if x.startswith(("for", "a.")) else f"if (d.ok_to_read()) {x}" for x in checks] + [
            "return d.ok();"]

    def decode_handles(self, c, p, host, checks):
        f, t, n = p.field, p.type, f"n_{p.name}"
        kind = self.fields.object_type(t)
        checks.append(self.fields._count_check(f, f"a.{f.name}", host, n))
        return [f"const std::uint32_t {n} = d.count(8);", f"auto [p_{f.name}, i_{f.name}] = d.make_named<{t}>({n});",
                f"for (std::uint32_t i = 0; p_{f.name} != nullptr && i < {n}; ++i) {{",
                f"i_{f.name}[i] = d.u64();",
                f"p_{f.name}[i] = "
                + (f"d.dying_handle<{t}>({kind}, i_{f.name}[i]);" if c.name.startswith("vkFree")
                   else f"handle_from_bits<{t}>(d.lookup({kind}, i_{f.name}[i]));"), "}",
                f"a.{f.name} = p_{f.name};", f"a.{f.name}_ids = i_{f.name};"]

    def host_length(self, p):
        return self.layout.shape(p.field, "a.").length

    def decode_made(self, c, p, checks):
        f, t, acc = p.field, p.type, f"a.{p.name}"
        kind = self.fields.object_type(t)
        if not p.shape.length:
            return [f"{acc} = d.make<{t}>(1);", f"{acc}_ids = d.make<ObjectId>(1);",
                    f"if ({acc}_ids != nullptr) *{acc}_ids = d.new_id({kind});"]
        n = f"n_{f.name}"
        checks.append(self.fields._count_check(f, acc, self.layout.shape(f, "a."), n))
        optional = "true" if any(q.role == "count" for q in c.params) else "false"
        return [f"const std::uint32_t {n} = d.count(8);", f"{acc} = d.make<{t}>({n});",
                f"{acc}_ids = d.make<ObjectId>({n});",
                f"for (std::uint32_t i = 0; {acc}_ids != nullptr && i < {n}; ++i) "
                f"{acc}_ids[i] = d.new_id({kind}, {optional});"]

    def decode_output(self, c, p, checks):
        f, t, acc, shape = p.field, p.type, f"a.{p.name}", p.shape
        skeleton = t in self.structs.skeleton
        s_type = (self.registry.structs[t].s_type if self.layout.is_struct(t) else None)
        if shape.kind in ("array", "bytes"):
            n, element = f"n_{f.name}", "std::byte" if t == "void" else t
            host = self.layout.shape(f, "a.")
            # Null asks for the count alone; where the count is given by value, there must be memory for it.
            host.optional = f.is_optional() or any(q.role == "count" and q.name in (f.len or [])[:1] for q in c.params)
            checks.append(self.fields._count_check(f, acc, host, n))
            lines = [f"const std::uint32_t {n} = d.u32();", f"auto* p_{f.name} = d.make<{element}>({n});",
                     f"{acc} = p_{f.name};"]
            if skeleton:
                lines.append(f"for (std::uint32_t i = 0; p_{f.name} != nullptr && i < {n} && d.ok_to_read(); ++i) "
                             f"read_skel_{t}(d, p_{f.name}[i]);")
            elif s_type:
                lines.append(f"for (std::uint32_t i = 0; p_{f.name} != nullptr && i < {n}; ++i) "
                             f"p_{f.name}[i].sType = {s_type};")
            return lines
        body = [f"{acc} = d.make<{t}>(1);"]
        if skeleton:
            body.append(f"if ({acc} != nullptr) read_skel_{t}(d, *{acc});")
        return ["if (d.u32() != 0) {", *body, "}"] if shape.optional else body

    def flat_decoder(self, c, fixed, decode):
        """Inline: the arguments of most recorded commands need not even reach memory."""
        lines = [f"inline bool decode_{c.name}(Decoder& record, {c.name}_args& a) {{"]
        if fixed is None:
            return [*lines, "FlatDecoder d(record);", *decode, "}"]
        return [*lines, f"if (record.remaining() < kBodySize_{c.name}) [[unlikely]] {{",
                'record.fail_at(record.offset(), "record ends early");', "return false;", "}",
                "FixedDecoder d(record);", *decode, "}"]

    # ---- reply ----

    def write_reply(self, c):
        lines, late = [], []
        if c.result:
            lines.append("s.raw(&a.result, sizeof(a.result));")
        for p in c.made:
            if self.layout.dispatchable(p.type):
                continue
            f, acc = p.field, f"a.{p.name}"
            if p.shape.length:
                lines += [f"const std::uint32_t n_{f.name} = {acc} != nullptr ? "
                          f"static_cast<std::uint32_t>({self.host_length(p)}) : 0;", f"s.u32(n_{f.name});",
                          f"for (std::uint32_t i = 0; i < n_{f.name}; ++i) "
                          f"s.u64(handle_bits({acc}[i]) != 0 ? {acc}_ids[i] : 0);"]
            else:
                lines.append(f"s.u64({acc} != nullptr && handle_bits(*{acc}) != 0 ? *{acc}_ids : 0);")
        for p in self.inner(c):
            acc = f"a.{p.name}"
            if p.shape.kind == "array":
                lines.append(f"for (std::uint32_t i = 0; {acc} != nullptr && i < {self.host_length(p)}; ++i) "
                             f"write_inner_{p.type}(s, {acc}[i]);")
            else:
                lines.append(f"if ({acc} != nullptr) write_inner_{p.type}(s, *{acc});")
        for p in c.outputs:
            f, acc, shape = p.field, f"a.{p.name}", self.layout.shape(p.field, "a.")
            if p.role == "count":
                late.append(f"s.{'u32' if f.type == 'uint32_t' else 'u64'}(*{acc});")
            elif shape.kind in ("array", "bytes"):
                late += self.fields.write(f, acc, shape, raw_handles=True)
            elif shape.optional:
                late += self.fields.write(f, acc, shape, raw_handles=True)
            else:
                late += self.fields._write_element(f.type, f"(*{acc})", "write_out", True)
        if late and c.returns == "VkResult":
            lines.append("if (a.result < 0) return;")
        context = [f"s.context[{i}] = {e.replace('pFaultCounts', 'a.pFaultCounts')};" for i, e in
                   enumerate(self.policy.command(c.name).get("context", []))]
        return lines + context + late

    def read_reply(self, c):
        lines, late, caps = [], [], []
        if c.result:
            lines.append("r.raw(&result, sizeof(result));")
        for p in c.made:
            if self.layout.dispatchable(p.type):
                continue
            f = p.field
            if p.shape.length:
                lines += [f"const std::uint32_t n_{f.name} = r.count(8);",
                          f"const std::uint64_t capacity_{f.name} = {f.name} != nullptr ? {p.shape.length} : 0;",
                          f'r.check(n_{f.name} <= capacity_{f.name}, "{c.name}: {f.name} does not fit");',
                          f"for (std::uint32_t i = 0; r.ok() && i < n_{f.name}; ++i) "
                          f"{f.name}[i] = handle_from_bits<{f.type}>(r.u64());"]
            else:
                lines.append(f"*{f.name} = handle_from_bits<{f.type}>(r.u64());")
        for p in self.inner(c):
            if p.shape.kind == "array":
                lines.append(f"for (std::uint32_t i = 0; {p.name} != nullptr && i < {p.shape.length}; ++i) "
                             f"fill_inner_{p.type}(r, {p.name}[i]);")
            else:
                lines.append(f"if ({p.name} != nullptr) fill_inner_{p.type}(r, *{p.name});")
        for p in c.outputs:
            f, shape = p.field, p.shape
            if p.role == "count":
                late.append(f"*{f.name} = " + ("r.u32();" if f.type == "uint32_t"
                                               else "static_cast<std::size_t>(r.u64());"))
            elif shape.kind in ("array", "bytes"):
                caps.append(self.fields.capacity(f, f.name, shape))
                late += self.fields.fill_array(f, f.name, f"capacity_{f.name}")
            elif shape.optional:
                late += self.fields.fill(f, f.name, shape)
            else:
                late += self.fields._fill_element(f.type, f"(*{f.name})")
        if late and c.returns == "VkResult":
            lines.append("if (result < 0 || !r.ok()) return r.ok();")
        context = [f"r.context[{i}] = {e};" for i, e in enumerate(self.policy.command(c.name).get("context", []))]
        return caps + context + lines + late + self.short_lists(c) + ["return r.ok();"]

    def short_lists(self, c):
        """An array with room for nothing travels like none: the host counts, and this says how many came."""
        lines = []
        for count in (p for p in c.params if p.role == "count"):
            arrays = [p.name for p in c.params if p.shape.length and (
                p.role == "out" or p.role == "made" and not self.layout.dispatchable(p.type))
                      and p.field.len[0] == count.name]
            if not arrays:
                continue
            present = " || ".join(f"({a} != nullptr && capacity_{a} == 0)" for a in arrays)
            lines.append(f"if ({present}) {{")
            if c.returns == "VkResult":
                lines.append(f"if (*{count.name} != 0 && result == VK_SUCCESS) result = VK_INCOMPLETE;")
            lines += [f"*{count.name} = 0;", "}"]
        return lines

    # ---- signatures ----

    def request_params(self, c):
        text = c.c_params(skip_command_buffer=True)
        return ", " + text if text else ""

    def reply_params(self, c):
        return (f", {c.returns}& result" if c.result else "") + self.request_params(c)

    @staticmethod
    def void_unused(c, body):
        joined = " ".join(body)
        import re
        return [f"(void){p.name};" for p in c.params if p.role != "command_buffer"
                and not re.search(r"\b%s\b" % re.escape(p.name), joined)]

    def request_function(self, c):
        body = self.write_request(c)
        unused = self.void_unused(c, body) + ([] if any("s." in b or "(s" in b for b in body) else ["(void)s;"])
        return [f"template <class S> {'inline ' if self.simple(c) else ''}void write_request_{c.name}"
                f"(S& s{self.request_params(c)}) {{", *unused, *body, "}"]

    def emit_args(self, output):
        parts = chunks(self.commands, 2)
        for i, part in enumerate(parts):
            f = File(f"protocol/args_{i:02}.hpp", NS, ["<vulkan/vulkan.h>", "<cstddef>", "protocol/wire/object_id.hpp"],
                     "Decoded arguments, as the driver takes them, beside the guest's names: <handle>_id, <array>_ids, and\n"
                     "for outputs that are handles the names that the guest gave to what is to be made.")
            for c in part:
                f.add(*self.args_struct(c))
            output.write(f)
        index_header(output, "protocol", "args", len(parts))

    def emit(self, output):
        self.emit_args(output)
        index_header(output, "protocol", "requests", len(self.chunks))
        for i, part in enumerate(self.chunks):
            base = f"protocol/requests_{i:02}"
            header = File(base + ".hpp", NS,
                          ["generated/protocol/args.hpp", "generated/protocol/commands.hpp",
                           "protocol/wire/flat_decoder.hpp", "protocol/wire/reader.hpp", "protocol/wire/writer.hpp"],
                          f"Requests and replies of the commands {part[0].name} to {part[-1].name}.")
            used = {p.type for c in part for p in c.params if self.layout.is_struct(p.type)}
            source = File(base + ".cpp", NS, [f"generated/{base}.hpp", "generated/protocol/pnext.hpp"]
                          + self.structs.headers_for(used | {u for t in used for u in self.structs.used_by(t)}))
            for c in part:
                fixed = self.fixed_size(c)
                if fixed is not None:
                    header.add(f"inline constexpr std::size_t kBodySize_{c.name} = {fixed};")
                if self.simple(c):
                    header.add(*self.request_function(c))
                else:
                    header.add(f"template <class S> void write_request_{c.name}(S& s{self.request_params(c)});")
                    source.add(*self.request_function(c))
                    for sink in ("SizeCounter", "Writer"):
                        source.add(f"template void write_request_{c.name}({sink}& s{self.request_params(c)});")
                decode = self.decode(c)
                if c.recorded and flat(decode):
                    header.add(*self.flat_decoder(c, fixed, decode))
                else:
                    header.add(f"bool decode_{c.name}(Decoder& d, {c.name}_args& a);")
                    source.add(f"bool decode_{c.name}(Decoder& d, {c.name}_args& a) {{",
                               *([] if any("a." in x for x in decode) else ["(void)a;"]), *decode, "}")
                header.add(f"template <class S> void write_reply_{c.name}(S& s, const {c.name}_args& a);",
                           f"bool read_reply_{c.name}(Reader& r{self.reply_params(c)});", "")
                reply = self.write_reply(c)
                unused = ([] if any("s." in b or "(s" in b for b in reply) else ["(void)s;"]) + (
                    [] if any("a." in b for b in reply) else ["(void)a;"])
                source.add(f"template <class S> void write_reply_{c.name}(S& s, const {c.name}_args& a) {{",
                           *unused, *reply, "}")
                for sink in ("SizeCounter", "Writer"):
                    source.add(f"template void write_reply_{c.name}({sink}&, const {c.name}_args&);")
                body = self.read_reply(c)
                source.add(f"bool read_reply_{c.name}(Reader& r{self.reply_params(c)}) {{",
                           *self.void_unused(c, body), *body, "}", "")
            output.write(header)
            output.write(source)
