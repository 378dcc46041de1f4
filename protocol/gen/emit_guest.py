"""The guest's generated half: calls (posted and waited for), command encoders, default entry points, and the tables
of procedures and extensions."""

from emit_commands import chain_structs
from text import File, chunks

NS = "viaduct::guest"
CHUNKS = 10
CHANNEL = "guest-icd/session/channel.hpp"
WRITER = "guest-icd/objects/command_writer.hpp"


class GuestEmitter:
    def __init__(self, layout, fields, requests, commands, policy):
        self.layout, self.fields, self.requests, self.policy = layout, fields, requests, policy
        self.registry = layout.registry
        self.commands = commands
        self.posted = set(policy.data["guest"]["posted"])

    # ---- calls ----

    def channel_params(self, c):
        text = c.c_params()
        return "Channel& channel" + (", " + text if text else "")

    def request_args(self, c):
        text = c.c_args(skip_command_buffer=True)
        return ", " + text if text else ""

    def can_post(self, c):
        return not c.recorded

    def size(self, c, header):
        """Lines that define `record_size`."""
        fixed = self.requests.fixed_size(c)
        if fixed is not None:
            return [f"constexpr std::size_t record_size = {(fixed + header + 7) // 8 * 8};"]
        return [f"protocol::SizeCounter size_counter({header});",
                f"protocol::write_request_{c.name}(size_counter{self.request_args(c)});",
                "const std::size_t record_size = size_counter.finish();"]

    def memory(self, c, reserve):
        """Lines that define `record`. Only a record of variable size can be refused (channel.hpp)."""
        lines = [f"std::byte* record = {reserve};"]
        if self.requests.fixed_size(c) is not None:
            return lines + ["static_assert(record_size <= kSinkBytes);"]
        return lines + ["if (record == nullptr) return;"]

    def post(self, c):
        return [f"void post_{c.name}({self.channel_params(c)}) noexcept {{",
                *self.size(c, 8), *self.memory(c, "channel.begin_post(record_size)"),
                "protocol::Writer sink(record);",
                f"sink.u32(static_cast<std::uint32_t>(protocol::Command::{c.name}));",
                "sink.u32(static_cast<std::uint32_t>(record_size));",
                f"protocol::write_request_{c.name}(sink{self.request_args(c)});", "sink.finish();",
                "channel.end_post();", "}", ""]

    def read_args(self, c):
        return ("" if not c.result else ", result") + self.request_args(c)

    def lost(self, c):
        """What a call gives without a reply: counts become 0, results say so, and what has no result gives zeros."""
        if c.returns == "void":
            if not c.outputs:
                return []
            return ["protocol::Reader none({});", 'none.fail("no reply");',
                    f"(void)protocol::read_reply_{c.name}(none{self.read_args(c)});"]
        lines = [f"if ({p.name} != nullptr) *{p.name} = 0;" for p in c.params if p.role == "count"]
        if c.returns != "VkResult":
            return lines + ["return {};"]
        if c.name in self.policy.memo:
            lines.append("if (request == nullptr) return VK_ERROR_OUT_OF_HOST_MEMORY;")
        return lines + ["return channel.lost_result();"]

    def call(self, c):
        lines = [f"{c.returns} call_{c.name}({self.channel_params(c)}) noexcept {{"]
        return lines + (self.call_memo(c) if c.name in self.policy.memo else self.call_host(c)) + ["}", ""]

    def call_host(self, c):
        done = "return result;" if c.result else "return;"
        return [*self.size(c, 16), *([f"{c.returns} result{{}};"] if c.result else []),
                "std::uint32_t reply_slot = 0;",
                "if (std::byte* record = channel.begin_call(record_size, reply_slot)) {",
                "protocol::Writer sink(record);",
                f"sink.u32(static_cast<std::uint32_t>(protocol::Command::{c.name}) | protocol::kReplyWanted);",
                "sink.u32(static_cast<std::uint32_t>(record_size));", "sink.u32(reply_slot);", "sink.u32(0);",
                f"protocol::write_request_{c.name}(sink{self.request_args(c)});", "sink.finish();",
                "const Reply reply = channel.end_call(reply_slot);", "if (reply) {",
                "protocol::Reader r(reply.bytes());",
                f"if (protocol::read_reply_{c.name}(r{self.read_args(c)})) {done}", "}", "}", *self.lost(c)]

    def call_memo(self, c):
        # An answer that another time might be different is not kept.
        keep = (" && (result >= 0 || result == VK_ERROR_FORMAT_NOT_SUPPORTED)" if c.returns == "VkResult" else "")
        done = "return result;" if c.result else "return;"
        return ["CallBuffer call_buffer;", *self.size(c, 16), *([f"{c.returns} result{{}};"] if c.result else []),
                "std::byte* request = call_buffer.reserve(record_size);", "if (request != nullptr) {",
                "protocol::Writer sink(request);",
                f"sink.u32(static_cast<std::uint32_t>(protocol::Command::{c.name}) | protocol::kReplyWanted);",
                "sink.u32(static_cast<std::uint32_t>(record_size));", "sink.u64(0);",
                f"protocol::write_request_{c.name}(sink{self.request_args(c)});", "sink.finish();",
                "bool ok = false;",
                "const auto read = [&](std::span<const std::byte> bytes) {",
                "protocol::Reader r(bytes);",
                f"ok = protocol::read_reply_{c.name}(r{self.read_args(c)});", "};",
                "const std::span<const std::byte> key(request, record_size);",
                f"if (channel.memo().find(key, read) && ok) {done}",
                "std::uint32_t reply_slot = 0;",
                "if (std::byte* record = channel.begin_call(record_size, reply_slot)) {",
                "std::memcpy(record, request, record_size);", "protocol::store_u32(record + 8, reply_slot);",
                "const Reply reply = channel.end_call(reply_slot);",
                "if (reply) {", "read(reply.bytes());", f"if (ok{keep}) channel.memo().insert(key, reply.bytes());",
                "}", "}", f"if (ok) {done}", "}", *self.lost(c)]

    # ---- encoders ----

    def encoder_signature(self, c):
        text = c.c_params(skip_command_buffer=True)
        return f"encode_{c.name}(CommandWriter& writer" + (", " + text if text else "") + ") noexcept"

    def encoder(self, c):
        inline = "inline " if self.requests.simple(c) else ""
        return [f"{inline}void {self.encoder_signature(c)} {{", *self.size(c, 8),
                *self.memory(c, "writer.reserve(record_size)"), "protocol::Writer sink(record);",
                f"sink.u32(static_cast<std::uint32_t>(protocol::Command::{c.name}));",
                "sink.u32(static_cast<std::uint32_t>(record_size));",
                f"protocol::write_request_{c.name}(sink{self.request_args(c)});", "sink.finish();", "}", ""]

    # ---- entry points ----

    def entry_signature(self, command, declare):
        params = ", ".join(p.declaration for p in command.params) or "void"
        name = command.name if declare else f"entry::{command.name}"
        return f"VKAPI_ATTR {command.returns} VKAPI_CALL {name}({params}) noexcept"

    def first(self, c):
        return c.params[0].name

    def hears(self, c):
        """What a call waits for is a good moment for the messages that the host has."""
        return f"const HearsHost hears({self.first(c)});"

    def default_entry(self, c):
        args = c.c_args()
        made = c.made
        if c.name in self.policy.host_refused:
            return [f"(void){p.name};" for p in c.params] + ["return VK_ERROR_FEATURE_NOT_PRESENT;"]
        if c.recorded:
            inner = c.c_args(skip_command_buffer=True)
            call = (f"encode_{c.name}(CommandBuffer::from({self.first(c)}).writer()"
                    + (", " + inner if inner else "") + ");")
            if c.outputs or made:
                raise SystemExit(f"{c.name}: a recorded command with outputs needs a handwritten entry point")
            return [call] + (["return VK_SUCCESS;"] if c.result else [])
        if any(self.layout.dispatchable(p.type) for p in made):
            raise SystemExit(f"{c.name}: makes a dispatchable object, so its entry point must be handwritten")
        channel = f"Channel& channel = Channel::of({self.first(c)});"
        if c.dying:
            handle = c.dying.name
            lines = [f"if ({handle} == VK_NULL_HANDLE) return{' VK_SUCCESS' if c.result else ''};", channel,
                     f"post_{c.name}(channel, {args});",
                     f"release_id(channel, {self.object_type(c.dying.type)}, protocol::id_of({handle}));"]
            return lines + (["return VK_SUCCESS;"] if c.result else [])
        if len(made) == 1 and not made[0].shape.length and not c.outputs and c.returns == "VkResult":
            p = made[0]
            return [channel, f"if (channel.lost()) return channel.lost_result();",
                    f"const protocol::ObjectId id = new_id(channel, {self.object_type(p.type)});",
                    "if (id == 0) return VK_ERROR_OUT_OF_HOST_MEMORY;",
                    f"*{p.name} = handle_of<{p.type}>(id);",
                    f"post_{c.name}(channel, {args});", "return VK_SUCCESS;"]
        if made:
            lines = [channel]
            for p in made:
                n = p.shape.length or "1"
                lines.append(f"for (std::uint32_t i = 0; {p.name} != nullptr && i < {n}; ++i) "
                             f"{p.name}[i] = handle_of<{p.type}>(new_id(channel, {self.object_type(p.type)}));")
            return [self.hears(c)] + lines + [f"return call_{c.name}(channel, {args});"]
        if c.outputs or (c.result and c.name not in self.posted):
            return [self.hears(c), f"return call_{c.name}(Channel::of({self.first(c)}), {args});"]
        if c.result:
            return [channel, "if (channel.lost()) return channel.lost_result();",
                    f"post_{c.name}(channel, {args});", "return VK_SUCCESS;"]
        return [f"post_{c.name}(Channel::of({self.first(c)}), {args});"]

    @staticmethod
    def object_type(name):
        return f"protocol::ObjectType::k{name[2:]}"

    def emit(self, output):
        self.emit_calls(output)
        self.emit_entries(output)
        self.emit_procs(output)
        self.emit_chain_structs(output)

    def emit_calls(self, output):
        header = File("guest/calls.hpp", NS, ["<vulkan/vulkan.h>", CHANNEL],
                      "One function a command: post_ does not wait, call_ waits for the reply. Parameters are Vulkan's;\n"
                      "handles that the command makes must hold the guest's names already. A call on a lost session\n"
                      "gives the lost result and counts of 0, or, where it has no result, outputs of zeros.")
        posting = [c for c in self.commands if self.can_post(c)]
        for c in posting:
            header.add(f"void post_{c.name}({self.channel_params(c)}) noexcept;",
                       f"{c.returns} call_{c.name}({self.channel_params(c)}) noexcept;")
        output.write(header)
        for i, part in enumerate(chunks(posting, CHUNKS)):
            f = File(f"guest/calls_{i:02}.cpp", NS,
                     ["generated/guest/calls.hpp", "<cstring>", "protocol/wire/call_buffer.hpp"]
                     + sorted({self.requests.header_of(c) for c in part}))
            f.add("using protocol::CallBuffer;", "")
            for c in part:
                f.add(*self.post(c), *self.call(c))
            output.write(f)
        recorded = [c for c in self.commands if c.recorded]
        header = File("guest/command_encoders.hpp", NS, ["<vulkan/vulkan.h>", WRITER]
                      + sorted({self.requests.header_of(c) for c in recorded if self.requests.simple(c)}),
                      "Recording: each function stores one record into the command buffer's span. Inline where no struct\n"
                      "codec is needed, so that a fixed-size command is one reserve and a few stores.")
        source = File("guest/command_encoders.cpp", NS, ["generated/guest/command_encoders.hpp"]
                      + sorted({self.requests.header_of(c) for c in recorded if not self.requests.simple(c)}))
        for c in recorded:
            if self.requests.simple(c):
                header.add(*self.encoder(c))
            else:
                header.add(f"void {self.encoder_signature(c)};", "")
                source.add(*self.encoder(c))
        output.write(header)
        output.write(source)

    def emit_entries(self, output):
        header = File("guest/entrypoints.hpp", NS + "::entry", ["<vulkan/vulkan.h>"],
                      "Every entry point of the ICD. Those in policy.toml's guest.handwritten are defined in guest-icd/,\n"
                      "the rest in entry_*.cpp.")
        wire = {c.name: c for c in self.commands}
        defined = []
        for name, command in sorted(self.registry.commands.items()):
            if command.internal or name in self.policy.no_wire and name not in self.policy.guest_handwritten:
                continue
            guard = self.registry.platform_commands.get(name)
            if guard:
                header.add(f"#ifdef {guard}")
            header.add(self.entry_signature(command, True) + ";")
            if guard:
                header.add("#endif")
            if name not in self.policy.guest_handwritten and not guard:
                defined.append(wire[name])
        output.write(header)
        for i, part in enumerate(chunks(defined, 6)):
            f = File(f"guest/entry_{i:02}.cpp", NS,
                     ["generated/guest/entrypoints.hpp", "generated/guest/calls.hpp",
                      "generated/guest/command_encoders.hpp", "guest-icd/objects/command_buffer.hpp",
                      "guest-icd/objects/host_messages.hpp", "guest-icd/objects/object_ids.hpp"])
            for c in part:
                f.add(self.entry_signature(c.command, False) + " {", *self.default_entry(c), "}", "")
            output.write(f)

    # ---- tables ----

    def level(self, command):
        first = command.params[0].type if command.params else None
        if command.name == "vkGetInstanceProcAddr" or first == "VkInstance":
            return "kInstance"
        if first == "VkPhysicalDevice":
            return "kPhysicalDevice"
        if first in ("VkDevice", "VkQueue", "VkCommandBuffer"):
            return "kDevice"
        return "kGlobal"

    def version_of(self, names):
        versions = sorted(n for n in names if n.startswith("VK_VERSION_"))
        if not versions:
            return "0"
        major, minor = versions[0].split("_")[2:4]
        return f"VK_MAKE_API_VERSION(0, {major}, {minor}, 0)"

    def emit_procs(self, output):
        header = File("guest/proc_table.hpp", NS, ["<vulkan/vulkan.h>", "<cstdint>", "<span>", "<string_view>",
                                                   "generated/protocol/chain_structs.hpp",
                                                   "generated/protocol/commands.hpp"],
                      "Every procedure by name with what provides it, and every extension of the registry that a Linux\n"
                      "guest can see. Whether one may be offered is decided by guest-icd and the host's driver.")
        header.add("enum class ProcLevel : std::uint8_t { kGlobal, kInstance, kPhysicalDevice, kDevice };", "",
                   "struct ProcEntry {", "const char* name;", "PFN_vkVoidFunction function;", "ProcLevel level;",
                   "std::uint32_t core_version;  // 0: no core version has it",
                   "std::span<const std::uint16_t> extensions;  // indices into kExtensions; any of them provides it",
                   "protocol::Command command;",
                   "};", "",
                   "struct ExtensionEntry {", "const char* name;", "std::uint32_t spec_version;", "bool is_device;",
                   "std::uint32_t promoted_version;  // the core version it became part of, or 0",
                   "const char* blocked;             // why it is never offered, or null",
                   "std::span<const protocol::Command> commands;     // that it brings",
                   "std::span<const protocol::ChainStruct> structs;  // that it brings", "};", "",
                   "extern const std::span<const ProcEntry> kProcs;            // sorted by name",
                   "extern const std::span<const ExtensionEntry> kExtensions;  // sorted by name", "",
                   "const ProcEntry* find_proc(std::string_view name) noexcept;",
                   "const ExtensionEntry* find_extension(std::string_view name) noexcept;")
        output.write(header)
        extensions = sorted(self.registry.extensions, key=lambda e: e.name)
        index = {e.name: i for i, e in enumerate(extensions)}
        f = File("guest/proc_table.cpp", NS, ["generated/guest/proc_table.hpp", "<algorithm>", "<iterator>",
                                              "generated/guest/entrypoints.hpp"])
        f.add("namespace {", "", "using protocol::ChainStruct;", "using protocol::Command;", "")
        known = set(self.registry.commands) | set(self.registry.command_aliases)
        chained = set(chain_structs(self.layout))
        brings = {}
        for e in extensions:
            brings[e.name] = []
            own = sorted(c for c in set(e.commands) if c in known and c not in self.registry.platform_commands)
            types = sorted({self.registry.canonical(t) for t in e.types} & chained)
            for kind, names in (("Command", own), ("ChainStruct", types)):
                array = f"k{kind}s_{e.name}"
                brings[e.name].append(array if names else "{}")
                if names:
                    f.add(f"constexpr {kind} {array}[] = {{{', '.join(f'{kind}::{n}' for n in names)}}};")
        f.add("", "constexpr ExtensionEntry kExtensionEntries[] = {")
        for e in extensions:
            promoted = self.version_of([e.promoted]) if e.promoted else "0"
            blocked = self.policy.blocked_extensions.get(e.name)
            text = f'"{blocked}"' if blocked else "nullptr"
            f.add(f'{{"{e.name}", {e.version}, {"true" if e.kind == "device" else "false"}, {promoted}, {text}, '
                  f"{', '.join(brings[e.name])}}},")
        f.add("};", "")
        names = []
        for name in sorted(set(self.registry.commands) | set(self.registry.command_aliases)):
            target = self.registry.command_aliases.get(name, name)
            command = self.registry.commands[target]
            if command.internal or target in self.policy.no_wire and target not in self.policy.guest_handwritten:
                continue
            names.append((name, target, command))
            provided = [index[p] for p in self.registry.providers.get(name, []) if p in index]
            if provided:
                f.add(f"constexpr std::uint16_t k_{name}[] = {{{', '.join(map(str, sorted(provided)))}}};")
        f.add("", "const ProcEntry kProcEntries[] = {")
        for name, target, command in names:
            guard = self.registry.platform_commands.get(target)
            providers = self.registry.providers.get(name, [])
            exts = f"k_{name}" if any(p in index for p in providers) else "{}"
            if guard:
                f.add(f"#ifdef {guard}")
            f.add(f'{{"{name}", reinterpret_cast<PFN_vkVoidFunction>(&entry::{target}), ProcLevel::{self.level(command)}, '
                  f'{self.version_of(providers)}, {exts}, Command::{"kCount" if guard else name}}},')
            if guard:
                f.add("#endif")
        f.add("};", "", "template <class Entry>",
              "const Entry* find(std::span<const Entry> entries, std::string_view name) noexcept {",
              "const auto at = std::lower_bound(entries.begin(), entries.end(), name,",
              "[](const Entry& e, std::string_view n) { return std::string_view(e.name) < n; });",
              "return at != entries.end() && name == at->name ? &*at : nullptr;", "}", "",
              "}  // namespace", "",
              "const std::span<const ProcEntry> kProcs(kProcEntries);",
              "const std::span<const ExtensionEntry> kExtensions(kExtensionEntries);", "",
              "const ProcEntry* find_proc(std::string_view name) noexcept {",
              "return find(std::span<const ProcEntry>(kProcEntries), name);", "}",
              "const ExtensionEntry* find_extension(std::string_view name) noexcept {",
              "return find(std::span<const ExtensionEntry>(kExtensionEntries), name);", "}")
        output.write(f)

    # ---- what enumeration fetches ----

    QUERIES = {"kPropertyStructs": "VkPhysicalDeviceProperties2", "kFeatureStructs": "VkPhysicalDeviceFeatures2",
               "kQueueFamilyStructs": "VkQueueFamilyProperties2"}

    def emit_chain_structs(self, output):
        header = File("guest/chain_structs.hpp", NS, ["<vulkan/vulkan.h>", "<cstdint>", "<span>"],
                      "The structs that extend the queries whose answers are fetched when a physical device is enumerated,\n"
                      "and what must be there for the host to fill one in. What is fetched is plain memory behind sType and pNext.")
        header.add("struct ChainStruct {", "VkStructureType type;", "std::uint32_t size;",
                   "std::uint32_t core_version;  // 0: no core version has it",
                   "std::span<const std::uint16_t> extensions;  // indices into kExtensions; any of them provides it",
                   "bool fetched;  // false: it has pointers to the application's memory, and the host is asked each time",
                   "};", "", *[f"extern const std::span<const ChainStruct> {name};" for name in self.QUERIES])
        output.write(header)
        index = {e.name: i for i, e in enumerate(sorted(self.registry.extensions, key=lambda e: e.name))}
        f = File("guest/chain_structs.cpp", NS, ["generated/guest/chain_structs.hpp"])
        f.add("namespace {", "")
        tables = {table: [n for n in self.layout.chained("out") if parent in self.layout.extends(n)]
                  for table, parent in self.QUERIES.items()}
        provided = {n: sorted(index[p] for p in self.registry.type_provider(n) if p in index)
                    for names in tables.values() for n in names}
        for n, extensions in sorted(provided.items()):
            if extensions:
                f.add(f"constexpr std::uint16_t k_{n}[] = {{{', '.join(map(str, extensions))}}};")
        for table, names in tables.items():
            f.add("", f"constexpr ChainStruct {table}List[] = {{")
            for n in names:
                plain = not any(m.pointers and m.name != "pNext" for m in self.registry.structs[n].members)
                f.add(f"{{{self.registry.structs[n].s_type}, sizeof({n}), "
                      f"{self.version_of(self.registry.type_provider(n))}, {f'k_{n}' if provided[n] else '{}'}, "
                      f"{str(plain).lower()}}},")
            f.add("};")
        f.add("", "}  // namespace", "",
              *[f"const std::span<const ChainStruct> {table}({table}List);" for table in tables])
        output.write(f)
