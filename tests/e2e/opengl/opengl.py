"""OpenGL programs natively on Zink and through `viaductctl run`: environments and what the programs say."""

import re

import harness

CTL = harness.BUILD / "bin/viaductctl"
# Where Zink on the native driver gives less, it gives less here; on lavapipe it gives this.
LAVAPIPE_GL, LAVAPIPE_ES = (4, 5), (3, 2)


def without_gl(environment):
    """Without what steers Mesa."""
    return {name: value for name, value in environment.items()
            if not name.startswith(("LIBGL_", "MESA_", "GALLIUM_", "__GLX_", "__EGL_", "EGL_", "ZINK_"))}


def native_environment(driver):
    """For Zink on a software driver of this machine."""
    return {**without_gl(harness.native_environment(driver)), "MESA_LOADER_DRIVER_OVERRIDE": "zink",
            "GALLIUM_DRIVER": "zink", "LIBGL_ALWAYS_SOFTWARE": "1"}


def guest_environment(host):
    """For viaductctl, which sets the rest."""
    environment = without_gl(harness.clean_environment())
    environment["VIADUCT_URL"] = host.url
    return environment


def run_command(*command):
    return [str(CTL), "run", "--", *[str(part) for part in command]]


def versions(text):
    """{"GL": (4, 6), "ES": (3, 2), ...} of glxinfo's or eglinfo's text."""
    found = {}
    for kind, line in (("core", r"OpenGL core profile version(?: string)?: ([\d.]+)"),
                       ("compat", r"OpenGL (?:compatibility profile )?version(?: string)?: (\d[\d.]+)"),
                       ("es", r"OpenGL ES profile version(?: string)?: OpenGL ES ([\d.]+)")):
        match = re.search(line, text)
        if match:
            found[kind] = tuple(int(part) for part in match.group(1).split(".")[:2])
    return found
