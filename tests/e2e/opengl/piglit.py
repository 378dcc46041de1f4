#!/usr/bin/env python3
"""piglit: where it is, one run of chosen tests with its own runner, and what came out.

usage: piglit.py --unpack     (fetches piglit if it is not there, prints where it is)

Debian's package takes 2 GiB once installed, most of it generated shader tests that nobody runs here. So unless the
package is installed, its archive is fetched with apt-get (which needs no root for that) and unpacked without those
into build/piglit, 140 MiB.
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[3]
INSTALLED = pathlib.Path("/usr/lib/x86_64-linux-gnu/piglit")
UNPACKED = ROOT / "build/piglit"
# The quick profile but its third part, glslparser: that only compiles and never reaches a driver.
PROFILES = ("quick_gl", "quick_shader")
PLATFORM = "mixed_glx_egl"


def fetch(folder):
    """piglit's archive in that folder."""
    command = ["apt-get", "-q", "download", "piglit"]
    if os.geteuid() == 0:
        command[1:1] = ["-o", "APT::Sandbox::User=root"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0 and os.geteuid() == 0:
        subprocess.run(["apt-get", "-q", "update"], capture_output=True, check=False)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = list(pathlib.Path(folder).glob("piglit_*.deb"))
    if done.returncode != 0 or not archives:
        raise AssertionError(f"piglit cannot be fetched (Debian package piglit, or `apt-get download piglit`): "
                             f"{done.stdout[-500:]}{done.stderr[-1000:]}")
    return archives[0]


def tree():
    """piglit's data folder; fetched and unpacked if it is not there."""
    if (INSTALLED / "bin").is_dir():
        return INSTALLED
    data = UNPACKED / "usr/lib/x86_64-linux-gnu/piglit"
    if data.is_dir():
        return data
    UNPACKED.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="piglit-", dir=UNPACKED.parent) as folder:
        archive, into = fetch(folder), pathlib.Path(folder) / "unpacked"
        into.mkdir()
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", str(into), "--exclude=./usr/lib/*/piglit/generated_tests/*",
                        "--exclude=./usr/share"], stdin=tar.stdout, check=True)
        tar.stdout.close()
        if tar.wait() != 0:
            raise AssertionError("piglit's archive cannot be unpacked")
        os.rename(into, UNPACKED)  # whole or not at all
    return data


def runner(data):
    script = pathlib.Path("/usr/bin/piglit") if data == INSTALLED else UNPACKED / "usr/bin/piglit"
    return ["/usr/bin/python3", str(script)]


def quick_tests(data):
    """{name: element} of the quick profile, without the tests whose shaders were not unpacked."""
    found = {}
    for profile in PROFILES:
        with gzip.open(data / f"tests/{profile}.xml.gz") as file:
            for test in xml.etree.ElementTree.parse(file).getroot():
                if not any("generated_tests" in option.get("value", "") for option in test.iter("option")):
                    found[test.get("name")] = test
    return found


def environment(base, display):
    """For piglit's programs: display's variables, and the libraries that lie beside them. Each test decides itself
    whether it can run: piglit's own guess needs a program of another package and skips what it cannot ask for."""
    return {**base, **display.environment, "LD_LIBRARY_PATH": str(tree() / "lib"), "PIGLIT_COMPRESSION": "none",
            "PIGLIT_NO_FAST_SKIP": "1", "XDG_RUNTIME_DIR": display.folder}


def run(names, variables, prefix=(), jobs=2, timeout=120):
    """{name: (result, seconds, output)} of these tests, run with these variables and behind that command."""
    data = tree()
    tests = quick_tests(data)
    missing = [name for name in names if name not in tests]
    if missing:
        raise AssertionError(f"piglit's quick profile has no {missing[:5]} ({len(missing)} in all)")
    profile = xml.etree.ElementTree.Element("PiglitTestList", count=str(len(names)), name="viaduct")
    profile.extend(tests[name] for name in names)
    with tempfile.TemporaryDirectory(prefix="viaduct-piglit-") as folder:
        path, results = os.path.join(folder, "viaduct.xml.gz"), os.path.join(folder, "results")
        with gzip.open(path, "wb") as file:
            file.write(xml.etree.ElementTree.tostring(profile, "utf-8", xml_declaration=True))
        done = subprocess.run([*prefix, *runner(data), "run", "-c", "-j", str(jobs), "-p", PLATFORM, "--timeout",
                               str(timeout), "-b", "json", "-l", "dummy", path, results],
                              env=variables, capture_output=True, text=True, errors="replace", check=False)
        files = list(pathlib.Path(results).glob("results.json"))
        if not files:
            raise AssertionError(f"piglit wrote no results: status {done.returncode}; "
                                 f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        found = json.loads(files[0].read_text(encoding="utf-8"))["tests"]
    return {name: (test["result"], test["time"]["end"] - test["time"]["start"],
                   test["command"] + "\n" + test["out"][-1500:] + test["err"][-1500:])
            for name, test in found.items()}


if __name__ == "__main__":
    if sys.argv[1:] != ["--unpack"]:
        sys.exit(__doc__)
    print(tree())
