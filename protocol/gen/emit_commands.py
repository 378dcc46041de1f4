"""Object types and the command list: numbers, names, hashes and what kind of command each is."""

from text import File, fnv1a32
from wire_form import WireForms

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
          "inline constexpr std::uint32_t kCommandInternal = 4;  // from viaduct.xml", "",
          "struct CommandInfo {", "const char* name;", "std::uint32_t name_hash;  // fnv1a32",
          "std::uint32_t flags;", "Command canonical;  // what an alias stands for; otherwise itself", "};",
          "extern const CommandInfo kCommandInfo[kCommandCount];", "",
          f"inline constexpr std::uint32_t kRegistryHeaderVersion = {registry.header_version};")
    output.write(f)

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
        f.add(f'{{"{n}", 0x{fnv1a32(n):08x}u, {" | ".join(flags) or "0"}, Command::{target}}},')
    f.add("};")
    output.write(f)
    emit_forms(output, WireForms(layout, policy), names, wire, registry)
    return names


def emit_forms(output, forms, names, wire, registry):
    f = File("protocol/command_forms.hpp", NS, ["<cstdint>", "generated/protocol/commands.hpp"],
             "A hash of each command's wire form, by Command: what the handshake compares, so that a command which the\n"
             "other end encodes differently is not known there. 0 for a command without a wire form.")
    f.add("extern const std::uint32_t kCommandForms[kCommandCount];")
    output.write(f)
    f = File("protocol/command_forms.cpp", NS, ["generated/protocol/command_forms.hpp"])
    f.add("const std::uint32_t kCommandForms[kCommandCount] = {")
    for n in names:
        target = wire.get(registry.command_aliases.get(n, n))
        f.add(f"0x{forms.hash(target):08x}u,  // {n}" if target else f"0,  // {n}")
    f.add("};")
    output.write(f)
