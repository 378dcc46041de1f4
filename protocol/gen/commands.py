"""What each command means for the codecs: which parameters travel, which direction, what it makes and ends."""

from dataclasses import dataclass, field

from layout import Layout


@dataclass
class Param:
    field: object
    shape: object
    role: str  # in, out, count, inout, made (a handle the guest names), skip, command_buffer

    @property
    def name(self):
        return self.field.name

    @property
    def type(self):
        return self.field.type


@dataclass
class WireCommand:
    name: str
    returns: str
    params: list
    command: object
    recorded: bool = False  # runs inside a command buffer's span
    alias_names: list = field(default_factory=list)

    @property
    def result(self):
        return self.returns != "void"

    @property
    def made(self):
        return [p for p in self.params if p.role == "made"]

    @property
    def dying(self):
        """The handle that this command ends, if it is a destroy command."""
        if not self.name.startswith(("vkDestroy", "vkFreeMemory", "vkReleasePerformanceConfiguration")):
            return None
        handles = [p for p in self.params if p.role == "in" and p.shape.kind == "handle"]
        return handles[-1] if handles else None

    @property
    def outputs(self):
        return [p for p in self.params if p.role in ("out", "count", "inout")]

    def c_params(self, skip_command_buffer=False):
        return ", ".join(p.field.declaration for p in self.params
                         if not (skip_command_buffer and p.role == "command_buffer"))

    def c_args(self, skip_command_buffer=False):
        return ", ".join(p.name for p in self.params if not (skip_command_buffer and p.role == "command_buffer"))


def classify(layout: Layout, command):
    params = []
    recorded = bool(command.params) and command.params[0].type == "VkCommandBuffer" and not command.params[0].pointers
    for i, f in enumerate(command.params):
        shape = layout.shape(f, "")
        if i == 0 and recorded:
            role = "command_buffer"
        elif shape.kind == "drop":
            role = "skip"
        elif not shape.output:
            role = "in"
        elif shape.inout:
            role = "inout"
        elif layout.is_count(f):
            role = "count"
        elif layout.is_handle(f.type):
            role = "made"
        else:
            role = "out"
        params.append(Param(f, shape, role))
    return WireCommand(command.name, command.returns, params, command, recorded, command.aliases)


def all_commands(layout):
    return [classify(layout, c) for c in layout.wire_commands()]
