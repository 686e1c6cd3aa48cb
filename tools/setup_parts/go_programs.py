"""Programs of the tests that are built from Go sources, which the go.sum of each pins."""

import hashlib
import os
import subprocess
from dataclasses import dataclass

from . import installed, pins
from .failure import Failure
from .wheels import download, extract_tree


@dataclass(frozen=True)
class GoProgram:
    """A program whose folder in tests/, named after it, has a go.mod and go.sum with nothing but what it needs."""

    name: str
    module: str
    package: str
    # Of Go's linker: where the program keeps its version.
    version_variable: str

    def version(self, repository):
        """Its version, as its go.mod requires it."""
        lines = (repository / "tests" / self.name / "go.mod").read_text().splitlines()
        required = next(line.split() for line in lines if line.split()[:1] == [self.module])
        return required[1]

    def entry(self, repository):
        """Name of its folder in the store: another go.mod or go.sum gives another folder."""
        digest = hashlib.sha256()
        for file in ("go.mod", "go.sum"):
            digest.update((repository / "tests" / self.name / file).read_bytes())
        return f"{self.name}-{self.version(repository)}-{digest.hexdigest()[:8]}"

    def build(self, repository, folder, scratch, cache):
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
        flags = f"-s -w -X {self.version_variable}={self.version(repository)}"
        done = subprocess.run(
            [go, "build", "-ldflags", flags, "-o", str(folder / self.name), self.package],
            cwd=repository / "tests" / self.name, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )
        if done.returncode != 0:
            said = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-8:])
            raise Failure(
                f"building {self.name} with {go} failed:\n{said}\n"
                "Check that this machine reaches a Go module proxy (Go's own settings are used), then run it again."
            )


VERSITYGW = GoProgram(
    "versitygw", "github.com/versity/versitygw", "github.com/versity/versitygw/cmd/versitygw", "main.Version"
)
TOXIPROXY = GoProgram(
    "toxiproxy", "github.com/Shopify/toxiproxy/v2", "github.com/Shopify/toxiproxy/v2/cmd/server",
    "github.com/Shopify/toxiproxy/v2.Version",
)


def _fetched_go(cache):
    def fill(folder):
        with cache.scratch() as scratch, download(pins.GO, scratch) as archive:
            extract_tree(archive, "go/", folder)

    cache.add(pins.GO.entry, fill)
    return str(cache.store / pins.GO.entry / "bin/go")
