"""Areas of the specification, asked of a driver natively and through Viaduct: the answers must be the same, and
nothing that the specification demands may be wrong."""

import argparse
import pathlib
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ET

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import harness  # noqa: E402

CONFORMANCE = harness.BUILD / "tests/conformance"
REGISTRY = "/usr/share/vulkan/registry/vk.xml"
FINE, SKIPPED = 0, 77
# What the guest implements by itself: extensions are held against the registry instead, windows against the rules.
NOT_COMPARED = {"extensions", "windows"}


def areas():
    out = subprocess.run([str(CONFORMANCE), "--list"], capture_output=True, text=True, timeout=20, check=True)
    return out.stdout.split()


def run(area, environment):
    try:
        done = subprocess.run([str(CONFORMANCE), area], env=environment, capture_output=True, text=True,
                              errors="replace", timeout=120, check=False)
    except subprocess.TimeoutExpired as hung:
        return None, [*(hung.stdout or b"").decode(errors="replace").splitlines(), "still running after 120 s"], ""
    return done.returncode, done.stdout.splitlines(), done.stderr


def differences(native, got):
    lines = [f"natively: {a}\n  forwarded: {b}" for a, b in zip(native, got) if a != b][:10]
    if len(native) != len(got):
        lines.append(f"{len(native)} lines natively, {len(got)} forwarded; the last: {(native or [''])[-1]} | "
                     f"{(got or [''])[-1]}")
    return "\n".join(lines)


def version(core):
    return tuple(int(part) for part in re.findall(r"\d+", core)[:2])


class Conformance(unittest.TestCase):
    driver = harness.DRIVER
    only = None
    may_give_up = False
    region = ""

    @classmethod
    def setUpClass(cls):
        cls.host = harness.Host(driver=cls.driver)

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def guest_environment(self):
        environment = self.host.guest_environment()
        if self.region:
            environment["VIADUCT_URL"] += f"?region={self.region}"
        return environment

    def test_each_area_answers_as_natively(self):
        for area in [self.only] if self.only else areas():
            with self.subTest(area=area):
                status, lines, errors = run(area, self.guest_environment())
                detail = f"{errors[-2000:]}\nviaductd: {self.host.log()[-2000:]}"
                wrong = [line for line in lines if line.startswith(("WRONG", "FAIL"))]
                if area not in NOT_COMPARED:
                    native_status, native, native_errors = run(area, harness.native_environment(self.driver))
                    gave_up = native_status not in (FINE, 1, SKIPPED) or native[-1:] and native[-1].startswith("FAIL")
                    if gave_up and self.may_give_up:
                        print(f"{area}: natively this ends with {native_status} after {native[-1:]}", flush=True)
                        native = native[:-1] if native and native[-1].startswith("FAIL") else native
                        native += lines[len(native):]
                        native_status = FINE
                    self.assertIn(native_status, (FINE, 1, SKIPPED), f"natively: {native[-5:]} {native_errors}")
                    # What a driver itself gets wrong is not the forwarding's to mend.
                    wrong = [line for line in wrong if line not in native]
                    native = [line for line in native if line in lines or not line.startswith("WRONG")]
                    self.assertEqual(native, lines, differences(native, lines) + "\n" + detail)
                self.assertEqual(wrong, [], detail)
                self.assertIn(status, (FINE, 1, SKIPPED), f"{lines[-3:]} {detail}")
                print(f"{area}: {len(lines)} lines", flush=True)

    def test_what_an_offered_extension_requires_is_offered_too(self):
        status, lines, _ = run("extensions", self.guest_environment())
        self.assertEqual(status, FINE)
        offered = {line.split()[1] for line in lines if line.startswith(("instance ", "device "))}
        self.assertGreater(len(offered), 30)
        known = {e.get("name"): e for e in ET.parse(REGISTRY).getroot().find("extensions")}
        for extension in sorted(offered & set(known)):
            entry = known[extension]
            # Either of the registry's two forms; "A,B" and "A+B" are conjunctions, and a core version satisfies.
            for required in re.split(r"[,+()]+", entry.get("requires") or entry.get("depends") or ""):
                if required.startswith("VK_VERSION_") or not required:
                    continue
                promoted = known.get(required) is not None and known[required].get("promotedto")
                self.assertTrue(required in offered or (promoted or "").startswith("VK_VERSION_"),
                                f"{extension} requires {required}, which is not offered")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", default=harness.DRIVER)
    parser.add_argument("--area")
    parser.add_argument("--region", default="", help="what the URL asks for: none")
    parser.add_argument("--native-may-give-up", action="store_true",
                        help="a driver that crashes natively over what it should ignore: until there, and no further, "
                             "the answers are compared")
    arguments, rest = parser.parse_known_args()
    Conformance.driver, Conformance.only = arguments.driver, arguments.area
    Conformance.region = arguments.region
    Conformance.may_give_up = arguments.native_may_give_up
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
