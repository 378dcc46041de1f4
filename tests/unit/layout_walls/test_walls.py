#!/usr/bin/env python3
"""Every wall is seen to catch what it is there for, on small trees made for it."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from walls import Walls  # noqa: E402

HEADER = "// What it is.\n#pragma once\n"


def violations(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return Walls(root).check()


class WallsTest(unittest.TestCase):
    def assert_one(self, files, words):
        found = violations(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def assert_none(self, files):
        self.assertEqual(violations(files), [])

    def test_what_the_layers_allow_is_accepted(self):
        self.assert_none({
            "base/log.hpp": HEADER + "namespace viaduct {}\n",
            "transport/ring/ring.cpp": '#include "base/log.hpp"\n#include "transport/ring/ring.hpp"\n',
            "guest-icd/icd.cpp": '#include "generated/guest/calls.hpp"\n#include "protocol/wire/writer.hpp"\n',
            "host-renderer/worker/main.cpp": '#include "generated/host/dispatch.hpp"\n#include <vulkan/vulkan.h>\n',
        })

    def test_guest_and_host_never_include_each_other(self):
        self.assert_one({"guest-icd/a.cpp": '#include "host-renderer/worker/worker.hpp"\n'}, "guest-icd may not")
        self.assert_one({"host-renderer/a.cpp": '#include "guest-icd/icd.hpp"\n'}, "host-renderer may not")
        self.assert_one({"host-renderer/a.cpp": '#include "generated/guest/calls.hpp"\n'}, "host-renderer may not")
        self.assert_one({"guest-icd/a.cpp": '#include "generated/host/dispatch.hpp"\n'}, "guest-icd may not")

    def test_protocol_and_transport_never_see_each_other(self):
        self.assert_one({"protocol/a.cpp": '#include "transport/ring/ring.hpp"\n'}, "protocol may not")
        self.assert_one({"transport/a.cpp": '#include "protocol/wire/reader.hpp"\n'}, "transport may not")

    def test_base_includes_nothing_of_ours(self):
        self.assert_one({"base/a.cpp": '#include "transport/url.hpp"\n'}, "base may not")

    def test_a_door_is_one_folders_for_one_header(self):
        door = '#include "host-renderer/daemon/config.hpp"\n'
        self.assert_none({"tools/viaductctl/a.cpp": door})
        self.assert_one({"tools/service/a.cpp": door}, "tools may not")
        self.assert_one({"tools/viaductctl/a.cpp": '#include "host-renderer/daemon/server.hpp"\n'}, "tools may not")

    def test_tools_stay_outside_the_others_insides(self):
        self.assert_one({"tools/a.cpp": '#include "host-renderer/daemon/daemon.hpp"\n'}, "tools may not")

    def test_nothing_includes_tests(self):
        self.assert_one({"base/a.cpp": '#include "tests/support/x.hpp"\n'}, "base may not")
        self.assert_one({"guest-icd/a.cpp": '#include "generated/testing/x.hpp"\n'}, "guest-icd may not")

    def test_vulkan_stays_out_of_base_and_transport(self):
        self.assert_one({"transport/a.cpp": "#include <vulkan/vulkan.h>\n"}, "Vulkan headers")

    def test_protobuf_stays_out_of_an_applications_process(self):
        self.assert_one({"guest-icd/a.cpp": "#include <google/protobuf/message.h>\n"}, "protobuf")
        self.assert_one({"guest-icd/a.cpp": '#include "generated/control/control.pb.h"\n'}, "protobuf")

    def test_a_long_file_needs_its_reason(self):
        self.assert_one({"base/a.cpp": "int x;\n" * 501}, "501 lines")
        self.assert_one({"base/a.hpp": HEADER + "int x;\n" * 249}, "251 lines")
        self.assert_none({"base/a.cpp": "// Long because it is one table.\n" + "int x;\n" * 501})

    def test_a_long_function_is_seen(self):
        self.assert_one({"base/a.cpp": "void f() {\n" + "  g();\n" * 90 + "}\n"}, "a function of 92 lines")
        self.assert_none({"base/a.cpp": "void f() {\n" + "  g();\n" * 50 + "}\n"})

    def test_names_are_checked(self):
        self.assert_one({"base/BadName.cpp": "int x;\n"}, "snake_case")
        self.assert_one({"base/a.cpp": "#define FOO 1\n"}, "macro FOO")

    def test_a_header_opens_with_its_contract_and_declares_something(self):
        self.assert_one({"base/a.hpp": "#pragma once\nint x;\n"}, "contract")
        self.assert_one({"base/a.hpp": "// What it is.\nint x;\n"}, "pragma once")
        self.assert_one({"base/a.hpp": HEADER + '#include "base/b.hpp"\n'}, "umbrella")

    def test_unfinished_and_commented_out_code_is_seen(self):
        self.assert_one({"base/a.cpp": "// TO" + "DO: later\n"}, "unfinished")
        self.assert_one({"base/a.cpp": "// run(x);\n"}, "commented-out")
        self.assert_one({"base/a.cpp": "//=======================\n"}, "banner")

    def test_dead_links_are_seen(self):
        self.assert_one({"README.md": "[docs](docs/none.md)\n"}, "dead link")
        self.assert_none({"README.md": "[docs](docs/one.md#part) [web](https://example.org)\n", "docs/one.md": "x\n"})


if __name__ == "__main__":
    unittest.main()
