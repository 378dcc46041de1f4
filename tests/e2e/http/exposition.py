"""Prometheus' text format 0.0.4 as its specification has it, read strictly: what is not in it is an error."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(\{{.*\}})? (\S+)$")
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type, self.samples = name, help_text, None, []


def read_labels(text):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        if not found:
            raise ValueError(f"no label at {text[at:]!r}")
        if found[1] in labels:
            raise ValueError(f"label {found[1]} twice")
        labels[found[1]] = re.sub(r"\\(.)", lambda escaped: "\n" if escaped[1] == "n" else escaped[1], found[2])
        at = found.end()
    return labels


def read(text):
    """The families by name; each sample is (suffix, labels, value)."""
    if not text.endswith("\n"):
        raise ValueError("the last line has no end")
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            if name in families:
                raise ValueError(f"{name} is there twice")
            current = families[name] = Family(name, words)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if not current or current.name != name or current.type or kind not in TYPES:
                raise ValueError(f"a TYPE where none belongs: {line}")
            current.type = kind
        else:
            found = SAMPLE.match(line)
            if not found or not current or not current.type or not found[1].startswith(current.name):
                raise ValueError(f"not a sample of its family: {line!r}")
            suffix = found[1][len(current.name):]
            if suffix not in (("_bucket", "_sum", "_count") if current.type == "histogram" else ("",)):
                raise ValueError(f"not a sample of a {current.type}: {line!r}")
            current.samples.append((suffix, read_labels((found[2] or "{}")[1:-1]), float(found[3])))
    for family in families.values():
        check(family)
    return families


def check(family):
    if not family.samples:
        raise ValueError(f"{family.name} has no sample")
    if family.type == "counter" and not family.name.endswith("_total"):
        raise ValueError(f"the counter {family.name} does not end in _total")
    seen = [(suffix, tuple(sorted(labels.items()))) for suffix, labels, _ in family.samples]
    if len(seen) != len(set(seen)):
        raise ValueError(f"{family.name} has a series twice")
    if family.type == "histogram":
        check_histogram(family)


def check_histogram(family):
    series = {}
    for suffix, labels, value in family.samples:
        key = tuple(sorted((name, text) for name, text in labels.items() if name != "le"))
        series.setdefault(key, {}).setdefault(suffix, []).append((labels.get("le"), value))
    for parts in series.values():
        edges = [float(edge) for edge, _ in parts["_bucket"]]
        counts = [count for _, count in parts["_bucket"]]
        if edges != sorted(set(edges)) or edges[-1] != float("inf") or counts != sorted(counts):
            raise ValueError(f"{family.name}: buckets do not rise")
        if parts["_count"][0][1] != counts[-1] or len(parts["_sum"]) != 1:
            raise ValueError(f"{family.name}: its count is not that of its last bucket")
