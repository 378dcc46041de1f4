"""What the doctors print, read."""

import collections
import json

Check = collections.namedtuple("Check", "state text mend")


def checks_of(text):
    """Of --json: the checks by name; of several with one name, the first that is not well."""
    found = {}
    for each in json.loads(text)["checks"]:
        if each["check"] not in found or found[each["check"]].state == "ok":
            found[each["check"]] = Check(each["state"], each["text"], each["mend"])
    return found
