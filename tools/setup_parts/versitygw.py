"""The S3 server of the tests, built from the sources that tests/versitygw/go.sum pins."""

import hashlib
import os
import re
import subprocess

from . import installed, pins
from .failure import Failure
from .wheels import download, extract_tree

PACKAGE = "github.com/versity/versitygw/cmd/versitygw"


def version(repository):
    """Its version, as tests/versitygw/go.mod requires it."""
    module = (repository / "tests/versitygw/go.mod").read_text()
    return re.search(r"github\.com/versity/versitygw (v\S+)", module).group(1)


def entry(repository):
    """Name of its folder in the store: another go.mod or go.sum gives another folder."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((repository / "tests/versitygw" / name).read_bytes())
    return f"versitygw-{version(repository)}-{digest.hexdigest()[:8]}"


def build(repository, folder, scratch, cache):
    """Builds it with the machine's Go, or with a fetched one whose caches go away with `scratch`."""
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    }
    go = installed.go()
    if go is None:
        go = _fetched_go(cache)
        environment["GOFLAGS"] += " -modcacherw"
        environment["GOPATH"] = str(scratch / "go")
        environment["GOMODCACHE"] = str(scratch / "go/pkg/mod")
        environment["GOCACHE"] = str(scratch / "go-build")
    done = subprocess.run(
        [go, "build", "-ldflags", f"-s -w -X main.Version={version(repository)}", "-o", str(folder / "versitygw"), PACKAGE],
        cwd=repository / "tests/versitygw", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )
    if done.returncode != 0:
        said = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-8:])
        raise Failure(
            f"building versitygw with {go} failed:\n{said}\n"
            "Check that this machine reaches a Go module proxy (Go's own settings are used), then run it again."
        )


def _fetched_go(cache):
    def fill(folder):
        with cache.scratch() as scratch, download(pins.GO, scratch) as archive:
            extract_tree(archive, "go/", folder)

    cache.add(pins.GO.entry, fill)
    return str(cache.store / pins.GO.entry / "bin/go")
