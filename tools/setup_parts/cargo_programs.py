"""Programs that are built from crates, each pinned by the SHA-256 of its crate and, for what it needs, the Cargo.lock in that."""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

from .failure import Failure


def build(crate, folder, scratch):
    """Fetches a crate, checks it, and builds its program into `folder`."""
    project = scratch / "fetch"
    (project / "src").mkdir(parents=True)
    (project / "src/lib.rs").touch()
    (project / "Cargo.toml").write_text(
        f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n{crate.name} = "={crate.version}"\n'
        "[workspace]\n",
        encoding="utf-8",
    )
    _cargo(crate, ["fetch"], project)
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    archive = next((home / "registry/cache").glob(f"*/{crate.entry_name}.crate"), None)
    if archive is None:
        raise Failure(f"{crate.name}: cargo has fetched {crate.entry_name}, and it is not in {home}/registry/cache")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != crate.sha256:
        raise Failure(f"{crate.name}: {archive} has the SHA-256 {found} instead of {crate.sha256}: do not use it, report it")
    with tarfile.open(archive) as tar:
        # It was checked: nobody else has put a name into it.
        tar.extractall(scratch)
    source = scratch / crate.entry_name
    target = scratch / "target"
    _cargo(crate, ["build", "--release", "--locked", "--bin", crate.name, "--target-dir", str(target)], source)
    (target / "release" / crate.name).rename(folder / crate.name)


def _cargo(crate, arguments, folder):
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    done = subprocess.run(
        ["cargo", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )
    if done.returncode != 0:
        said = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-8:])
        raise Failure(f"{crate.name}: cargo {arguments[0]} failed:\n{said}\nCheck that this machine reaches a crate registry.")
