"""Which programs of this machine are suitable as they are."""

import re
import shutil
import subprocess

from . import pins


def redis():
    """An installed redis-server that is new enough, with its redis-cli."""
    server, client = shutil.which("redis-server"), shutil.which("redis-cli")
    if not server or not client:
        return None
    version = _version(_output(server, "--version"), r"\bv=(\d+)\.(\d+)")
    if version is None or version < pins.REDIS_AT_LEAST:
        return None
    return {"bin/redis-server": server, "bin/redis-cli": client}, f"redis-server {_dotted(version)} ({server})"


def ffmpeg():
    """An installed ffmpeg that is new enough and decodes what recordings come in."""
    program = shutil.which("ffmpeg")
    if not program:
        return None
    version = _version(_output(program, "-version"), r"^ffmpeg version n?(\d+)\.(\d+)")
    if version is None or version < pins.FFMPEG_AT_LEAST:
        return None
    decoders = {fields[1] for line in _output(program, "-hide_banner", "-decoders").splitlines()
                if len(fields := line.split()) > 1 and fields[0].startswith("A")}
    if not decoders.issuperset(pins.FFMPEG_DECODERS):
        return None
    return {"bin/ffmpeg": program}, f"ffmpeg {_dotted(version)} ({program})"


def go():
    """An installed Go that is new enough."""
    program = shutil.which("go")
    if not program:
        return None
    version = _version(_output(program, "env", "GOVERSION"), r"^go(\d+)\.(\d+)")
    return program if version is not None and version >= pins.GO_AT_LEAST else None


def _output(*command):
    # A program that does not run here (wrong architecture, missing library) is as good as none.
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _version(text, pattern):
    found = re.search(pattern, text, re.MULTILINE)
    return tuple(int(number) for number in found.groups()) if found else None


def _dotted(version):
    return ".".join(str(number) for number in version)
