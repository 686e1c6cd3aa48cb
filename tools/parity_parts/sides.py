"""The two sides: Steno's program and the reference's process, run on the same recordings."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Optional

from . import measure
from .failure import Failure

# What a mode needs of `steno run`, beside what every run needs.
FLAGS_OF_MODES = {
    "sequential": (("--mode", "sequential"),),
    "words": (("--mode", "sequential"), ("--word-timestamps", None)),
    "batched": (("--mode", "batched"),),
    "aligned": (("--mode", "batched"), ("--segment-times", "aligned")),
}
# Those beside the reference's batched mode.
BATCHED_MODES = ("batched", "aligned")
# The event before the engine's first window; older builds tell only when they had a recording to work on.
_FIRST_WINDOW = ("transcription.started", "recording.claimed")


@dataclass(frozen=True)
class Task:
    """One run of one side."""

    mode: str
    model: Path
    compute_type: str
    device: str
    language: Optional[str]
    batch_size: Optional[int]
    temperature: Optional[float]
    # Where the recordings are, and their names relative to it.
    folder: Path
    names: tuple
    # Where output and logs may go; empty.
    scratch: Path


@dataclass(frozen=True)
class Ran:
    """What came of it."""

    measured: measure.Measured
    # Name → transcript, or {"error": …}.
    transcripts: dict
    # Seconds from the process's start until the model was loaded, and until the first window; None if not told.
    ready_seconds: Optional[float]
    first_window_seconds: Optional[float]
    # Seconds that reading the model took.
    loading_seconds: Optional[float] = None

    @property
    def working_seconds(self):
        """Wall time after the model was loaded."""
        return self.measured.wall_seconds - (self.ready_seconds or 0.0)


class Steno:
    """The program `steno` with its worker beside it."""

    def __init__(self, program, local):
        self._program = program
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STENO_"))},
            "PATH": f"{local / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        told = self._told("run", "--help")
        self._flags = frozenset(re.findall(r"--[a-z][a-z-]*", told))
        # Switches that want to be told `true`.
        self._valued = frozenset(re.findall(r"(--[a-z][a-z-]*)[ =]<", told))
        self.version = self._told("--version").strip()

    def lacks(self, mode):
        """The flags that this build lacks for a mode. Its only mode is the sequential one if it has no --mode."""
        needed = [flag for flag, _ in FLAGS_OF_MODES[mode] if flag not in self._flags]
        return [flag for flag in needed if (mode, flag) not in (("sequential", "--mode"), ("words", "--mode"))]

    def run(self, task):
        """Transcribes the task's folder."""
        output, state = task.scratch / "out", task.scratch / "state"
        command = [self._program, "run", task.folder, "--out", output, "--state", state, "--model", task.model, "--json",
                   "--compute-type", task.compute_type, "--device", task.device]
        for flag, value in FLAGS_OF_MODES[task.mode]:
            if flag in self._flags:
                value = "true" if value is None and flag in self._valued else value
                command += [flag] if value is None else [flag, value]
        if task.language:
            command += ["--language", task.language]
        if task.batch_size and task.mode in BATCHED_MODES:
            command += ["--batch-size", str(task.batch_size)]
        if task.temperature is not None:
            command += ["--temperature", str(task.temperature)]
        stdout, stderr = task.scratch / "stdout", task.scratch / "stderr"
        measured = measure.run([str(part) for part in command], self._environment, task.scratch, stdout, stderr,
                               gpu=task.device == "cuda")
        try:
            summary = json.loads(stdout.read_text())
        except ValueError:
            raise Failure(f"steno run ended with exit code {measured.code} and no summary; it said:\n"
                          + _last_lines(stderr)) from None
        transcripts = {}
        for path in sorted(output.rglob("*.json")):
            transcript = json.loads(path.read_text(encoding="utf-8"))
            if transcript.get("filename") in task.names:
                transcripts[transcript["filename"]] = transcript
        for failed in summary["failures"]:
            transcripts.setdefault(failed["name"], {"error": failed["error"]})
        events = _events(state / "logs")
        return Ran(measured, transcripts, _first(events, ("worker.ready",), measured.started),
                   _first(events, _FIRST_WINDOW, measured.started))

    def _told(self, *arguments):
        try:
            done = subprocess.run([str(self._program), *arguments], env=self._environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failure(f"{self._program} does not run: {error}. Build it: make release") from error
        return done.stdout


class Reference:
    """faster-whisper in its virtual environment."""

    def __init__(self, local, repository, threads, seed):
        self._python = local / "reference/bin/python"
        self._script = repository / "tools/reference/run.py"
        self._threads = threads
        self._seed = seed
        if not self._python.exists():
            raise Failure("the reference is not installed: run tools/setup reference")
        self.version = self._told_version()

    def run(self, task):
        """Transcribes the task's recordings, one after the other in one process."""
        job, out = task.scratch / "job.json", task.scratch / "result.json"
        job.write_text(json.dumps({
            "model": str(task.model), "compute_type": task.compute_type, "device": task.device, "threads": self._threads,
            "mode": "batched" if task.mode in BATCHED_MODES else task.mode,
            "language": task.language, "batch_size": task.batch_size, "temperature": task.temperature, "seed": self._seed,
            "files": [[name, str(task.folder / name)] for name in task.names], "out": str(out),
        }))
        stderr = task.scratch / "stderr"
        measured = measure.run([str(self._python), str(self._script), str(job)], dict(os.environ), task.scratch,
                               task.scratch / "stdout", stderr, gpu=task.device == "cuda")
        if measured.code != 0:
            raise Failure(f"the reference ended with exit code {measured.code}; it said:\n{_last_lines(stderr)}")
        result = json.loads(out.read_text(encoding="utf-8"))
        ready = result["loaded"] - measured.started
        return Ran(measured, result["files"], ready, ready, result["loading_seconds"])

    def _told_version(self):
        ask = "import ctranslate2, faster_whisper as f; print(f'faster-whisper {f.__version__}, CTranslate2 {ctranslate2.__version__}')"
        return subprocess.run([str(self._python), "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def _events(logs):
    """(seconds since the epoch, line) of all workers' logs."""
    found = []
    for path in logs.glob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            stamp = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6})\d*Z", line)
            if stamp:
                found.append((datetime.fromisoformat(stamp.group(1) + "+00:00").timestamp(), line))
    return found


def _first(events, names, since):
    """Seconds from `since` to the first event of the first of these names that occurs."""
    for name in names:
        times = [at for at, line in events if name in line]
        if times:
            return min(times) - since
    return None


def _last_lines(path):
    return "\n".join("  " + line for line in path.read_text(errors="replace").strip().splitlines()[-8:])
