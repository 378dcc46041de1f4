#!/usr/bin/env python3
"""Collects the tests of several build trees into one, so that a single ctest call runs and counts them all.

usage: collect_tests.py --output DIR PRESET:[!]LABEL[,[!]LABEL...] ...

For every preset the tests with one of the labels, and none of those that follow a "!", are written to DIR/CTestTestfile.cmake, those of the first
preset under their own names, those of the others as PRESET/NAME. Command, time limit, environment, working
directory and the other properties stay as the tree declared them.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys


def tests_of(tree):
    """The tests of one build tree as ctest itself reports them."""
    out = subprocess.run(
        ["ctest", "--test-dir", str(tree), "--show-only=json-v1"],
        check=True, capture_output=True, text=True)
    return json.loads(out.stdout)["tests"]


def quote(text):
    """A CMake bracket argument: nothing inside is interpreted."""
    level = 0
    while "]" + "=" * level + "]" in text:
        level += 1
    bars = "=" * level
    return f"[{bars}[{text}]{bars}]"


def property_text(value):
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return str(value)


# These are written by ctest in a form that set_tests_properties does not take back, and no test here needs them.
SKIPPED_PROPERTIES = {"_BACKTRACE_TRIPLES", "RESOURCE_GROUPS"}


def emit(test, name, lines):
    # ctest omits the command of a program that was not built; the name then stands in and the test fails.
    command = test.get("command") or [f"not-built/{test['name']}"]
    lines.append("add_test({} {})".format(quote(name), " ".join(quote(part) for part in command)))
    properties = []
    for item in test.get("properties", []):
        if item["name"] in SKIPPED_PROPERTIES or isinstance(item["value"], dict):
            continue
        properties += [item["name"], quote(property_text(item["value"]))]
    if properties:
        lines.append("set_tests_properties({} PROPERTIES {})".format(quote(name), " ".join(properties)))


def labels_of(test):
    for item in test.get("properties", []):
        if item["name"] == "LABELS":
            return set(item["value"])
    return set()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("trees", nargs="+", metavar="PRESET:LABELS")
    options = parser.parse_args()
    lines = ["# Written by tests/collect_tests.py; the trees' own CTestTestfile.cmake are the source."]
    first = True
    for tree in options.trees:
        preset, _, wanted = tree.partition(":")
        wanted = set(wanted.split(","))
        unwanted = {label[1:] for label in wanted if label.startswith("!")}
        chosen = [test for test in tests_of(options.build / preset)
                  if labels_of(test) & wanted and not labels_of(test) & unwanted]
        if not chosen:
            sys.exit(f"collect_tests: no test in {preset} has a label of {sorted(wanted)}")
        for test in chosen:
            emit(test, test["name"] if first else f"{preset}/{test['name']}", lines)
        first = False
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / "CTestTestfile.cmake"
    temporary = target.with_suffix(".tmp")
    temporary.write_text("\n".join(lines) + "\n")
    os.replace(temporary, target)


if __name__ == "__main__":
    main()
