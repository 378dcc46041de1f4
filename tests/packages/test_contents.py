#!/usr/bin/env python3
"""What is in the packages, as lintian and a distribution's libraries would judge it, without installing them."""

import gzip
import os
import pathlib
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
import unittest

PACKAGES = pathlib.Path(os.environ.get("VIADUCT_PACKAGES", "build/packages")).resolve()
SIDES = ("host", "guest")
# What a program of somebody else gets with our libraries, and nothing more.
LIBC = {"libc.so.6", "ld-linux-x86-64.so.2"}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options).stdout


def one(pattern):
    found = list(PACKAGES.glob(pattern))
    if len(found) != 1:
        raise AssertionError(f"{PACKAGES}/{pattern}: {len(found)} files, not one")
    return found[0]


def needed(path):
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", path)))


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="viaduct-packages-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root, cls.control = {}, {}
        for side in SIDES:
            cls.root[side] = pathlib.Path(cls.folder.name) / side
            cls.control[side] = pathlib.Path(cls.folder.name) / f"{side}-control"
            run("dpkg-deb", "-x", one(f"viaduct-{side}_*_amd64.deb"), cls.root[side])
            run("dpkg-deb", "-e", one(f"viaduct-{side}_*_amd64.deb"), cls.control[side])

    def files(self, side):
        return [path for path in sorted(self.root[side].rglob("*")) if path.is_file()]

    def field(self, side, name):
        return run("dpkg-deb", "-f", one(f"viaduct-{side}_*_amd64.deb"), name).strip()

    def elf_files(self, side):
        return [path for path in self.files(side) if path.read_bytes()[:4] == b"\x7fELF"]

    def test_every_file_belongs_to_root_and_only_root_may_write(self):
        for side in SIDES:
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", one(f"viaduct-{side}_*_amd64.deb")],
                                  stdout=subprocess.PIPE) as pipe, tarfile.open(fileobj=pipe.stdout, mode="r|") as tar:
                for entry in tar:
                    self.assertEqual((entry.uid, entry.gid), (0, 0), entry.name)
                    self.assertFalse(entry.mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), entry.name)
                    executable = entry.isdir() or "/bin/" in entry.name or "/sbin/" in entry.name \
                        or entry.name.endswith("viaduct-worker")
                    self.assertEqual(bool(entry.mode & stat.S_IXUSR), executable, entry.name)

    def test_what_the_guest_has_needs_libc_and_nothing_else(self):
        libraries = [path for path in self.elf_files("guest") if ".so" in path.name]
        self.assertEqual([path.name for path in libraries],
                         ["libEGL_viaduct.so.0", "libGLX_viaduct.so.0", "libvulkan_viaduct.so"])
        programs = [path for path in self.elf_files("guest") if path not in libraries]
        self.assertEqual([path.name for path in programs], ["viaduct-doctor"])
        for path in libraries + programs:
            self.assertLessEqual(needed(path), LIBC, path.name)
        self.assertRegex(self.field("guest", "Depends"), r"^libvulkan1, libc6 \(>= [0-9.]+\)$")
        self.assertIn("liblz4-1", self.field("guest", "Recommends"))

    def test_the_libraries_of_the_guest_export_their_entry_points_only(self):
        wanted = {"libvulkan_viaduct.so": r"vk_icd\w+", "libEGL_viaduct.so.0": "__egl_Main",
                  "libGLX_viaduct.so.0": "__glx_Main"}
        for path in self.elf_files("guest"):
            if path.name in wanted:
                exported = run("nm", "-D", "--defined-only", path).split()[2::3]
                self.assertTrue(exported, path.name)
                for name in exported:
                    self.assertRegex(name, f"^{wanted[path.name]}$", path.name)

    def test_programs_are_stripped_and_look_for_libraries_where_the_system_has_them(self):
        for side in SIDES:
            for path in self.elf_files(side):
                self.assertNotIn(".symtab", run("readelf", "-SW", path), path.name)
                self.assertNotRegex(run("readelf", "-d", path), r"RPATH|RUNPATH|TEXTREL", path.name)
                self.assertNotIn("GNU_STACK", [line.split()[0] for line in run("readelf", "-lW", path).splitlines()
                                               if "RWE" in line], path.name)

    def test_what_the_host_needs_is_in_debian(self):
        depends = self.field("host", "Depends")
        for name in ("adduser", "libc6", "liblz4-1", "libprotobuf", "libseccomp2", "libstdc++6", "libvulkan1"):
            self.assertIn(name, depends)
        self.assertNotIn("-dev", depends)

    def test_everything_below_etc_is_a_conffile(self):
        for side in SIDES:
            below = {"/" + str(path.relative_to(self.root[side])) for path in self.files(side)
                     if path.relative_to(self.root[side]).parts[0] == "etc"}
            self.assertEqual(set((self.control[side] / "conffiles").read_text().split()), below)

    def test_the_control_files_are_sound(self):
        for side in SIDES:
            for script in ("postinst", "prerm", "postrm"):
                path = self.control[side] / script
                if path.exists():
                    run("sh", "-n", path)
                    self.assertTrue(path.read_text().startswith("#!/bin/sh\nset -e\n"), path)
                    self.assertEqual(path.stat().st_mode & 0o777, 0o755, path)
            self.assertEqual(self.field(side, "Architecture"), "amd64")
            self.assertRegex(self.field(side, "Version"), r"^[0-9.]+-1~deb[0-9]+$")
            summary, *text = self.field(side, "Description").splitlines()
            self.assertLessEqual(len(summary), 80)
            for line in text:
                self.assertRegex(line, r"^ \S")
            listed = {line.split(None, 1)[1] for line in (self.control[side] / "md5sums").read_text().splitlines()}
            have = {str(path.relative_to(self.root[side])) for path in self.files(side)}
            self.assertLessEqual(have - {name for name in have if name.startswith("etc/")}, listed)

    def test_both_have_their_documents(self):
        for side in SIDES:
            folder = self.root[side] / f"usr/share/doc/viaduct-{side}"
            self.assertIn(f"({self.field(side, 'Version')})", gzip.decompress(
                (folder / "changelog.Debian.gz").read_bytes()).decode())
            self.assertTrue((folder / "copyright").read_text())
            programs = {path.name for part in ("bin", "sbin") for path in (self.root[side] / "usr" / part).glob("*")}
            pages = {path.name.split(".")[0] for path in (self.root[side] / "usr/share/man").rglob("*.gz")}
            self.assertLessEqual(programs, pages, "a program without a manual page")

    def test_no_path_is_in_both_packages(self):
        have = [{path.relative_to(self.root[side]) for path in self.files(side)} for side in SIDES]
        self.assertEqual(have[0] & have[1], set())

    def test_the_archive_has_the_same_programs_below_one_folder(self):
        with tarfile.open(one("viaduct-*.tar.gz")) as tar:
            names = [entry.name.rstrip("/") for entry in tar if entry.isfile()]
        top = {name.split("/")[0] for name in names}
        self.assertEqual(len(top), 1, top)
        have = {name.split("/", 1)[1] for name in names}
        for side in SIDES:
            for path in self.elf_files(side):
                self.assertIn(str(path.relative_to(self.root[side] / "usr")), have)
        self.assertIn("share/viaduct/samples/60-viaduct.rules", have)
        self.assertIn("share/viaduct/grafana-dashboard.json", have)


if __name__ == "__main__":
    if not list(PACKAGES.glob("*.deb")):
        sys.exit(f"no packages in {PACKAGES}; packaging/build-packages makes them")
    unittest.main(verbosity=2)
