"""Which recordings are compared: a folder's, or clips, copies and long files made of them."""

import random
import shutil
import subprocess
import wave
from pathlib import Path

from .failure import Failure

EXTENSIONS = frozenset(
    "3gp aac ac3 aif aiff amr au avi caf flac m4a mka mkv mov mp3 mp4 mpga oga ogg opus wav webm wma".split()
)
RATE = 16_000
# Clips come from recordings that are long enough to hold speech in most places.
_SOURCE_SECONDS_MIN = 10.0


def listed(folder):
    """Names of the recordings in a folder, relative to it, sorted."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                   if path.is_file() and path.suffix[1:].lower() in EXTENSIONS)
    if not names:
        raise Failure(f"there are no recordings in {folder}")
    return tuple(names)


def copies(folder, names, number, destination):
    """Each recording so many times, under names of its own."""
    for copy in range(1, number + 1):
        for name in names:
            target = destination / (f"copy-{copy:02}" if number > 1 else "") / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target)


def clips(folder, names, number, seconds, seed, ffmpeg, destination):
    """So many clips, cut at random places of the recordings; `seconds` is the shortest and the longest.

    The same seed gives the same clips. A clip is shorter where its recording is.
    """
    sources = [(name, samples) for name in names
               if len(samples := _decoded(folder / name, ffmpeg)) // 2 >= _SOURCE_SECONDS_MIN * RATE]
    if not sources:
        raise Failure(f"no recording in {folder} is {_SOURCE_SECONDS_MIN:.0f} s long: nothing to cut clips from")
    chance = random.Random(seed)
    for number in range(1, number + 1):
        name, samples = chance.choices(sources, weights=[len(samples) for _, samples in sources])[0]
        length = int(chance.uniform(*seconds) * RATE)
        start = chance.randrange(max(1, len(samples) // 2 - length))
        _write(destination / f"clip-{number:03}-{Path(name).stem.replace(' ', '-')}.wav",
               [samples[2 * start:2 * (start + length)]])


def long_file(folder, names, seconds, ffmpeg, destination):
    """One file of so many seconds: the recordings one after the other, again and again."""
    sources = [samples for name in names if (samples := _decoded(folder / name, ffmpeg))]
    if not sources:
        raise Failure(f"no recording in {folder} can be decoded: nothing to join")

    def pieces():
        left, turn = 2 * seconds * RATE, 0
        while left > 0:
            piece = sources[turn % len(sources)][:left]
            yield piece
            left, turn = left - len(piece), turn + 1

    _write(destination / f"joined-{seconds}s.wav", pieces())


def _decoded(path, ffmpeg):
    """16 kHz mono 16-bit samples, as bytes."""
    done = subprocess.run([str(ffmpeg), "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0", "-ac", "1", "-ar",
                           str(RATE), "-f", "s16le", "-"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


def _write(path, pieces):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for piece in pieces:
            out.writeframes(piece)
