#!/usr/bin/env python3
"""`viaductctl vm`: the files that it writes, what it refuses, and that the service and a guest take them as they are."""

import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import BUILD, Host, clean_environment  # noqa: E402
from network import free_port  # noqa: E402


def vm(folder, *arguments):
    return subprocess.run([str(BUILD / "bin/viaductctl"), "vm", *arguments, "--config-dir", str(folder)], timeout=30,
                          env=clean_environment(), capture_output=True, text=True, check=False, umask=0o002)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="viaduct-vm-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.settings, self.tokens = self.folder / "tenants.d", self.folder / "tokens"

    def vm(self, *arguments):
        done = vm(self.folder, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, pattern, *arguments):
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        done = vm(self.folder, *arguments)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual({path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}, before)

    def test_modes_and_token(self):
        said = self.vm("add", "vm1", "--memory", "512 MiB", "--memory-owner", "root")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode)
                 for path in (self.settings, self.tokens, self.settings / "vm1.toml")}
        self.assertEqual(modes, {"tenants.d": 0o755, "tokens": 0o700, "vm1.toml": 0o644})
        self.assertEqual(stat.S_IMODE((self.tokens / "vm1").stat().st_mode), 0o600)
        token = (self.tokens / "vm1").read_text()
        self.assertRegex(token, r"\A[0-9a-f]{64}\n\Z")
        self.assertNotIn(token.strip(), said + self.vm("show", "vm1") + self.vm("list"))
        text = (self.settings / "vm1.toml").read_text()
        self.assertIn('memory = "512 MiB"\nmemory_owner = "root"\n', text)
        self.vm("add", "vm2")
        self.assertNotEqual(token, (self.tokens / "vm2").read_text())

    def test_each_vm_has_a_cid_of_its_own(self):
        for name in ("a", "b.c", "d"):
            self.vm("add", name)
        self.vm("add", "e", "--cid", "3")
        rows = [line.split()[:2] for line in self.vm("list").splitlines()[1:]]
        self.assertEqual(rows, [["a", "100"], ["b.c", "101"], ["d", "102"], ["e", "3"]])
        self.assertIn("guest-cid=101", self.vm("show", "b.c", "--print", "qemu"))

    def test_refusals_leave_nothing_behind(self):
        self.vm("add", "vm1", "--cid", "42")
        self.refused("exists already", "add", "vm1")
        self.refused("is that of tenant vm1", "add", "vm2", "--cid", "42")
        for cid in ("0", "1", "2", "4294967295"):
            self.refused("CID", "add", "vm2", "--cid", cid)
        for size in ("3 MiB", "16 MiB", "96 MiB", "2048 GiB", "many"):
            self.refused("power of two", "add", "vm2", "--memory", size)
        self.refused("no user", "add", "vm2", "--memory", "64 MiB", "--memory-owner", 'x"y')
        self.refused("is no VM's", "add", "default")
        self.refused("no tenant", "show", "vm2")
        self.refused("no VM", "remove", "vm2")

    def test_a_tenant_of_the_services_own_file_counts_and_stays(self):
        (self.folder / "viaductd.toml").write_text("[tenants.vm1]\ncid = 100\n")
        self.refused(r"viaductd\.toml:1", "add", "vm1")
        self.refused(r"stands in .*viaductd\.toml:1", "remove", "vm1")
        self.assertIn("guest-cid=101", self.vm("add", "vm2", "--print", "qemu"))

    def test_a_removed_vm_is_gone(self):
        self.vm("add", "vm1")
        self.assertIn("systemctl restart viaductd", self.vm("remove", "vm1"))
        self.assertEqual([path for path in self.folder.rglob("*") if path.is_file()], [])
        self.vm("add", "vm1")

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_others_are_told_that_it_is_for_root(self):
        self.folder.chmod(0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(BUILD / "bin/viaductctl"),
                               "vm", "add", "vm1", "--config-dir", str(self.folder)], capture_output=True, text=True,
                              timeout=30, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("for root", done.stderr)


class Served(unittest.TestCase):
    """A service that reads what was written, and a guest with that token over TCP."""

    def test_the_guest_is_let_in_until_it_is_removed(self):
        # Its memory has a name that the whole machine sees.
        name = f"vm{os.getpid()}"
        memory = pathlib.Path(f"/dev/shm/viaduct-{name}")
        self.addCleanup(memory.unlink, missing_ok=True)

        class VmHost(Host):
            def start(self):
                if not (self.folder / "tenants.d").exists():
                    done = vm(self.folder, "add", name, "--memory", "64 MiB")
                    assert done.returncode == 0, done.stderr
                    self.config = f'listen = ["{url}"]\n[tenants.other]\nsessions = 1\n'
                super().start()

        url = f"tcp://127.0.0.1:{free_port()}"
        host = VmHost(arguments=["--listen", url])
        self.addCleanup(host.stop)
        token = host.folder / "guest-token"
        token.write_text((host.folder / "tokens" / name).read_text())
        said = vm(host.folder, "show", name).stdout
        self.assertIn(f"echo {url} >/etc/viaduct/url", said)

        def words():
            program = host.guest("vulkaninfo", "--summary", extra={"VIADUCT_URL": url, "VIADUCT_TOKEN_FILE": str(token),
                                                                   "VIADUCT_LOG": "info"})
            program.wait(60)
            return program.text() + program.error_text()

        self.assertRegex(words(), r"deviceName\s*= Viaduct")
        self.assertTrue(re.search(name, host.log()), host.log())
        removed = vm(host.folder, "remove", name)
        self.assertEqual(removed.returncode, 0)
        self.assertIn(f"rm {memory}", removed.stdout)
        host.restart()
        self.assertIn("the token is not that of any tenant", words())


if __name__ == "__main__":
    unittest.main(verbosity=2)
