"""Running a program and measuring its time and memory, those of its child processes included."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

# Looking at a large process takes it a few milliseconds: no more than a fiftieth of the time may go into that.
_LOOK_EVERY_SECONDS = 0.1
_LOOK_SHARE = 0.02


@dataclass(frozen=True)
class Measured:
    """How a program ran."""

    code: int
    # Seconds since the epoch, on the clock that logs use.
    started: float
    wall_seconds: float
    # User and system time of it and of all children that were waited for.
    cpu_seconds: float
    # Largest sum, over the process tree, of resident memory with shared pages counted once. None where Linux is not.
    peak_bytes: Optional[int]
    # Largest memory in use on the GPU, whoever used it. None where no GPU was asked for.
    gpu_peak_bytes: Optional[int] = None


def run(command, environment, folder, stdout, stderr, gpu=False):
    """Runs a command to its end in `folder`, its output going to files; a Ctrl-C ends it as well."""
    looking = _GpuWatch() if gpu else None
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        started, clock = time.time(), time.monotonic()
        # A session of its own, so that the whole tree can be found and ended.
        child = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                 start_new_session=True)
        watch = _Watch(child.pid)
        try:
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.monotonic() - clock
            child.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            os.killpg(child.pid, signal.SIGTERM)
            child.wait()
            raise
        finally:
            peak = watch.stop()
            gpu_peak = looking.stop() if looking else None
    return Measured(child.returncode, started, wall, usage.ru_utime + usage.ru_stime, peak, gpu_peak)


class _GpuWatch:
    """nvidia-smi, that tells the memory in use now and then."""

    def __init__(self):
        ask = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--loop-ms=200"]
        self._told = subprocess.Popen(ask, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def stop(self):
        """Ends it; the largest value seen."""
        self._told.terminate()
        seen = [int(line) for line in self._told.communicate()[0].split() if line.isdigit()]
        return max(seen) * 2**20 if seen else None


class _Watch:
    """A thread that sums the memory of a session's processes now and then."""

    def __init__(self, session):
        self._session = session
        self._peak = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self):
        """Ends it; the largest sum seen."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _work(self):
        pause = 0.0
        while not self._done.wait(pause):
            began = time.monotonic()
            seen = _memory_of_tree(self._session)
            if seen:
                self._peak = max(self._peak or 0, seen)
            pause = max(_LOOK_EVERY_SECONDS, (time.monotonic() - began) / _LOOK_SHARE)


def _memory_of_tree(root):
    parents, chosen = {}, {root}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        parents[int(entry.name)] = int(fields[1])
        if int(fields[3]) == root:
            chosen.add(int(entry.name))
    # A child that made a session of its own still has its parent.
    while more := {pid for pid, parent in parents.items() if parent in chosen and pid not in chosen}:
        chosen |= more
    return sum(_proportional_bytes(pid) for pid in chosen)


def _proportional_bytes(pid):
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    return 0
