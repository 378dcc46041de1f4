"""What the generator makes of a few telling commands and structs, one file each: committed under tests/golden, so
that a review of a generator change shows what it does."""

from text import indent

COMMANDS = ("vkCmdDraw", "vkCmdPushConstants", "vkCmdBuildAccelerationStructuresKHR", "vkCreateBuffer",
            "vkCreateGraphicsPipelines", "vkDestroyBuffer", "vkEnumerateDeviceExtensionProperties",
            "vkGetPhysicalDeviceFormatProperties2", "vkGetDeviceFaultInfoEXT", "viaductQueueSubmit")
STRUCTS = ("StdVideoH265SequenceParameterSet", "VkAccelerationStructureGeometryKHR", "VkDescriptorSetLayoutBinding",
           "VkDeviceCreateInfo", "VkImageMemoryBarrier", "VkPipelineCreationFeedbackCreateInfo",
           "VkPipelineMultisampleStateCreateInfo", "VkWriteDescriptorSet")


def emit(output, structs, requests, guest, host, policy):
    by_name = {c.name: c for c in requests.commands}
    for name in COMMANDS:
        c = by_name[name]
        lines = ["// args", *requests.args_struct(c), "// request", *requests.request_function(c), "",
                 "// decoder", f"bool decode_{name}(Decoder& d, {name}_args& a) {{", *requests.decode(c), "}", "",
                 "// reply, host", *requests.write_reply(c), "", "// reply, guest", *requests.read_reply(c), ""]
        if c.recorded:
            lines += ["// encoder", *guest.encoder(c)]
        else:
            lines += ["// post", *guest.post(c), "// call", *guest.call(c)]
        if name not in policy.guest_handwritten and not c.command.internal:
            lines += ["// entry point", guest.entry_signature(c.command, False) + " {", *guest.default_entry(c), "}", ""]
        if name not in policy.host_override:
            lines += ["// execution", *host.default_on(c), ""]
        write(output, name, lines)
    for name in STRUCTS:
        write(output, name, [*structs.declarations(name), "", *structs.definitions(name)])


def write(output, name, lines):
    text = "\n".join(indent(lines)).rstrip() + "\n"
    output.write_text(name + ".golden", text)
