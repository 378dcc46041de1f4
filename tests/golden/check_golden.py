"""Regenerates the golden files and compares them with the committed ones.

usage: check_golden.py [--update] (run from anywhere; needs the installed registry)"""

import difflib
import os
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
PROTOCOL = os.path.join(HERE, "..", "..", "protocol")
REGISTRY = "/usr/share/vulkan/registry"
COMMITTED_FROM = 239  # the VK_HEADER_VERSION whose outputs are committed
SKIPPED = 77


def generate(into):
    subprocess.run(
        [sys.executable, os.path.join(PROTOCOL, "gen", "generate.py"), "--vk", f"{REGISTRY}/vk.xml",
         "--video", f"{REGISTRY}/video.xml", "--internal", os.path.join(PROTOCOL, "registry", "viaduct.xml"),
         "--policy", os.path.join(PROTOCOL, "registry", "policy.toml"), "--out", into, "--golden", into], check=True)


def header_version():
    kinds = ElementTree.parse(f"{REGISTRY}/vk.xml").getroot()
    return int(kinds.find("types/type[name='VK_HEADER_VERSION']").find("name").tail)


def texts(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".golden"):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                out[name] = f.read()
    return out


def main():
    if "--update" in sys.argv:
        for name in texts(HERE):
            os.remove(os.path.join(HERE, name))
        generate(HERE)
        return 0
    with tempfile.TemporaryDirectory() as fresh:
        generate(fresh)
        new, old = texts(fresh), texts(HERE)
    failed = False
    for name in sorted(set(new) | set(old)):
        if new.get(name) != old.get(name):
            failed = True
            sys.stdout.writelines(difflib.unified_diff(
                old.get(name, "").splitlines(True), new.get(name, "").splitlines(True), f"committed/{name}",
                f"generated/{name}"))
    if failed and header_version() != COMMITTED_FROM:
        print(f"\nThe outputs are committed for header version {COMMITTED_FROM}; this is {header_version()}.")
        return SKIPPED
    if failed:
        print("\nThe generator's output changed. If that is what you want: python3 tests/golden/check_golden.py --update")
    return 1 if failed or not new else 0


if __name__ == "__main__":
    sys.exit(main())
