#!/usr/bin/env python3
"""The packages installed, used, removed and purged, in a copy of this machine that is thrown away.

The copy is an overlay on this machine's root in a mount namespace of the test's own: what dpkg and the maintainer
scripts write lands in a tmpfs, which is also where it is read what a purge leaves. Only root can make one.
"""

import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e/support"))
from harness import LAVAPIPE, clean_environment, wait_until  # noqa: E402

PACKAGES = pathlib.Path(os.environ.get("VIADUCT_PACKAGES", "build/packages")).resolve()
CLONE_NEWNS = 0x20000
# What dpkg, and the programs that maintainer scripts call, note for themselves.
NOT_OURS = ("/var/lib/dpkg/", "/var/log/", "/var/cache/", "/etc/ld.so.cache", "/etc/passwd-", "/etc/group-",
            "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-", "/tmp/", "/run/", "/root/", "/dev/", "/proc/",
            "/sys/", "/work-of-the-test/", "/etc/.pwd.lock", "/usr/share/mime/", "/usr/share/info/", "/usr/share/applications/")
SOCKET = "/run/viaduct/viaduct.sock"


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Machine:
    """The copy: a root folder to chroot to, and the folder of what differs from the original."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="viaduct-machine-"))
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        run("mount", "--make-rprivate", "/")
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.folder)
        self.upper, self.root = self.folder / "upper", self.folder / "root"
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(mode=0o755)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir=/,upperdir={self.upper},workdir={self.folder / 'work'}", self.root)
        for name in ("proc", "sys", "dev"):
            run("mount", "--rbind", f"/{name}", self.root / name)
        for name in ("tmp", "run"):
            run("mount", "-t", "tmpfs", "-o", "mode=1777" if name == "tmp" else "mode=755", "tmpfs", self.root / name)
        self.daemon = None

    def environment(self, extra=None):
        environment = clean_environment()
        for name in list(environment):
            if name.startswith(("__GLX", "__EGL", "LD_", "LIBGL", "MESA", "GALLIUM", "XDG")):
                del environment[name]
        environment["DEBIAN_FRONTEND"] = "noninteractive"
        environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment.update(extra or {})
        return environment

    def run(self, *command, extra=None):
        return run("chroot", self.root, *command, env=self.environment(extra))

    def login(self, command, extra=None):
        """As a login shell does it: with /etc/profile read."""
        return self.run("sh", "-c", f". /etc/profile; {command}", extra=extra)

    def install(self, *files):
        for file in files:
            shutil.copy(file, self.root / "tmp")
        self.run("dpkg", "-i", *[f"/tmp/{file.name}" for file in files])

    def start(self):
        (self.root / "run/viaduct").mkdir(exist_ok=True)
        with open(self.folder / "viaductd.log", "wb") as log:
            self.daemon = subprocess.Popen(
                ["chroot", self.root, "/usr/sbin/viaductd", "--config", "/etc/viaduct/viaductd.toml"], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, umask=0o077,  # whatever it inherits
                env=self.environment({"VK_DRIVER_FILES": LAVAPIPE, "VK_ICD_FILENAMES": LAVAPIPE}))
        if not wait_until(lambda: (self.root / SOCKET[1:]).is_socket(), 20, 0.05):
            raise AssertionError(f"viaductd does not listen: {self.log()}")

    def log(self):
        return (self.folder / "viaductd.log").read_text(errors="replace")

    def stop(self):
        if self.daemon is not None:
            self.daemon.terminate()
            self.daemon.wait(20)
            self.daemon = None

    def changed(self):
        """Paths that differ from this machine's, those of others' bookkeeping aside; with a note of how they differ."""
        found = set()
        for path in sorted(self.upper.rglob("*")):
            inside = "/" + str(path.relative_to(self.upper))
            original = pathlib.Path(inside)
            if path.is_dir() and not path.is_symlink():
                if not original.is_dir():
                    found.add(inside + "/")
            elif path.is_char_device():
                if original.exists():
                    found.add(inside + " (gone)")
            elif not original.is_file() or original.read_bytes() != path.read_bytes():
                found.add(inside)
        return {name for name in found if not name.startswith(NOT_OURS)}

    def close(self):
        self.stop()
        # The mounts end with the namespace; the folder below them is empty.
        run("umount", "-l", self.root)
        run("umount", "-l", self.folder)
        self.folder.rmdir()


@unittest.skipIf(os.geteuid() != 0, "only root can make a copy of the machine")
class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.close)
        cls.before = cls.machine.changed()

    def renderer(self, command, **extra):
        """What a program under an X server of its own says that it renders with, and all of its words."""
        out = self.machine.login(f"timeout 60 xvfb-run -a {command}", extra)
        return next((line.split(":", 1)[1].strip() for line in out.splitlines()
                     if "renderer string:" in line or line.startswith("GL_RENDERER:")), ""), out

    def wrong_of(self, doctor):
        """What a doctor finds wrong."""
        said = self.machine.login(f"{doctor} --json || true")
        return [check["check"] for check in json.loads(said)["checks"] if check["state"] == "wrong"]

    def test_a_life(self):
        machine = self.machine
        machine.install(*sorted(PACKAGES.glob("*.deb")))
        self.assertIn("viaduct:x:", (machine.root / "etc/passwd").read_text())
        self.assertEqual(machine.run("dpkg", "--audit"), "")
        self.assertLessEqual({"/usr/sbin/viaductd", "/etc/passwd", "/etc/viaduct/"}, machine.changed())

        with self.subTest("without a host programs are told so, and OpenGL falls back"):
            out = subprocess.run(
                ["chroot", machine.root, "vulkaninfo", "--summary"], capture_output=True, text=True, timeout=60, check=False,
                env=machine.environment({"VK_DRIVER_FILES": "/usr/share/vulkan/icd.d/viaduct_icd.json",
                                         "VK_ICD_FILENAMES": "/usr/share/vulkan/icd.d/viaduct_icd.json"}))
            self.assertNotEqual(out.returncode, 0)
            self.assertIn(f"no renderer host: tried unix://{SOCKET}", out.stdout + out.stderr)
            for program in ("glxinfo -B", "es2_info"):
                renderer, out = self.renderer(program)
                self.assertRegex(renderer, "^llvmpipe", out)
                self.assertIn(f"OpenGL without Viaduct, by Mesa's own driver: the service cannot be reached (tried unix://{SOCKET}",
                              out)

            self.assertEqual(self.wrong_of("viaduct-doctor"), ["host"])
            self.assertEqual(self.wrong_of("viaductctl doctor"), ["service"])

        machine.start()
        with self.subTest("both doctors find nothing wrong"):
            self.assertEqual(self.wrong_of("viaduct-doctor"), [])
            out = machine.login("viaduct-doctor")
            self.assertRegex(out, "(?m)^ok +driver +/usr/share/vulkan/icd.d/viaduct_icd.json, and its library loads")
            self.assertRegex(out, "(?m)^ok +OpenGL +programs render by Mesa's Zink")
            self.assertEqual(self.wrong_of("viaductctl doctor"), [])
        with self.subTest("with the host, without any setting"):
            self.assertRegex(machine.run("vulkaninfo", "--summary"), r"deviceName\s+= Viaduct \(llvmpipe")
            self.assertIn("viaduct", machine.run("viaductctl", "status"))
            self.assertEqual((machine.root / f"{SOCKET[1:]}.d").stat().st_mode & 0o777, 0o755)
            for program in ("glxinfo -B", "es2_info"):
                renderer, out = self.renderer(program)
                self.assertRegex(renderer, r"^zink \(Viaduct \(llvmpipe", out)
        with self.subTest("the user's own choice stands"):
            self.assertRegex(self.renderer("glxinfo -B", GALLIUM_DRIVER="softpipe")[0], "^softpipe")
            self.assertRegex(self.renderer("es2_info", VIADUCT_GL="off")[0], "^llvmpipe")
            self.assertRegex(self.renderer("glxinfo -B", __GLX_VENDOR_LIBRARY_NAME="mesa")[0], "^llvmpipe")
        with self.subTest("a child of a program that rendered by Zink decides anew"):
            # As the parent's vendor library left them.
            left = {"MESA_LOADER_DRIVER_OVERRIDE": "zink", "GALLIUM_DRIVER": "zink", "LIBGL_ALWAYS_SOFTWARE": "1",
                    "VIADUCT_GL_SET": "MESA_LOADER_DRIVER_OVERRIDE:GALLIUM_DRIVER:LIBGL_ALWAYS_SOFTWARE"}
            self.assertRegex(self.renderer("es2_info", **left)[0], r"^zink \(Viaduct")
            self.assertRegex(self.renderer("es2_info", VIADUCT_URL="unix:///nowhere", **left)[0], "^llvmpipe")
        machine.stop()

        # A virtual machine's settings, which only a purge takes away.
        machine.run("viaductctl", "vm", "add", "vm1")
        self.assertTrue((machine.root / "etc/viaduct/tokens/vm1").exists())

        with self.subTest("a changed setting survives a removal"):
            url = machine.root / "etc/viaduct/url"
            url.write_text("tcp://10.0.2.2:7777\n")
            machine.run("dpkg", "-r", "viaduct-host", "viaduct-guest")
            self.assertEqual(url.read_text(), "tcp://10.0.2.2:7777\n")
            self.assertFalse((machine.root / "usr/sbin/viaductd").exists())
            self.assertFalse((machine.root / "usr/share/vulkan/icd.d/viaduct_icd.json").exists())
        machine.run("dpkg", "-P", "viaduct-guest")
        self.assertTrue((machine.root / "etc/viaduct/viaductd.toml").exists())
        machine.run("dpkg", "-P", "viaduct-host")
        self.assertEqual(machine.changed() - self.before, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
