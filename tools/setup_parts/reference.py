"""The reference that `make parity` compares with: faster-whisper in a virtual environment, by reference.txt."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from .failure import Failure

REQUIREMENTS = Path(__file__).with_name("reference.txt")
# What the pinned wheels are for.
PYTHON_AT_LEAST, PYTHON_BELOW = (3, 11), (3, 15)


def entry():
    """Name of its folder in the store: other pins, or another Python on this machine, give another folder."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return f"faster-whisper-1.2.1-py{sys.version_info.major}.{sys.version_info.minor}-{digest[:8]}"


def build(folder):
    """Makes the virtual environment; pip refuses any file that is not pinned."""
    if not PYTHON_AT_LEAST <= sys.version_info[:2] < PYTHON_BELOW:
        raise Failure(
            f"reference: the pinned faster-whisper runs on Python 3.11 to 3.14, this is {sys.version.split()[0]}. "
            "Run tools/setup reference with one of those."
        )
    # Without pip in it, which Debian's python3 could not put there; the links make it small and free of its own path.
    _run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)], "making a virtual environment")
    _run(
        [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet",
         "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--require-hashes", "--only-binary=:all:",
         "--requirement", str(REQUIREMENTS)],
        "installing the pinned faster-whisper with pip",
    )


def _run(command, what):
    environment = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "false"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-8:])
        raise Failure(
            f"reference: {what} failed:\n{said}\n"
            "Check that this machine reaches a package index and has pip 22.3 or later, then run it again."
        )
