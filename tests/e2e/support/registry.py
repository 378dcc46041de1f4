"""A Vulkan registry of another Debian release, with its headers: downloaded and verified by apt in a root of its own,
so that the machine's sources and package lists stay as they are."""

import os
import pathlib
import subprocess
import xml.etree.ElementTree as ET

HERE = pathlib.Path("/usr/share/vulkan/registry")
RELEASES = {239: "trixie", 309: "bookworm"}  # where to find the other one


def version(folder):
    """VK_HEADER_VERSION of a registry."""
    return int(ET.parse(folder / "vk.xml").getroot().find("types/type[name='VK_HEADER_VERSION']").find("name").tail)


def other(into):
    """The registry folder of the other supported release; VIADUCT_OTHER_REGISTRY names one that is there already."""
    given = os.environ.get("VIADUCT_OTHER_REGISTRY")
    if given:
        return pathlib.Path(given)
    found = into / "root/usr/share/vulkan/registry"
    if (found / "vk.xml").exists():
        return found
    release = RELEASES[version(HERE)]
    for name in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d"):
        (into / name).mkdir(parents=True, exist_ok=True)
    (into / "etc/sources.list").write_text(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        f"http://deb.debian.org/debian {release} main\n")
    apt = ["apt-get", "-qq", "-o", f"Dir::State={into}/state", "-o", f"Dir::Cache={into}/cache",
           "-o", f"Dir::Etc={into}/etc", "-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root",
           "-o", "Acquire::Languages=none"]
    for arguments in (["update"], ["download", "libvulkan-dev"]):
        subprocess.run(apt + arguments, cwd=into, check=True, timeout=300, stdin=subprocess.DEVNULL)
    package = next(into.glob("libvulkan-dev_*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(package), str(into / "root")], check=True, timeout=60)
    return found
