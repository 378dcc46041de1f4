"""A virtual machine of QEMU that runs one job and switches itself off; everything it says is on its serial line.

The processor is emulated, so that the tests need no /dev/kvm and run where CI runs; VIADUCT_VM_KVM=1 takes KVM where it works.
A machine starts from the image (image.py), whose disk it cannot change, with the files of its job on a second disk. What it
writes is kept until it is switched off, over a reset too. A second serial line carries words to the job (Machine.tell).
Times are deadlines, long because an emulated processor on a busy machine is slow; nothing is concluded from them.
"""

import io
import os
import pathlib
import re
import socket
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e/support"))
from harness import BUILD, Program, clean_environment, wait_until  # noqa: E402
from image import image  # noqa: E402
from qmp import Qmp  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = pathlib.Path(os.environ.get("VIADUCT_PACKAGES", BUILD / "packages")).resolve()
BOOT_S = 120
# The kernel's tests of its ciphers take time, and an emulated processor was seen to hang in them.
KERNEL = "clocksource=tsc tsc=reliable cryptomgr.notests"


def processor():
    if os.environ.get("VIADUCT_VM_KVM") == "1":
        try:
            os.close(os.open("/dev/kvm", os.O_RDWR))
            return ["-accel", "kvm", "-cpu", "host"]
        except OSError as problem:
            print(f"VIADUCT_VM_KVM=1, but /dev/kvm does not work ({problem}): the processor is emulated", file=sys.stderr)
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def package(side):
    found = sorted(PACKAGES.glob(f"viaduct-{side}_*_amd64.deb"))
    if len(found) != 1:
        raise AssertionError(f"{len(found)} packages viaduct-{side} in {PACKAGES}, not one")
    return found[0]


class Machine(Program):
    """A running machine. Its lines are in self.lines, as of every Program."""

    def __init__(self, job, files=(), arguments=(), memory=1024, systemd=False):
        """job: shell text, run with guest/lib.sh; files: paths that lie beside it; arguments: further ones of QEMU's."""
        self.folder = tempfile.TemporaryDirectory(prefix="viaduct-vm-")
        folder = pathlib.Path(self.folder.name)
        made = image()
        payload = folder / "job.tar"
        with tarfile.open(payload, "w") as tar:
            for path in [HERE / "guest" / name for name in ("init.sh", "run.sh", "lib.sh")] + [pathlib.Path(p) for p in files]:
                tar.add(path.resolve(), arcname=path.name)
            for name, text in [("job.sh", job)] + ([("systemd", "")] if systemd else []):
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        # A disk is of whole sectors.
        os.truncate(payload, (payload.stat().st_size + 511) // 512 * 512)
        command = [
            "qemu-system-x86_64", *processor(), "-M", "q35", "-smp", "2", "-m", str(memory), "-nodefaults", "-no-reboot",
            "-display", "none", "-monitor", "none", "-qmp", f"unix:{folder / 'qmp'},server=on,wait=off",
            "-serial", "stdio", "-chardev", f"socket,id=words,path={folder / 'words'},server=on,wait=off",
            "-serial", "chardev:words", "-kernel", made / "vmlinuz",
            "-append", f"console=ttyS0 quiet panic=-1 root=/dev/nvme0n1 rw init=/sbin/vminit {KERNEL}",
            "-drive", f"file={made / 'root.ext4'},format=raw,if=none,id=root,snapshot=on",
            "-drive", f"file={payload},format=raw,if=none,id=job,readonly=on",
            "-device", "nvme,drive=root,serial=root", "-device", "nvme,drive=job,serial=job",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net", *arguments]
        environment = clean_environment()
        environment["TMPDIR"] = self.folder.name  # of what it writes to its disk
        super().__init__(command, environment)
        try:
            self.qmp = Qmp(folder / "qmp", BOOT_S)
            self.words = socket.socket(socket.AF_UNIX)
            self.words.connect(str(folder / "words"))
        except OSError as problem:
            self.kill()
            raise AssertionError(f"QEMU does not start: {problem}; {self.error_text()[-2000:]}") from problem

    def tell(self, word):
        """Ends the job's `hear WORD`."""
        self.words.sendall(word.encode() + b"\n")

    def pause(self):
        self.qmp.ask("stop")

    def go_on(self):
        self.qmp.ask("cont")

    def reset(self):
        """As the button does; the machine boots again and runs its job again. From now on a panic is a reset too; and so is
        the firmware's own, which finds its memory used and begins once more."""
        self.qmp.ask("set-action", reboot="reset")
        self.qmp.ask("system_reset")

    def failures(self):
        return [line for _, line in self.lines if line.startswith("CHECK failed")]

    def passed(self):
        return [line for _, line in self.lines if line.startswith("CHECK ok")]

    def matches(self, pattern):
        return re.search(pattern, self.text(), re.MULTILINE)

    def wait_match(self, pattern, seconds=BOOT_S):
        """Until a line matches; fails when the machine ends or the time is over before one does."""
        wait_until(lambda: self.matches(pattern) or self.process.poll() is not None, seconds, 0.05)
        if self.process.poll() is not None:
            self.threads[0].join(10)
        found = self.matches(pattern)
        if not found:
            raise AssertionError(f"no line matches {pattern!r}; QEMU: {self.error_text()[-2000:]}; "
                                 f"the serial line: {self.text()[-6000:]}")
        return found

    def finish(self, seconds):
        """Until the job has ended well and the machine is off."""
        ended = self.wait_match(r"^JOB-ENDED status (\d+)", seconds)
        self.wait(60)
        if ended[1] != "0" or self.failures():
            raise AssertionError(f"the job ended with status {ended[1]}; {self.failures()}; "
                                 f"the serial line: {self.text()[-6000:]}")

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.qmp.close()
        self.words.close()
        self.folder.cleanup()
