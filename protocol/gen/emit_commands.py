"""Object types, the command list (numbers, names, hashes, what kind of command each is) and the list of the structs
that chains may hold."""

from forms import Forms
from text import File, fnv1a32

NS = "viaduct::protocol"


def emit(output, layout, policy, commands):
    registry = layout.registry
    f = File("protocol/object_type.hpp", NS, ["<cstddef>", "<cstdint>"],
             "The type byte of object ids; the numbers are policy.toml's.")
    f.add("enum class ObjectType : std::uint8_t {", "kNone = 0,")
    for name, number in sorted(policy.object_types.items(), key=lambda x: x[1]):
        f.add(f"k{name[2:]} = {number},")
    f.add("};", f"inline constexpr std::size_t kObjectTypeCount = {max(policy.object_types.values()) + 1};")
    output.write(f)

    f = File("protocol/vulkan_object_type.hpp", NS, ["<vulkan/vulkan.h>", "generated/protocol/object_type.hpp"],
             "Handles that Vulkan passes as a number and a VkObjectType: the table in which their names are found.")
    f.add("// kNone for a value that the registry does not have.",
          "ObjectType object_type_of(VkObjectType type) noexcept;")
    output.write(f)
    f = File("protocol/vulkan_object_type.cpp", NS, ["generated/protocol/vulkan_object_type.hpp"])
    f.add("ObjectType object_type_of(VkObjectType type) noexcept {", "switch (type) {")
    f.add(*[f"case {enum}: return ObjectType::k{name[2:]};" for name, enum in sorted(registry.handles.items()) if enum])
    f.add("default: return ObjectType::kNone;", "}", "}")
    output.write(f)

    names = sorted(n for n in registry.commands if n not in registry.platform_commands)
    names = sorted(names + list(registry.command_aliases))
    wire = {c.name: c for c in commands}
    f = File("protocol/commands.hpp", NS, ["<cstddef>", "<cstdint>"],
             "Every command of the registry and of viaduct.xml, numbered by name. An alias is a command of its own in\n"
             "this list, but the guest always sends the name it stands for.")
    f.add("enum class Command : std::uint32_t {")
    f.add(*[f"{n}," for n in names], "kCount,", "};",
          "inline constexpr std::uint32_t kCommandCount = static_cast<std::uint32_t>(Command::kCount);", "",
          "// CommandInfo::flags", "inline constexpr std::uint32_t kCommandRecorded = 1;  // only in a command buffer's span",
          "inline constexpr std::uint32_t kCommandNoWire = 2;    // has no wire form: refused",
          "inline constexpr std::uint32_t kCommandInternal = 4;  // from viaduct.xml",
          "inline constexpr std::uint32_t kCommandBesideRecording = 8;  // policy.toml, host.beside_recording", "",
          "struct CommandInfo {", "const char* name;", "std::uint32_t name_hash;  // fnv1a32",
          "std::uint32_t form_hash;  // fnv1a32 of the wire form (PROTOCOL.md); of an alias, the canonical command's",
          "std::uint32_t flags;", "Command canonical;  // what an alias stands for; otherwise itself", "};",
          "extern const CommandInfo kCommandInfo[kCommandCount];", "",
          f"inline constexpr std::uint32_t kRegistryHeaderVersion = {registry.header_version};")
    output.write(f)

    forms = Forms(layout)
    f = File("protocol/commands.cpp", NS, ["generated/protocol/commands.hpp"])
    f.add("const CommandInfo kCommandInfo[kCommandCount] = {")
    for n in names:
        target = registry.command_aliases.get(n, n)
        flags = []
        if target in wire and wire[target].recorded:
            flags.append("kCommandRecorded")
        if target not in wire:
            flags.append("kCommandNoWire")
        if target in wire and wire[target].command.internal:
            flags.append("kCommandInternal")
        if target in policy.beside_recording:
            flags.append("kCommandBesideRecording")
        form = fnv1a32(forms.command(wire[target])) if target in wire else 0
        f.add(f'{{"{n}", 0x{fnv1a32(n):08x}u, 0x{form:08x}u, {" | ".join(flags) or "0"}, Command::{target}}},')
    f.add("};")
    output.write(f)
    emit_chain_structs(output, layout, forms)
    emit_formats(output, registry)
    return names


def emit_chain_structs(output, layout, forms):
    names = chain_structs(layout)
    f = File("protocol/chain_structs.hpp", NS, ["<cstddef>", "<cstdint>"],
             "The structs of the registry that pNext chains may hold and that travel, by sType.")
    f.add("enum class ChainStruct : std::uint16_t {", *[f"{n}," for n in names], "kCount,", "};",
          "inline constexpr std::size_t kChainStructCount = static_cast<std::size_t>(ChainStruct::kCount);", "",
          "struct ChainStructInfo {", "std::uint32_t s_type;     // VkStructureType",
          "std::uint32_t form_hash;  // fnv1a32 of the wire form", "};",
          "extern const ChainStructInfo kChainStructs[kChainStructCount];")
    output.write(f)
    f = File("protocol/chain_structs.cpp", NS, ["generated/protocol/chain_structs.hpp", "<vulkan/vulkan.h>"])
    f.add("const ChainStructInfo kChainStructs[kChainStructCount] = {")
    for n in names:
        f.add(f"{{static_cast<std::uint32_t>({layout.registry.structs[n].s_type}), "
              f"0x{fnv1a32(forms.struct(n)):08x}u}},")
    f.add("};")
    output.write(f)


def emit_formats(output, registry):
    f = File("protocol/formats.hpp", NS, ["<vulkan/vulkan.h>", "<cstdint>"],
             "What the registry says of the size of each format's texels.")
    f.add("struct FormatInfo {", "VkFormat format;", "std::uint8_t block_bytes;",
          "std::uint8_t block_width, block_height;  // in texels",
          "VkFormat planes[3];  // of a multi-planar format; otherwise undefined", "};", "",
          "// Null for what is no format of this build's registry.",
          "const FormatInfo* find_format(VkFormat format) noexcept;")
    output.write(f)
    f = File("protocol/formats.cpp", NS, ["generated/protocol/formats.hpp", "<algorithm>", "<iterator>"])
    f.add("namespace {", "", "constexpr FormatInfo kFormats[] = {")
    for x in registry.formats:
        planes = ", ".join((x.planes + ["VK_FORMAT_UNDEFINED"] * 3)[:3])
        f.add(f"{{{x.name}, {x.block_bytes}, {x.block_extent[0]}, {x.block_extent[1]}, {{{planes}}}}},")
    f.add("};", "", "}  // namespace", "", "const FormatInfo* find_format(VkFormat format) noexcept {",
          "const auto* at = std::find_if(std::begin(kFormats), std::end(kFormats),",
          "[format](const FormatInfo& f) { return f.format == format; });",
          "return at != std::end(kFormats) ? at : nullptr;", "}")
    output.write(f)


def chain_structs(layout):
    return sorted(set(layout.chained("in")) | set(layout.chained("out")))
