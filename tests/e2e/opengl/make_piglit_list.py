#!/usr/bin/env python3
"""Makes piglit_tests.txt anew: runs candidates of piglit's quick profile on Zink on the native driver.

usage: make_piglit_list.py [--driver ICD.json] [--runs 2] [--jobs N] > piglit_tests.txt      (about half an hour)

Candidates are spread evenly over the profile's families (the first two parts of a test's name). A test is listed if
it passes in every run, each time within SLOWEST seconds on two idle processors. Every SHORT-th of the quicker ones is
part of ./test.
"""

import argparse
import collections
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "real"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import displays  # noqa: E402
import harness  # noqa: E402
import opengl  # noqa: E402
import piglit  # noqa: E402

MOST = {"gl": 70, "shader": 18}  # of one family, by kind of test
SLOWEST = 3.0
QUICK, SHORT = 1.0, 9

# Not deterministic, or no matter of OpenGL on Vulkan, or a test of the machine's patience.
LEFT_OUT = re.compile(
    r"sync_control|swap_control|timer_query|glx-multithread|make_current"  # they time the display
    r"|glx-buffer-age"  # reads the back buffer after a swap: Zink gives the last presented image, which is the right
                        # one only where the driver hands out the same image again
    r"|glx-visuals|glx-multi-context"  # a context for each of 200 visuals, minutes; crashes natively now and then
    r"|dma_buf|external_objects|memory_object|semaphore"  # skipped without DRM
    r"|security@|stress|streaming-texture|max-texture-size|maxsize|too-large|timeout|exceed|copy_image-formats")

# What has found bugs here is always part of the short cut.
ALWAYS = re.compile(r"bufferstorage-persistent (read|draw)")


def spread(items, most):
    return items if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def candidates(tests):
    families = collections.defaultdict(list)
    for name, test in sorted(tests.items()):
        kind = test.get("type")
        if kind in MOST and not LEFT_OUT.search(name):
            families[kind, "@".join(name.split("@")[:2])].append(name)
    return [name for (kind, _), names in sorted(families.items()) for name in spread(names, MOST[kind])]


def listed(runs):
    """Lines: "short" or "long", and the name."""
    good = sorted(name for name in runs[0] if all(run[name][0] == "pass" and run[name][1] <= SLOWEST for run in runs))
    quick = [name for name in good if all(run[name][1] <= QUICK for run in runs)]
    short = set(quick[::SHORT]) | {name for name in quick if ALWAYS.search(name)}
    return [("short " if name in short else "long  ") + name for name in good]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.LAVAPIPE)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    display = displays.XServer(1024, 768)
    try:
        # A worker has no cache of shaders on a disk: what is slow without one is slow there.
        variables = {**piglit.environment(opengl.native_environment(options.driver), display),
                     "MESA_SHADER_CACHE_DISABLE": "1"}
        names = candidates(piglit.quick_tests(piglit.tree()))
        print(f"{len(names)} candidates, {options.runs} runs", file=sys.stderr)
        runs = [piglit.run(names, variables, jobs=options.jobs, timeout=60) for _ in range(options.runs)]
    finally:
        display.close()
    print(HEADER, end="")
    print("\n".join(listed(runs)))


HEADER = """\
# Tests of piglit's quick profile (Debian's piglit 0~git20220119) that pass on Mesa 22.3.6's Zink on lavapipe.
# Made by make_piglit_list.py, which says how they were chosen. ./test runs those marked short, ./test --long all.
"""

if __name__ == "__main__":
    main()
