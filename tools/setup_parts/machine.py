"""What this machine is, and what it must have before anything is fetched."""

import importlib.util
import os
import platform
import shutil
import sys
from dataclasses import dataclass

from .failure import Failure

# The newest glibc that one of the prebuilt parts asks for.
GLIBC_AT_LEAST = (2, 28)


@dataclass(frozen=True)
class Machine:
    """The platform."""

    name: str
    takes_prebuilt: bool

    @staticmethod
    def this():
        """The machine that this runs on."""
        system, processor = platform.system(), platform.machine()
        libc = _libc()
        prebuilt = system == "Linux" and processor in ("x86_64", "AMD64") and libc is not None and libc >= GLIBC_AT_LEAST
        with_libc = f" with glibc {libc[0]}.{libc[1]}" if libc else " without glibc" if system == "Linux" else ""
        return Machine(f"{system} {processor}{with_libc}", prebuilt)


def check_prerequisites(will_download):
    """Names everything that set-up cannot fetch and that is missing, all at once."""
    missing = []
    if not shutil.which("cargo"):
        missing.append("Rust (cargo): install it with rustup, see https://rustup.rs")
    if not any(shutil.which(name) for name in (os.environ.get("CXX") or "c++", "c++")):
        missing.append("a C++ compiler: Debian/Ubuntu: apt install g++; Fedora: dnf install gcc-c++; "
                       "macOS: xcode-select --install")
    if will_download and importlib.util.find_spec("pip") is None:
        missing.append(f"pip for {sys.executable}: Debian/Ubuntu: apt install python3-pip; "
                       "Fedora: dnf install python3-pip; elsewhere: python3 -m ensurepip")
    if missing:
        raise Failure("this machine lacks what set-up cannot fetch:\n" + "\n".join("  - " + line for line in missing))


def _libc():
    try:
        kind, version = os.confstr("CS_GNU_LIBC_VERSION").split()
    except (AttributeError, OSError, ValueError):
        return None
    return tuple(int(number) for number in version.split(".")[:2]) if kind == "glibc" else None
