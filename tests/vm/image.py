#!/usr/bin/env python3
"""The guest that the VM tests boot: a small Debian with a Debian kernel, made once and kept outside the tree.

usage: image.py        makes it if it is not there, and prints its folder

It lies in ${XDG_CACHE_HOME:-~/.cache}/viaduct/vm, below a name that changes with everything that it is made of: this file,
the release of the machine it is made on (whose packages are installed in it) and the kernel. It has no Viaduct in it, and
nothing that a test does to it stays. Making it needs root, mmdebstrap and Debian's mirror.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "viaduct/vm"
# What the jobs use, and what the packages of host and guest want besides libc.
PACKAGES = """adduser dbus iproute2 kmod libegl-mesa0 libegl1 libgl1 libgl1-mesa-dri libgles2 libglx-mesa0 libpng16-16
    libprotobuf-lite32 libseccomp2 libstdc++6 libtomlplusplus3 libvulkan1 libxcb1 mesa-utils mesa-vulkan-drivers pciutils
    procps python3 systemd systemd-sysv udev vulkan-tools xauth xvfb""".split()
# Debian 13's names of the same.
RENAMED = {"trixie": {"libpng16-16": "libpng16-16t64", "libprotobuf-lite32": "libprotobuf-lite32t64",
                      "libtomlplusplus3": "libtomlplusplus3t64"}}
SIZE = "1500M"
LONGEST_S = 900
# The first process: everything else comes with the job, on the second disk.
INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/job
tar xf /dev/nvme1n1 -C /run/job
exec sh /run/job/init.sh
"""


class Unavailable(Exception):
    """Why there is no image; for a person."""


def run(*command, seconds=LONGEST_S, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=seconds, check=False, **options)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise Unavailable(f"{command[0]} failed with status {done.returncode}: {tail}")
    return done.stdout


def release():
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "")


def kernel_package():
    """The package that linux-image-cloud-amd64 stands for today."""
    for line in run("apt-cache", "depends", "linux-image-cloud-amd64").splitlines():
        if line.strip().startswith("Depends: linux-image-"):
            return line.split(":", 1)[1].strip()
    raise Unavailable("apt knows no package linux-image-cloud-amd64; is its list of packages there (apt-get update)?")


def image_name():
    made_of = "\n".join([pathlib.Path(__file__).read_text(encoding="utf-8"), release(), kernel_package()])
    return f"{release()}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def add_kernel(folder, root):
    """Unpacked, not installed: without an initramfs, and without the scripts that would make one."""
    package = kernel_package()
    # apt lets its unprivileged user write where it may, and says so where it may not.
    run("apt-get", "-o", "APT::Sandbox::User=root", "download", package, cwd=folder)
    run("dpkg-deb", "-x", next(folder.glob("linux-image-*.deb")), folder / "kernel")
    version = package.removeprefix("linux-image-")
    shutil.copy(folder / "kernel/boot" / f"vmlinuz-{version}", folder / "vmlinuz")
    modules = next(path for path in (folder / "kernel/lib/modules", folder / "kernel/usr/lib/modules") if path.is_dir())
    (root / "usr/lib/modules").mkdir(parents=True, exist_ok=True)
    shutil.copytree(modules / version, root / "usr/lib/modules" / version, symlinks=True)
    run("chroot", root, "depmod", version)


def make(target):
    if os.geteuid() != 0:
        raise Unavailable("only root can make the VM's image")
    for program in ("mmdebstrap", "mke2fs", "qemu-system-x86_64"):
        if shutil.which(program) is None:
            raise Unavailable(f"{program} is not installed; packaging/install-missing test-packages.txt installs it")
    CACHE.mkdir(parents=True, exist_ok=True)
    names = RENAMED.get(release(), {})
    with tempfile.TemporaryDirectory(prefix="part-", dir=CACHE) as part:
        folder = pathlib.Path(part)
        root = folder / "root"
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")]
        run("mmdebstrap", "--variant=minbase", "--quiet", "--include=" + ",".join(names.get(name, name) for name in PACKAGES),
            "--dpkgopt=force-unsafe-io", *excluded, release(), root, "http://deb.debian.org/debian")
        add_kernel(folder, root)
        init = root / "usr/sbin/vminit"
        init.write_text(INIT)
        init.chmod(0o755)
        run("mke2fs", "-q", "-t", "ext4", "-d", root, "-O", "^has_journal", "-m", "0", folder / "root.ext4", SIZE)
        done = folder / "done"
        done.mkdir()
        for name in ("root.ext4", "vmlinuz"):
            (folder / name).rename(done / name)
        for old in CACHE.glob(f"{release()}-*"):
            shutil.rmtree(old, ignore_errors=True)
        try:
            done.rename(target)
        except OSError:  # somebody else was faster
            if not (target / "root.ext4").exists():
                raise


def image():
    """The folder with root.ext4 and vmlinuz; raises Unavailable."""
    target = CACHE / image_name()
    if not (target / "root.ext4").exists():
        make(target)
    return target


if __name__ == "__main__":
    try:
        print(image())
    except (Unavailable, subprocess.TimeoutExpired) as problem:
        sys.exit(f"viaduct: there is no image of a VM: {problem}")
