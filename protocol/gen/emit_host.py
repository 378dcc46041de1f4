"""The host's generated half: the driver's function tables, and what runs a decoded command."""

from text import File, chunks

NS = "viaduct::host"
CHUNKS = 8
GLOBAL = ("vkCreateInstance", "vkEnumerateInstanceVersion", "vkEnumerateInstanceExtensionProperties",
          "vkEnumerateInstanceLayerProperties")


class HostEmitter:
    def __init__(self, layout, fields, requests, commands, policy, names):
        self.layout, self.fields, self.requests, self.policy = layout, fields, requests, policy
        self.registry, self.commands, self.names = layout.registry, commands, names

    def table_of(self, command):
        first = command.params[0].type if command.params else None
        if first in ("VkDevice", "VkQueue", "VkCommandBuffer"):
            return "DeviceTable"
        if first in ("VkInstance", "VkPhysicalDevice") and command.name != "vkGetInstanceProcAddr":
            return "InstanceTable"
        return "GlobalTable"

    def emit(self, output):
        self.emit_tables(output)
        self.emit_overrides(output)
        self.emit_dispatch(output)
        self.emit_compiles(output)
        self.emit_extensions(output)

    def emit_extensions(self, output):
        header = File("host/extensions.hpp", NS, ["<string_view>"],
                      "The extensions of the registry that both ends know, and which of them the policy keeps from the guest.")
        header.add("struct ExtensionInfo {", "std::string_view name;", "bool is_device;",
                   "unsigned spec_version;   // the revision that this build knows",
                   "const char* blocked;  // why it is never offered, or null", "};", "",
                   "// Null for an extension that this build does not know.",
                   "const ExtensionInfo* find_extension(std::string_view name) noexcept;")
        source = File("host/extensions.cpp", NS, ["generated/host/extensions.hpp", "<algorithm>", "<iterator>"])
        source.add("namespace {", "", "constexpr ExtensionInfo kExtensions[] = {")
        for e in sorted(self.registry.extensions, key=lambda x: x.name):
            reason = self.policy.blocked_extensions.get(e.name)
            text = f'"{reason}"' if reason else "nullptr"
            source.add(f'{{"{e.name}", {"true" if e.kind == "device" else "false"}, {e.version}, {text}}},')
        source.add("};", "", "}  // namespace", "", "const ExtensionInfo* find_extension(std::string_view name) noexcept {",
                   "const auto* found = std::lower_bound(std::begin(kExtensions), std::end(kExtensions), name,",
                   "[](const ExtensionInfo& e, std::string_view n) { return e.name < n; });",
                   "return found != std::end(kExtensions) && found->name == name ? found : nullptr;", "}")
        output.write(header)
        output.write(source)

    def emit_tables(self, output):
        header = File("host/driver_tables.hpp", NS, ["<vulkan/vulkan.h>"],
                      "The driver's functions by level. A member is null when the driver does not have the function under\n"
                      "any of its names (core or promoted from an extension).")
        source = File("host/driver_tables.cpp", NS, ["generated/host/driver_tables.hpp"])
        tables = {"GlobalTable": [], "InstanceTable": [], "DeviceTable": []}
        for name, command in sorted(self.registry.commands.items()):
            if command.internal or name in self.registry.platform_commands:
                continue
            tables[self.table_of(command)].append(command)
        getters = {"GlobalTable": ("PFN_vkGetInstanceProcAddr get", "get(nullptr, name)", None),
                   "InstanceTable": ("PFN_vkGetInstanceProcAddr get, VkInstance instance", "get(instance, name)", None),
                   "DeviceTable": ("PFN_vkGetDeviceProcAddr get, VkDevice device", "get(device, name)", None)}
        for table, commands in tables.items():
            header.add(f"struct {table} {{")
            for c in commands:
                header.add(f"PFN_{c.name} {c.name} = nullptr;")
            header.add(f"void load({getters[table][0]});", "};", "")
            source.add(f"void {table}::load({getters[table][0]}) {{",
                       f"const auto find = [&](const char* name) {{ return {getters[table][1]}; }};")
            for c in commands:
                source.add(f'{c.name} = reinterpret_cast<PFN_{c.name}>(find("{c.name}"));')
                for alias in c.aliases:
                    source.add(f'if ({c.name} == nullptr) {c.name} = reinterpret_cast<PFN_{c.name}>(find("{alias}"));')
            source.add("}", "")
        output.write(header)
        output.write(source)

    def emit_overrides(self, output):
        f = File("host/overrides.hpp", NS, ["generated/protocol/args.hpp", "host-renderer/worker/command_context.hpp"],
                 "Commands that host-renderer executes by hand (policy.toml, host.override). Each sets the outputs and the\n"
                 "result in `a`; the generated caller replies from them unless the override took ctx.reply away.")
        for c in self.commands:
            if c.name in self.policy.host_override:
                f.add(f"void on_{c.name}(CommandContext& ctx, protocol::{c.name}_args& a);")
        output.write(f)

    def driver_call(self, c):
        args = ", ".join(self.driver_arg(p) for p in c.params)
        if c.name in self.policy.kept_for_compiles:
            return self.table_guard(c) + [
                "destroy_after_compiles(ctx.session.compile_threads(), [device = ctx.device, a = a] {",
                f"device->table.{c.name}({args});", "});"]
        return self.table_guard(c) + [f"{'a.result = ' if c.result else ''}table.{c.name}({args});"]

    def table_guard(self, c, fail="return ctx.decoder.fail"):
        """The driver's table, and that it has the command."""
        table = self.table_of(c.command)
        first = c.params[0]
        lines = []
        if table == "DeviceTable":
            lines += ["if (ctx.device == nullptr) return ctx.decoder.fail(\"device is gone\");",
                      "const auto& table = ctx.device->table;"]
        elif first.type == "VkInstance":
            lines += [f"Instance* instance = ctx.instance_of(a.{first.name}_id);",
                      "if (instance == nullptr) return ctx.decoder.fail(\"instance is gone\");",
                      "const auto& table = instance->table;"]
        else:
            lines += [f"PhysicalDevice* physical = ctx.physical_device_of(a.{first.name}_id);",
                      "if (physical == nullptr) return ctx.decoder.fail(\"physical device is gone\");",
                      "const auto& table = physical->instance->table;"]
        lines.append(f"if (table.{c.name} == nullptr) return ctx.decoder.fail(\"the driver lacks {c.name}\");")
        return lines

    @staticmethod
    def driver_arg(p):
        return f"a.{p.name}"

    def default_on(self, c):
        lines = ["ctx.session.compile_threads().drain();"] if c.name in self.policy.after_compiles else []
        lines += self.driver_call(c)
        for p in c.made:
            f = p.field
            kind = f"protocol::ObjectType::k{p.type[2:]}"
            n = self.layout.shape(f, "a.").length or "1"
            lines.append(f"register_objects(ctx, {kind}, a.{f.name}, a.{f.name}_ids, {n}"
                         + (", a.result);" if c.returns == "VkResult" else ", VK_SUCCESS);"))
        if c.dying:
            lines.append(f"ctx.objects().erase(protocol::ObjectType::k{c.dying.type[2:]}, a.{c.dying.name}_id);")
        return lines

    def override_guard(self, c):
        """Overrides call the driver's function of the same name without asking whether it exists."""
        if c.name not in self.policy.host_override or c.command.internal or c.name in self.policy.host_answered:
            return []
        table, lacks = self.table_of(c.command), f'return ctx.decoder.fail("the driver lacks {c.name}");'
        first = c.params[0].name if c.params else ""
        if table == "DeviceTable":
            return [f"if (ctx.device != nullptr && ctx.device->table.{c.name} == nullptr) {lacks}"]
        if table == "InstanceTable" and c.params[0].type == "VkPhysicalDevice":
            return [f"const PhysicalDevice* physical = ctx.physical_device_of(a.{first}_id);",
                    f"if (physical == nullptr || physical->instance->table.{c.name} == nullptr) {lacks}"]
        return []

    def told_later(self, c):
        """What a failure comes to that no reply tells and no object carries (docs/deferred-errors.md)."""
        if c.returns != "VkResult" or c.command.internal or c.made:
            return []
        if c.name in self.policy.harmless_failures:
            spoils = f'ctx.log_failure("{c.name}", a.result)'
        else:
            spoils = "ctx.spoil_command_buffer()" if c.recorded else f'ctx.posted_failed("{c.name}", a.result)'
        return [f"if (posted && a.result < 0) {spoils};"]

    def execute(self, c):
        if c.name in self.policy.host_refused:
            return [f"void execute_{c.name}(CommandContext& ctx) {{",
                    f'ctx.decoder.fail("{c.name} is refused: {self.policy.host_refused[c.name]}");', "}", ""]
        lines = [f"void execute_{c.name}(CommandContext& ctx) {{", f"protocol::{c.name}_args a;",
                 f"if (!protocol::decode_{c.name}(ctx.decoder, a)) return;"]
        first = c.params[0] if c.params else None
        if not c.recorded and first is not None and first.type in ("VkDevice", "VkQueue"):
            lines.append(f"ctx.device = ctx.device_of(a.{first.name}_id);")
        lines += self.override_guard(c)
        tells = self.told_later(c)
        if tells:
            lines.append("const bool posted = ctx.reply == nullptr;")
        lines.append(f"on_{c.name}(ctx, a);")
        lines += tells
        if c.recorded and c.returns == "void":
            # Nobody asks; who does all the same gets the empty reply.
            return lines + ["}", ""]
        return lines + self.reply(c) + ["}", ""]

    @staticmethod
    def reply(c):
        return ["if (ctx.reply == nullptr || ctx.decoder.status() == protocol::DecodeStatus::kBadData) return;",
                "protocol::SizeCounter counter;", f"protocol::write_reply_{c.name}(counter, a);",
                "std::byte* memory = ctx.reply->reserve(counter.finish());", "if (memory != nullptr) {",
                "protocol::Writer writer(memory);", f"protocol::write_reply_{c.name}(writer, a);",
                "writer.finish();", "}", "ctx.reply->commit();"]

    def emit_compiles(self, output):
        """The two steps of each creation that policy.toml lists in host.compiles."""
        made = [c for c in self.commands if c.name in self.policy.compiles]
        f = File("host/compiles.cpp", NS,
                 ["host-renderer/objects/register.hpp", "host-renderer/worker/compile_threads.hpp",
                  "host-renderer/worker/session.hpp"] + sorted({self.requests.header_of(c) for c in made}))
        f.add("namespace {", "")
        for c in made:
            (p,) = c.made
            kind = f"protocol::ObjectType::k{p.type[2:]}"
            n = self.layout.shape(p.field, "a.").length or "1"
            args = ", ".join(self.driver_arg(p) for p in c.params)
            name = p.field.name
            f.add(f"void* prepare_{c.name}(CommandContext& ctx) {{",
                  f"auto* made = ctx.decoder.make<protocol::{c.name}_args>(1);",
                  f"if (made == nullptr || !protocol::decode_{c.name}(ctx.decoder, *made)) return nullptr;",
                  f"protocol::{c.name}_args& a = *made;",
                  f"ctx.device = ctx.device_of(a.{c.params[0].name}_id);",
                  f"if (ctx.device == nullptr || ctx.device->table.{c.name} == nullptr) {{",
                  f'ctx.decoder.fail("the driver lacks {c.name}");', "return nullptr;", "}",
                  f"return expect_objects(ctx, {kind}, a.{name}_ids, {n}) ? made : nullptr;", "}",
                  f"void finish_{c.name}(CommandContext& ctx, void* prepared) {{",
                  f"auto& a = *static_cast<protocol::{c.name}_args*>(prepared);",
                  f"a.result = ctx.device->table.{c.name}({args});",
                  f"settle_objects(ctx, {kind}, a.{name}, a.{name}_ids, {n}, a.result);",
                  *self.reply(c), "}", "")
        f.add("}  // namespace", "", "const Compile* find_compile(protocol::Command command) noexcept {",
              "switch (command) {")
        for c in made:
            f.add(f"case protocol::Command::{c.name}: {{",
                  f"static constexpr Compile compile{{prepare_{c.name}, finish_{c.name}}};", "return &compile;", "}")
        f.add("default:", "return nullptr;", "}", "}")
        output.write(f)

    def emit_dispatch(self, output):
        header = File("host/dispatch.hpp", NS, ["generated/protocol/commands.hpp",
                                                "host-renderer/worker/command_context.hpp"],
                      "Decode, execute, reply: one function a command. After it the caller looks at the decoder's status.")
        header.add("using ExecuteFn = void (*)(CommandContext&);", "",
                   "// Indexed by Command; null for commands without a wire form. Aliases share their target's function.",
                   "extern const ExecuteFn kExecute[protocol::kCommandCount];", "")
        for c in self.commands:
            header.add(f"void execute_{c.name}(CommandContext& ctx);")
        output.write(header)
        for i, part in enumerate(chunks(self.commands, CHUNKS)):
            f = File(f"host/dispatch_{i:02}.cpp", NS,
                     ["generated/host/dispatch.hpp", "generated/host/overrides.hpp",
                      "host-renderer/objects/register.hpp", "host-renderer/worker/compile_threads.hpp",
                      "host-renderer/worker/session.hpp"] + sorted({self.requests.header_of(c) for c in part}))
            f.add("namespace {", "")
            for c in part:
                if c.name not in self.policy.host_override and c.name not in self.policy.host_refused:
                    f.add(f"void on_{c.name}(CommandContext& ctx, protocol::{c.name}_args& a) {{",
                          *self.default_on(c), "}", "")
            f.add("}  // namespace", "")
            for c in part:
                f.add(*self.execute(c))
            output.write(f)
        wire = {c.name for c in self.commands}
        f = File("host/dispatch.cpp", NS, ["generated/host/dispatch.hpp"])
        f.add("const ExecuteFn kExecute[protocol::kCommandCount] = {")
        for n in self.names:
            target = self.registry.command_aliases.get(n, n)
            f.add(f"execute_{target}," if target in wire else "nullptr,")
        f.add("};")
        output.write(f)
