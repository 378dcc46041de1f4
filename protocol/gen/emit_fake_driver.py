"""The recording fake driver's generated half (tests/fake-driver): an entry point for every command that a worker can
call, what calls each entry point of a driver with an args struct, and the registry's extensions."""

from text import File, chunks

NS = "viaduct::fake"
CHUNKS = 6

# Commands whose answers a worker acts on: written in tests/fake-driver/semantics.hpp under the same name.
BY_HAND = {
    "vkCreateInstance", "vkEnumerateInstanceVersion", "vkEnumerateInstanceExtensionProperties",
    "vkEnumeratePhysicalDevices", "vkEnumeratePhysicalDeviceGroups", "vkEnumerateDeviceExtensionProperties",
    "vkGetPhysicalDeviceProperties", "vkGetPhysicalDeviceFeatures", "vkGetPhysicalDeviceQueueFamilyProperties",
    "vkGetPhysicalDeviceQueueFamilyProperties2", "vkGetPhysicalDeviceMemoryProperties", "vkCreateDevice",
    "vkGetDeviceQueue", "vkGetDeviceQueue2", "vkAllocateMemory", "vkCreateBuffer", "vkBindBufferMemory",
    "vkBindBufferMemory2", "vkCmdFillBuffer", "vkCreateSemaphore", "vkGetSemaphoreCounterValue", "vkWaitSemaphores",
    "vkSignalSemaphore", "vkCreateFence", "vkResetFences", "vkGetFenceStatus", "vkWaitForFences", "vkQueueSubmit",
    "vkQueueSubmit2", "vkQueueBindSparse", "vkAllocateCommandBuffers",
}
# The same, but without a wire form, hence without a codec: not recorded.
UNRECORDED = {"vkEnumerateInstanceLayerProperties", "vkEnumerateDeviceLayerProperties", "vkMapMemory",
              "vkGetMemoryHostPointerPropertiesEXT"}
# Outputs that are made up, except for the part that a worker acts on.
CORRECTED = {
    "vkGetPhysicalDeviceProperties2": "hand::vkGetPhysicalDeviceProperties(physicalDevice, &pProperties->properties);\n"
                                      "hand::write_identity(pProperties->pNext);",
    "vkGetPhysicalDeviceFeatures2": "hand::vkGetPhysicalDeviceFeatures(physicalDevice, &pFeatures->features);\n"
                                    "set_features(pFeatures->pNext);",
    "vkGetPhysicalDeviceMemoryProperties2":
        "hand::vkGetPhysicalDeviceMemoryProperties(physicalDevice, &pMemoryProperties->memoryProperties);\n"
        "hand::write_budget(pMemoryProperties->pNext);",
    "vkBindImageMemory2": "for (uint32_t i = 0; i < bindInfoCount; ++i) hand::tell_bound(pBindInfos[i].pNext);",
    "vkGetCalibratedTimestampsEXT": "*pMaxDeviation = kMaxDeviation;",
    "vkGetPhysicalDeviceImageFormatProperties2": "hand::write_importable(pImageFormatProperties->pNext);",
    "vkGetBufferMemoryRequirements": "*pMemoryRequirements = hand::requirements_of(buffer);",
    "vkGetImageMemoryRequirements": "*pMemoryRequirements = hand::requirements_of_anything();",
    "vkGetBufferMemoryRequirements2":
        "pMemoryRequirements->memoryRequirements = hand::requirements_of(pInfo->buffer);",
    "vkGetImageMemoryRequirements2": "pMemoryRequirements->memoryRequirements = hand::requirements_of_anything();",
    "vkGetDeviceBufferMemoryRequirements":
        "pMemoryRequirements->memoryRequirements = hand::requirements_of_anything();",
    "vkGetDeviceImageMemoryRequirements":
        "pMemoryRequirements->memoryRequirements = hand::requirements_of_anything();",
    "vkGetAccelerationStructureMemoryRequirementsNV":
        "pMemoryRequirements->memoryRequirements = hand::requirements_of_anything();",
    "vkGetGeneratedCommandsMemoryRequirementsNV":
        "pMemoryRequirements->memoryRequirements = hand::requirements_of_anything();",
}
# Uses of a command that are the recorder's own and are not recorded.
SIDE_CHANNELS = {
    "vkCreateShaderModule": "if (hand::is_instruction(pCreateInfo)) {\n*pShaderModule = new_handle<VkShaderModule>();\n"
                            "return VK_SUCCESS;\n}",
    "vkGetShaderInfoAMD": "if (infoType == VK_SHADER_INFO_TYPE_DISASSEMBLY_AMD) "
                          "return hand::read_log(pInfoSize, pInfo);",
}


class FakeDriverEmitter:
    def __init__(self, layout, commands):
        self.layout, self.registry = layout, layout.registry
        self.commands = [c for c in commands if not c.command.internal]

    def emit(self, output):
        declarations = File("fake_driver/entries.hpp", NS, ["<vulkan/vulkan.h>", "<span>",
                                                            "generated/protocol/commands.hpp",
                                                            "generated/protocol/object_type.hpp"],
                            "The fake driver's entry points, and calls of any driver's entry points by args struct.")
        for c in self.commands:
            declarations.add(f"VKAPI_ATTR {c.returns} VKAPI_CALL fake_{c.name}({self.parameters(c)});")
        declarations.add("", "struct NamedEntry {", "const char* name;", "PFN_vkVoidFunction function;", "};",
                         "extern const std::span<const NamedEntry> kEntries;  // sorted by name", "",
                         "struct Invoker {", "protocol::Command command;",
                         "protocol::ObjectType made;  // what it makes, or kNone",
                         "void (*make)(void* args);  // a new args struct, in place",
                         "// Forgets the names that random_args() gave to what is to be made.",
                         "void (*forget_ids)(void* args);",
                         "// Calls `function`, which has the command's signature, with the members of the args struct.",
                         "// Gives the VkResult, or 0 where there is none.",
                         "int (*invoke)(PFN_vkVoidFunction function, void* args);", "};",
                         "extern const std::span<const Invoker> kInvokers;  // sorted by command", "",
                         "// Sets every feature in a chain of feature structs.", "void set_features(void* chain);")
        output.write(declarations)
        for i, part in enumerate(chunks(self.commands, CHUNKS)):
            f = File(f"fake_driver/entries_{i:02d}.cpp", NS,
                     ["generated/fake_driver/entries.hpp", "<cstring>", "generated/protocol/args.hpp",
                      "tests/fake-driver/call.hpp", "tests/fake-driver/semantics.hpp"])
            for c in part:
                f.add(*self.entry(c))
            output.write(f)
        self.emit_tables(output)
        self.emit_invokers(output)
        self.emit_facts(output)

    @staticmethod
    def parameters(c):
        return ", ".join(p.field.declaration for p in c.params)

    def count_of(self, p, prefix):
        return self.layout.shape(p.field, prefix).length or "1"

    def entry(self, c):
        lines = [f"VKAPI_ATTR {c.returns} VKAPI_CALL fake_{c.name}({self.parameters(c)}) {{"]
        lines += SIDE_CHANNELS.get(c.name, "").splitlines()
        lines.append(f"protocol::{c.name}_args a;")
        for p in c.params:
            f = p.field
            if p.role == "skip":
                lines.append(f"static_cast<void>({f.name});")
            elif f.dims:
                lines.append(f"std::memcpy(a.{f.name}, {f.name}, sizeof(a.{f.name}));")
            else:
                lines.append(f"a.{f.name} = {f.name};")
        for p in c.made:
            lines.append(f"a.{p.name}_ids = no_ids(a.{p.name} != nullptr ? {self.count_of(p, 'a.')} : 0);")
        lines.append(f"Call call(protocol::Command::{c.name}, &a);")
        status = c.returns == "VkResult"
        if status:
            lines += ["a.result = call.injected();", "if (a.result >= 0) {"]
        lines += self.body(c)
        if status:
            lines += ["if (call.injected() > 0) a.result = call.injected();", "}"]
        lines += ["call.finish({});".format("a.result" if status else "0"), f"return{' a.result' if c.result else ''};"]
        return lines + ["}", ""]

    def body(self, c):
        status = c.returns == "VkResult"
        lines = []
        if c.name in BY_HAND:
            arguments = ", ".join("nullptr" if p.role == "skip" else p.name for p in c.params)
            lines.append(f"{'a.result = ' if c.result else ''}hand::{c.name}({arguments});")
        else:
            lines.append("call.make_up();")
            if status:
                lines.append("a.result = VK_SUCCESS;")
            for p in c.made:
                lines += [f"for (std::size_t i = 0; {p.name} != nullptr && i < {self.count_of(p, 'a.')}; ++i) {{",
                          f"{p.name}[i] = {self.new(p.type)};", "}"]
            lines += CORRECTED.get(c.name, "").splitlines()
            if c.name == "vkGetVideoSessionMemoryRequirementsKHR":
                lines += ["for (uint32_t i = 0; pMemoryRequirements != nullptr && i < *pMemoryRequirementsCount; ++i) {",
                          "pMemoryRequirements[i].memoryRequirements = hand::requirements_of_anything();", "}"]
        for p in c.made:
            lines += [f"for (std::size_t i = 0; {p.name} != nullptr && i < {self.count_of(p, 'a.')}; ++i) {{",
                      f"call.made(digest_of({p.name}[i]));", "}"]
        return lines

    def new(self, handle):
        verb = "new_dispatchable" if self.layout.dispatchable(handle) else "new_handle"
        return f"{verb}<{handle}>()"

    def emit_tables(self, output):
        f = File("fake_driver/tables.cpp", NS, ["generated/fake_driver/entries.hpp", "tests/fake-driver/semantics.hpp"])
        entries = {}
        for c in self.commands:
            for name in [c.name, *c.alias_names]:
                entries[name] = f"fake_{c.name}"
        for name in UNRECORDED:
            for alias in [name, *self.registry.commands[name].aliases]:
                entries[alias] = f"hand::{name}"
        f.add("namespace {", "template <class F>", "PFN_vkVoidFunction erase(F function) {",
              "return reinterpret_cast<PFN_vkVoidFunction>(function);", "}", "",
              "const NamedEntry kEntryTable[] = {")
        f.add(*[f'{{"{name}", erase({function})}},' for name, function in sorted(entries.items())], "};")
        f.add("}  // namespace", "", "const std::span<const NamedEntry> kEntries = kEntryTable;", "")
        f.add("void set_features(void* chain) {",
              "for (auto* next = static_cast<VkBaseOutStructure*>(chain); next != nullptr; next = next->pNext) {",
              "switch (next->sType) {")
        for s in self.feature_structs():
            f.add(f"case {s.s_type}: {{", f"auto& features = *reinterpret_cast<{s.name}*>(next);")
            f.add(*[f"features.{m.name} = VK_TRUE;" for m in s.members
                    if m.type == "VkBool32" and m.name not in self.layout.policy.blocked_features.get(s.name, [])],
                  "break;", "}")
        f.add("default:", "break;", "}", "}", "}")
        output.write(f)

    def feature_structs(self):
        return [s for s in self.registry.structs.values()
                if s.s_type and "VkPhysicalDeviceFeatures2" in [self.registry.canonical(e) for e in s.extends]
                and all(m.type == "VkBool32" or m.name in ("sType", "pNext") for m in s.members)]

    def emit_facts(self, output):
        header = File("fake_driver/facts.hpp", NS, ["<vulkan/vulkan.h>", "<cstdint>", "<span>",
                                                    "generated/protocol/commands.hpp"],
                      "What the registry says that both ends of the fake driver's test need: no entry point is named here.")
        header.add("struct Extension {", "const char* name;", "uint32_t version;", "};",
                   "// Every extension of the registry that has commands or structs for us.",
                   "extern const std::span<const Extension> kInstanceExtensions;",
                   "extern const std::span<const Extension> kDeviceExtensions;", "",
                   "// The results of a command with a VkResult, VK_SUCCESS left out; sorted by command.",
                   "struct CommandResults {", "protocol::Command command;", "std::span<const VkResult> results;", "};",
                   "extern const std::span<const CommandResults> kCommandResults;", "",
                   "struct ChainStruct {", "VkStructureType type;", "const char* name;", "};",
                   "// Every struct with an sType, for messages.",
                   "extern const std::span<const ChainStruct> kChainStructs;")
        output.write(header)
        f = File("fake_driver/facts.cpp", NS, ["generated/fake_driver/facts.hpp"])
        f.add("namespace {")
        for kind, table in (("instance", "kInstanceTable"), ("device", "kDeviceTable")):
            f.add("", f"constexpr Extension {table}[] = {{")
            for e in self.registry.extensions:
                if e.kind == kind and e.platform is None:
                    f.add(f'{{"{e.name}", {e.version}}},')
            f.add("};")
        with_results = [(c, [r for r in c.command.success_codes + c.command.error_codes if r != "VK_SUCCESS"])
                        for c in self.commands if c.returns == "VkResult"]
        f.add("", *[f"constexpr VkResult kResults_{c.name}[] = {{{', '.join(r)}}};" for c, r in with_results if r],
              "const CommandResults kResultTable[] = {")
        f.add(*[f"{{protocol::Command::{c.name}, {f'kResults_{c.name}' if r else '{}'}}}," for c, r in with_results], "};",
              "", "constexpr ChainStruct kStructTable[] = {",
              *[f'{{{s.s_type}, "{s.name}"}},' for s in self.registry.structs.values() if s.s_type], "};",
              "", "}  // namespace", "",
              "const std::span<const Extension> kInstanceExtensions = kInstanceTable;",
              "const std::span<const Extension> kDeviceExtensions = kDeviceTable;",
              "const std::span<const CommandResults> kCommandResults = kResultTable;",
              "const std::span<const ChainStruct> kChainStructs = kStructTable;")
        output.write(f)

    def emit_invokers(self, output):
        parts = chunks(self.commands, CHUNKS)
        for i, part in enumerate(parts):
            f = File(f"fake_driver/invokers_{i:02}.cpp", NS, ["generated/fake_driver/entries.hpp", "<new>",
                                                              "generated/protocol/args.hpp"])
            f.add("namespace {", "", "template <class Args>", "void make(void* memory) {", "new (memory) Args();", "}", "")
            for c in part:
                f.add(*self.invoker_functions(c))
            f.add("}  // namespace", "", f"extern const Invoker kInvokers_{i:02}[];",
                  f"const Invoker kInvokers_{i:02}[] = {{")
            for c in part:
                made = c.made[0].type[2:] if c.made else "None"
                f.add(f"{{protocol::Command::{c.name}, protocol::ObjectType::k{made}, make<protocol::{c.name}_args>, "
                      f"forget_ids_{c.name}, invoke_{c.name}}},")
            f.add("};")
            output.write(f)
        f = File("fake_driver/invokers.cpp", NS, ["generated/fake_driver/entries.hpp", "<vector>"])
        f.add(*[f"extern const Invoker kInvokers_{i:02}[{len(part)}];" for i, part in enumerate(parts)])
        f.add("", "namespace {", "", "// Joined once, before main; never destroyed.",
              "std::span<const Invoker> join() {", "static auto* const all = new std::vector<Invoker>;",
              "const auto add = [](const auto& part) { all->insert(all->end(), std::begin(part), std::end(part)); };")
        f.add(*[f"add(kInvokers_{i:02});" for i in range(len(parts))])
        f.add("return *all;", "}", "", "}  // namespace", "", "const std::span<const Invoker> kInvokers = join();")
        output.write(f)

    def invoker_functions(self, c):
        arguments = ", ".join("nullptr" if p.role == "skip" else f"a.{p.name}" for p in c.params)
        cast = f"auto& a = *static_cast<protocol::{c.name}_args*>(args);"
        status = "a.result" if c.returns == "VkResult" else "0"
        lines = [f"int invoke_{c.name}(PFN_vkVoidFunction function, void* args) {{", cast,
                 f"{'a.result = ' if c.result else ''}reinterpret_cast<PFN_{c.name}>(function)({arguments});",
                 f"return {status};", "}",
                 f"void forget_ids_{c.name}(void* args) {{", cast if c.made else "static_cast<void>(args);"]
        for p in c.made:
            lines.append(f"for (std::size_t i = 0; a.{p.name} != nullptr && i < {self.count_of(p, 'a.')}; ++i) "
                         f"a.{p.name}_ids[i] = 0;")
        return lines + ["}", ""]
