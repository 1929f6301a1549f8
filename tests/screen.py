"""Tell whether Qt can be loaded here, and whether there is a screen for its windows.

Run as a script, it prints the packages of Debian and Ubuntu that make both possible.
"""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import sys

# What Qt's xcb plugin and Mesa need on a bare Debian or Ubuntu.
SYSTEM_PACKAGES = (
    "xvfb libegl1 libgl1 libfontconfig1 libdbus-1-3 libglib2.0-0 libxkbcommon0 "
    "libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)
_INSTALL = f"install it (Debian, Ubuntu: apt-get install {SYSTEM_PACKAGES})"


@functools.cache
def why_no_qt() -> str | None:
    """Say why napari and Qt cannot be loaded, or None where they can."""
    for name in ("napari", "PyQt6.QtWidgets"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            return f"{error.name} is not installed: pip install napari-sam2[gui]"
        except ImportError as error:  # a system library, libEGL.so.1 for example
            return f"Qt cannot be loaded ({error}): {_INSTALL}"
    return None


def why_no_screen() -> str | None:
    """Say why no window with OpenGL can be opened, or None where one can.

    Qt's "offscreen" platform is no way out: without an X server it has no OpenGL, and napari fails
    on the first Image layer.
    """
    if not sys.platform.startswith("linux"):
        return None
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return None
    found = shutil.which("Xvfb")
    reason = "Xvfb was not started" if found else "there is neither a display nor Xvfb"
    return f"{reason}: {_INSTALL}"


if __name__ == "__main__":
    sys.stdout.write(f"{SYSTEM_PACKAGES}\n")
