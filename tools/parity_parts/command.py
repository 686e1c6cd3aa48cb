"""`tools/parity [FOLDER]`: the command itself."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from . import recordings, report
from .failure import Failure
from .sides import BATCHED_MODES, Reference, Steno, Task
from .transcripts import compare

# From here on the work of others is worth a warning.
_BUSY_CORES = 0.5
# The last is Steno's batched mode with --segment-times aligned, beside the reference's batched mode.
MODES = ("sequential", "words", "batched", "aligned")
DESCRIPTION = """\
Runs faster-whisper and Steno on the same recordings, one process after the other on the same cores, and prints a
Markdown report: texts, times, wall time, memory. It reports and judges nothing: it fails only if a side cannot be run."""


def main(arguments):
    """Compares; returns the exit code."""
    # Ended by SIGTERM as by Ctrl-C: the side that runs is ended too, and work in progress is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    repository = Path(__file__).resolve().parents[2]
    options = _options(repository, arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="steno-parity-") as scratch:
            _Comparison(repository, options, Path(options.keep or scratch).absolute()).run()
    except Failure as failure:
        print(f"parity: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("parity: interrupted", file=sys.stderr)
        return 130
    return 0


def _options(repository, arguments):
    parser = argparse.ArgumentParser(
        prog="tools/parity", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path,
                        help="recordings [default: ../shared/audio beside the checkout if it is there, else samples]")
    parser.add_argument("--mode", action="append", choices=MODES, help="may be given again [default: all but aligned]")
    parser.add_argument("--model", action="append", type=Path, metavar="FOLDER",
                        help="may be given again [default: tiny.en and base of .local/models]")
    parser.add_argument("--language", metavar="CODE", help="of all recordings [default: each side detects it]")
    parser.add_argument("--compute-type", default="float32", help="of both sides [default: float32]")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of both sides [default: cpu]")
    parser.add_argument("--temperature", type=float, metavar="T",
                        help="the only one of both sides [default: all six; the reference's batched mode takes only the first]")
    parser.add_argument("--batch-size", type=int, metavar="N", help="of both sides in batched mode [default: each side's own]")
    made = parser.add_mutually_exclusive_group()
    made.add_argument("--short-clips", type=int, metavar="N", help="N short clips, cut from the recordings")
    made.add_argument("--long", type=int, metavar="SECONDS", help="one file of that length, joined from the recordings")
    made.add_argument("--copies", type=int, metavar="N", help="each recording N times")
    parser.add_argument("--clip-seconds", type=_range, default=(3.0, 10.0), metavar="FROM,TO", help="their length [default: 3,10]")
    parser.add_argument("--only", metavar="TEXT", help="only recordings with this in their names")
    parser.add_argument("--seed", type=int, default=1, help="of the clips, and of the reference's sampling [default: 1]")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="run each side N times in turn, report the fastest")
    parser.add_argument("--speed-only", action="store_true", help="compare no texts, which saves the yardstick of batched mode")
    parser.add_argument("--steno", type=Path, metavar="PROGRAM", help="[default: target/release/steno, else target/debug/steno]")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there as well")
    parser.add_argument("--append", action="store_true", help="add to that file instead of replacing it")
    parser.add_argument("--title", help="heading of the report [default: what was compared]")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work there and leave all transcripts and logs")
    options = parser.parse_args(arguments)
    shared = repository.parent / "shared/audio"
    options.folder = (options.folder or (shared if shared.is_dir() else repository / "samples")).absolute()
    options.mode = [mode for mode in MODES if mode in (options.mode or MODES[:-1])]
    options.model = [path.absolute() for path in options.model
                     or [repository / ".local/models" / name for name in ("tiny.en", "base")]]
    target = Path(os.environ.get("CARGO_TARGET_DIR", repository / "target"))
    if options.steno is None:
        options.steno = next((path for kind in ("release", "debug") if (path := target / kind / "steno").exists()),
                             target / "release/steno")
    return options


def _range(text):
    low, high = (float(number) for number in text.split(","))
    if not 0 < low <= high:
        raise ValueError(text)
    return low, high


class _Comparison:
    """One invocation."""

    def __init__(self, repository, options, scratch):
        self._options = options
        self._scratch = scratch
        self._runs = 0
        self._local = repository / ".local"
        for model in options.model:
            if not (model / "model.bin").exists():
                raise Failure(f"there is no model in {model}: run tools/setup model base, or name another with --model")
        self._cores = len(os.sched_getaffinity(0))
        self._reference = Reference(self._local, repository, self._cores, options.seed)
        self._steno = Steno(options.steno.absolute(), self._local)
        self._build = f"{_kind(options.steno)}, commit {_commit(repository)}"

    def run(self):
        """Runs all and writes the report."""
        options = self._options
        folder, names, what = self._recordings()
        parts, speeds, notes, modes = [], [], [], []
        if (busy := os.getloadavg()[0]) > _BUSY_CORES:
            notes.append(f"Other programs were at work when this began (load {busy:.1f}): its times say little.")
        for mode in options.mode:
            if missing := self._steno.lacks(mode):
                notes.append(f"{mode} mode is left out: this build of steno has no {' or '.join(missing)}.")
            else:
                modes.append(mode)
        for model in options.model:
            if options.language not in (None, "en") and model.name.endswith(".en"):
                notes.append(f"{model.name} is left out: it knows English only.")
                continue
            yardstick = None
            for mode in modes:
                reference, ours = self._both(mode, model, folder, names)
                if mode == "sequential":
                    yardstick = reference
                audio = sum(t.get("duration", 0) for t in reference.transcripts.values())
                speeds.append((model.name, mode, len(names), audio, reference, ours))
                if options.speed_only:
                    continue
                if mode in BATCHED_MODES:
                    if yardstick is None:
                        yardstick = self._once(self._reference, "sequential", model, folder, names)
                    parts.append(report.batched(model.name, mode, options.language, [
                        (compare(name, yardstick.transcripts.get(name), reference.transcripts.get(name)),
                         compare(name, yardstick.transcripts.get(name), ours.transcripts.get(name)))
                        for name in names
                    ]))
                else:
                    parts.append(report.exact(model.name, mode, options.language, [
                        compare(name, reference.transcripts.get(name), ours.transcripts.get(name)) for name in names
                    ]))
        self._write([f"## {options.title or what}\n", report.head(self._steno.version, self._build, self._reference.version,
                                                                   options.compute_type, self._machine()),
                     *(f"{note}\n" for note in notes), report.speed(speeds), *parts])

    def _recordings(self):
        options = self._options
        names = recordings.listed(options.folder)
        if options.only:
            names = tuple(name for name in names if options.only in name)
        what = f"recordings of {options.folder.name}/"
        if not (options.short_clips or options.long or options.copies or options.only):
            return options.folder, names, f"The {what}"
        made = self._scratch / "recordings"
        made.mkdir(parents=True)
        ffmpeg = self._local / "bin/ffmpeg"
        if options.short_clips:
            recordings.clips(options.folder, names, options.short_clips, options.clip_seconds, options.seed, ffmpeg, made)
            what = "{} clips of {:g} to {:g} s, cut from the {}".format(options.short_clips, *options.clip_seconds, what)
        elif options.long:
            recordings.long_file(options.folder, names, options.long, ffmpeg, made)
            what = f"One file of {options.long} s, joined from the {what}"
        else:
            recordings.copies(options.folder, names, options.copies or 1, made)
            what = f"{len(names)} {what}" + (f", {options.copies} times each" if options.copies else "")
        return made, recordings.listed(made), what

    def _both(self, mode, model, folder, names):
        pairs = [
            (self._once(self._reference, mode, model, folder, names), self._once(self._steno, mode, model, folder, names))
            for _ in range(max(1, self._options.repeat))
        ]
        return tuple(min((pair[side] for pair in pairs), key=lambda ran: ran.measured.wall_seconds) for side in (0, 1))

    def _once(self, side, mode, model, folder, names):
        self._runs += 1
        scratch = self._scratch / f"{self._runs:02}-{type(side).__name__.lower()}-{model.name}-{mode}"
        scratch.mkdir(parents=True)
        options = self._options
        task = Task(mode, model, options.compute_type, options.device, options.language, options.batch_size,
                    options.temperature, folder, names, scratch)
        print(f"parity: {type(side).__name__} on {len(names)} recordings, {model.name}, {mode}", file=sys.stderr, flush=True)
        ran = side.run(task)
        print(f"parity:   {ran.measured.wall_seconds:.1f} s", file=sys.stderr, flush=True)
        return ran

    def _machine(self):
        name = "an unknown processor"
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
        machine = f"{self._cores} cores of {name}"
        return machine if self._options.device == "cpu" else f"{_gpu()} with {machine}"

    def _write(self, parts):
        text = "\n".join(parts)
        print(text)
        if self._options.out:
            with open(self._options.out, "a" if self._options.append else "w", encoding="utf-8") as file:
                file.write(("\n" if self._options.append and file.tell() else "") + text)


def _gpu():
    ask = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        name, driver = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.splitlines()[0].split(", ")
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError) as error:
        raise Failure(f"no GPU to name: nvidia-smi does not answer ({error})") from error
    return f"one {name} (driver {driver})"


def _kind(program):
    return {"release": "release build", "debug": "development build: its speed says nothing"}.get(
        program.absolute().parent.name, "a build given by --steno")


def _commit(repository):
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, text=True, check=False).stdout.strip()
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if git("status", "--porcelain") else "")
