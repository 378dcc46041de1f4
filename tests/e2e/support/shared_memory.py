"""A host with tenants that are VMs with shared memory, and guests on this machine that see it as a VM's processes do:
in a folder that looks like /sys/bus/pci/devices, whose resource2_wc is the tenant's file.
"""

import os
import pathlib

from harness import wait_until
from network import NetHost, TOKENS


def tenant_name(number):
    """A tenant's file is the machine's, and tests run side by side."""
    return f"test{os.getpid()}-{number}"


class MemoryHost(NetHost):
    def __init__(self, sizes, lines=(), **options):
        """sizes: "64 MiB" of the first tenant, and so on."""
        self.names = [tenant_name(number) for number in range(len(sizes))]
        for name in self.names:
            TOKENS[name] = "the-token-of-" + name
        super().__init__({name: [f'memory = "{size}"', *lines] for name, size in zip(self.names, sizes)}, **options)

    def start(self):
        before = len(self.log()) if self.log_path.exists() else 0
        super().start()
        # It listens before it has opened its tenants' memory.
        if not wait_until(lambda: "listening on tcp" in self.log()[before:], 20):
            raise AssertionError("viaductd serves nobody after 20 s; its log: " + self.log()[-3000:])

    @staticmethod
    def file_of(name):
        return pathlib.Path("/dev/shm") / f"viaduct-{name}"

    def pci_root(self, name="pci", devices=()):
        """Makes such a folder: a list of files, each of which is the memory of a device."""
        root = self.folder / name
        for number, file in enumerate(devices):
            device = root / f"0000:00:{number + 4:02x}.0"
            device.mkdir(parents=True)
            for word, text in (("vendor", "0x1af4"), ("device", "0x1110"), ("enable", "1")):
                (device / word).write_text(text + "\n")
            (device / "resource2_wc").symlink_to(file)
        root.mkdir(exist_ok=True)
        return root

    def device_of(self, name):
        root = self.folder / f"pci-{name}"
        return root if root.exists() else self.pci_root(root.name, [self.file_of(name)])

    def vm_way(self, name=None, region="ivshmem", root=None):
        name = name or self.names[0]
        return {**self.way(name, region), "VIADUCT_PCI_ROOT": str(root or self.device_of(name))}

    def vm_guest(self, *command, name=None, region="ivshmem", root=None, extra=None):
        return self.guest(*command, extra={**self.vm_way(name, region, root), **(extra or {})})

    def stop(self, keep_folder=False):
        try:
            super().stop(keep_folder)
        finally:
            for name in self.names:
                self.file_of(name).unlink(missing_ok=True)
