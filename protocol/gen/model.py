"""The registry as typed objects: parses vk.xml, video.xml and viaduct.xml, resolves aliases, and drops what this
build cannot see (other APIs, disabled extensions, platforms named in the policy). Knows nothing of the wire."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

DISPATCHABLE = ("VkInstance", "VkPhysicalDevice", "VkDevice", "VkQueue", "VkCommandBuffer")

# name -> (size, alignment on 64-bit); 'size' marks size_t, which travels as 8 bytes everywhere
SCALARS = {
    "char": 1, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4, "int": 4,
    "float": 4, "double": 8, "int64_t": 8, "uint64_t": 8, "size_t": 8,
}


@dataclass
class Field:
    """A struct member or a command parameter."""
    owner: str
    name: str
    type: str
    pointers: int = 0
    const: bool = False
    dims: list = field(default_factory=list)  # fixed array dimensions as C expressions
    bits: int = 0
    len: list = field(default_factory=list)
    optional: list = field(default_factory=list)
    no_auto_validity: bool = False
    selector: str = None
    selection: list = field(default_factory=list)
    stride: str = None
    value: str = None  # the fixed value of an sType
    declaration: str = ""  # as C, name included

    @property
    def is_array(self):
        return bool(self.len) and self.len != ["null-terminated"]

    @property
    def is_string(self):
        return self.type == "char" and self.pointers == 1 and "null-terminated" in self.len

    def is_optional(self, level=0):
        return len(self.optional) > level and self.optional[level] == "true"


@dataclass
class Struct:
    name: str
    members: list
    is_union: bool = False
    s_type: str = None
    extends: list = field(default_factory=list)
    returned_only: bool = False

    def member(self, name):
        return next((m for m in self.members if m.name == name), None)

    @property
    def has_chain(self):
        return self.member("pNext") is not None and self.member("sType") is not None


@dataclass
class Command:
    name: str
    returns: str
    params: list
    aliases: list = field(default_factory=list)
    internal: bool = False
    success_codes: list = field(default_factory=list)  # names of VkResult values
    error_codes: list = field(default_factory=list)

    def param(self, name):
        return next((p for p in self.params if p.name == name), None)


@dataclass
class Extension:
    name: str
    kind: str  # instance, device
    version: str  # name of the SPEC_VERSION macro's value
    promoted: str
    commands: list
    types: list
    platform: str


@dataclass
class Format:
    name: str
    block_bytes: int
    block_extent: tuple  # width, height, depth of a block in texels
    planes: list  # the format of each plane of a multi-planar one


@dataclass
class Registry:
    structs: dict = field(default_factory=dict)
    commands: dict = field(default_factory=dict)
    handles: dict = field(default_factory=dict)  # name -> object type enum name
    enums: dict = field(default_factory=dict)  # name -> bit width
    flags: dict = field(default_factory=dict)  # bitmask typedefs -> byte size
    base_types: dict = field(default_factory=dict)
    funcs: set = field(default_factory=set)
    constants: dict = field(default_factory=dict)
    aliases: dict = field(default_factory=dict)  # type alias -> canonical
    command_aliases: dict = field(default_factory=dict)
    extensions: list = field(default_factory=list)
    providers: dict = field(default_factory=dict)  # command -> [feature or extension names]
    platform_commands: dict = field(default_factory=dict)  # command -> guard macro
    type_providers: dict = field(default_factory=dict)  # type, under any of its names -> [feature or extension names]
    header_version: int = 0
    skipped_extensions: set = field(default_factory=set)  # of platforms that no guest has
    formats: list = field(default_factory=list)  # Format

    def canonical(self, name):
        while name in self.aliases:
            name = self.aliases[name]
        return name

    def type_provider(self, name):
        """The features and extensions that bring a type, under whichever of its names."""
        return sorted({p for n, providers in self.type_providers.items() if self.canonical(n) == name for p in providers})


def _for_vulkan(element, attribute="api"):
    value = element.get(attribute)
    return value is None or "vulkan" in value.split(",")


def _text_without_comment(element):
    parts = [element.text or ""]
    for child in element:
        if child.tag != "comment":
            parts.append("".join(child.itertext()))
        parts.append(child.tail or "")
    return " ".join("".join(parts).split())


def _parse_field(owner, element, registry):
    text = _text_without_comment(element)
    name = element.find("name").text
    type_name = element.find("type").text
    before, after = re.split(r"\b%s\b" % re.escape(name), text, maxsplit=1) if text.count(name) == 1 else (
        text[: text.rindex(name)], text[text.rindex(name) + len(name):])
    if text.count(name) > 1:  # the name also occurs in the type or a dimension: the first one after the type
        start = text.index(name, text.index(type_name) + len(type_name))
        before, after = text[:start], text[start + len(name):]
    bits = re.match(r"\s*:\s*(\d+)", after)
    length = element.get("altlen") or element.get("len") or ""
    return Field(
        owner=owner,
        name=name,
        type=registry.canonical(type_name),
        pointers=before.count("*"),
        const=before.strip().startswith("const"),
        dims=re.findall(r"\[([^\]]+)\]", after),
        bits=int(bits.group(1)) if bits else 0,
        len=[x for x in length.split(",") if x],
        optional=(element.get("optional") or "").split(",") if element.get("optional") else [],
        no_auto_validity=element.get("noautovalidity") == "true",
        selector=element.get("selector"),
        selection=(element.get("selection") or "").split(",") if element.get("selection") else [],
        stride=element.get("stride"),
        value=element.get("values"),
        declaration=before + name + (after if after.strip().startswith("[") else ""),
    )


def _parse_types(root, registry, wanted):
    entries = [t for t in root.find("types") if t.tag == "type" and _for_vulkan(t)]
    for t in entries:
        name = t.get("name") or (t.find("name").text if t.find("name") is not None else None)
        if t.get("alias"):
            registry.aliases[name] = t.get("alias")
    for t in entries:
        name = t.get("name") or (t.find("name").text if t.find("name") is not None else None)
        category = t.get("category")
        if t.get("alias") or (wanted is not None and category in ("struct", "union") and name not in wanted):
            continue
        if category == "handle":
            registry.handles[name] = t.get("objtypeenum")
        elif category == "bitmask":
            registry.flags[name] = 8 if t.find("type").text == "VkFlags64" else 4
        elif category == "enum":
            registry.enums.setdefault(name, 32)
        elif category == "basetype" and t.find("type") is not None:
            text = "".join(t.itertext())
            if text.strip().startswith("typedef"):
                registry.base_types[name] = "void*" if "*" in text else t.find("type").text
        elif category == "funcpointer":
            registry.funcs.add(name)
        elif category in ("struct", "union"):
            members = [_parse_field(name, m, registry) for m in t.findall("member") if _for_vulkan(m)]
            s_type = next((m.value for m in members if m.name == "sType"), None)
            registry.structs[name] = Struct(
                name, members, category == "union", s_type,
                (t.get("structextends") or "").split(",") if t.get("structextends") else [],
                t.get("returnedonly") == "true")


def _parse_constants(root, registry):
    for enums in root.findall("enums"):
        if enums.get("bitwidth") == "64":
            registry.enums[enums.get("name")] = 64
        for e in enums.findall("enum"):
            if e.get("value"):
                registry.constants[e.get("name")] = e.get("value")
    for e in root.iter("enum"):  # constants that extensions define, and video's
        if e.get("value") and e.get("name") not in registry.constants:
            registry.constants[e.get("name")] = e.get("value")
    for enums in root.findall("enums"):
        for e in enums.findall("enum"):
            if e.get("alias") and e.get("alias") in registry.constants:
                registry.constants[e.get("name")] = registry.constants[e.get("alias")]


def _parse_command(element, registry, internal=False):
    name = element.find("proto/name").text
    params = [_parse_field(name, p, registry) for p in element.findall("param") if _for_vulkan(p)]
    codes = [[x for x in (element.get(kind) or "").split(",") if x] for kind in ("successcodes", "errorcodes")]
    return Command(name, registry.canonical(element.find("proto/type").text), params, internal=internal,
                   success_codes=codes[0], error_codes=codes[1])


def _keep_name(registry, name):
    """Where the registry calls `name` another name of a command, makes it the command's own name."""
    target = registry.command_aliases.pop(name, None)
    if target is None:
        return
    command = registry.commands.pop(target)
    command.name = name
    for param in command.params:
        param.owner = name
    registry.commands[name] = command
    registry.command_aliases[target] = name
    for alias, other in registry.command_aliases.items():
        if other == target:
            registry.command_aliases[alias] = name


def load(vk_xml, video_xml, internal_xml, policy):
    registry = Registry()
    vk, video, internal = (ET.parse(p).getroot() for p in (vk_xml, video_xml, internal_xml))
    skipped_platforms = set(policy.skipped_platforms)
    guest_platforms = set(policy.guest_platforms)
    guards = {p.get("name"): p.get("protect") for p in vk.find("platforms")}
    version = vk.find("types/type[name='VK_HEADER_VERSION']")
    registry.header_version = int(version.find("name").tail.strip())

    wanted_types, wanted_commands = set(), set()

    def take(provider, element, platform):
        names = []
        for require in element.findall("require"):
            if not _for_vulkan(require):
                continue
            for item in require:
                if item.tag == "type" and platform is None:
                    wanted_types.add(item.get("name"))
                    registry.type_providers.setdefault(item.get("name"), []).append(provider)
                elif item.tag == "command":
                    names.append(item.get("name"))
                    if platform is None:
                        wanted_commands.add(item.get("name"))
                        registry.providers.setdefault(item.get("name"), []).append(provider)
                    elif platform in guest_platforms:
                        registry.platform_commands[item.get("name")] = guards[platform]
                        registry.providers.setdefault(item.get("name"), []).append(provider)
        return names

    for feature in vk.findall("feature"):
        if _for_vulkan(feature):
            take(feature.get("name"), feature, None)
    for extension in vk.find("extensions"):
        if not _for_vulkan(extension, "supported"):
            continue
        platform = extension.get("platform")
        if platform in skipped_platforms:
            registry.skipped_extensions.add(extension.get("name"))
            continue
        if platform == "provisional":
            platform = None
        commands = take(extension.get("name"), extension, platform)
        types = [t.get("name") for require in extension.findall("require") if _for_vulkan(require)
                 for t in require.findall("type")]
        spec = next((e.get("value") for e in extension.iter("enum")
                     if (e.get("name") or "").endswith("_SPEC_VERSION")), "1")
        registry.extensions.append(Extension(extension.get("name"), extension.get("type"), spec,
                                             extension.get("promotedto"), commands, types, platform))

    _parse_constants(vk, registry)
    _parse_constants(video, registry)
    _parse_types(video, registry, None)
    _parse_types(vk, registry, wanted_types)
    registry.handles = {h: t for h, t in registry.handles.items() if h in wanted_types}

    for c in vk.find("commands"):
        if not _for_vulkan(c):  # the same command as Vulkan SC has it
            continue
        name = c.get("name") or c.find("proto/name").text
        if c.get("alias"):
            if name in wanted_commands:
                registry.command_aliases[name] = c.get("alias")
        elif name in wanted_commands or name in registry.platform_commands:
            registry.commands[name] = _parse_command(c, registry)
    for name in policy.kept_names:
        _keep_name(registry, name)
    for alias, target in registry.command_aliases.items():
        registry.commands[target].aliases.append(alias)
    for f in vk.find("formats"):
        extent = tuple(int(x) for x in (f.get("blockExtent") or "1,1,1").split(","))
        registry.formats.append(Format(f.get("name"), int(f.get("blockSize")), extent,
                                       [p.get("compatible") for p in f.findall("plane")]))
    for c in internal.find("commands"):
        command = _parse_command(c, registry, internal=True)
        registry.commands[command.name] = command
    return registry
