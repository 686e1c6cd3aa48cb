"""`tools/setup [PART...]`: the command itself."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from .cache import Cache
from .failure import Failure
from .machine import Machine, check_prerequisites
from .parts import all_parts

DEFAULT_PARTS = ("library", "model", "redis", "ffmpeg")
DESCRIPTION = """\
Fetches, by pinned version and SHA-256, what Steno needs and this machine lacks, into one cache folder
($STENO_CACHE, else steno in the user's cache folder), and makes the link .local in the checkout lead there.
Needs no root. Safe to interrupt, to repeat and to run twice at once."""


def main(arguments):
    """Runs the set-up; returns the exit code."""
    # Ended by SIGTERM as by Ctrl-C: child processes are waited for and work in progress is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    repository = Path(__file__).resolve().parents[2]
    parts = all_parts(repository)
    parser = argparse.ArgumentParser(
        prog="tools/setup", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="parts:\n" + "\n".join(f"  {part.name:<16} {part.what} ({part.cost})" for part in parts.values()),
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: {' '.join(DEFAULT_PARTS)}")
    chosen = parser.parse_args(arguments).parts or DEFAULT_PARTS
    unknown = [name for name in chosen if name not in parts]
    if unknown:
        parser.error(f"unknown part {' '.join(unknown)}; there are: {' '.join(parts)}")
    try:
        _set_up(Cache.of_environment(os.environ), repository, [parts[name] for name in chosen])
    except Failure as failure:
        print(f"setup: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the same command goes on", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"setup: the cache folder cannot be written: {error}. "
              "Free space or permissions there, or choose another folder with STENO_CACHE.", file=sys.stderr)
        return 1
    return 0


def _set_up(cache, repository, parts):
    missing = [part for part in parts if not part.ready(cache)]
    check_prerequisites(will_download=bool(missing))
    if missing:
        _make(cache, missing)
    else:
        _say(f"all there in {cache.root}: {' '.join(part.name for part in parts)}")
    _link_checkout(repository / ".local", cache.root)


def _make(cache, parts):
    started = time.monotonic()
    machine = Machine.this()
    refused = []
    with cache.lock(lambda: _say(f"waiting for another set-up that works in {cache.root}")):
        for part in parts:
            # Another set-up may have made it while this one waited.
            if part.ready(cache):
                continue
            try:
                part.make(cache, machine, _say)
            except Failure as failure:
                # The rest is still worth having: the next run has less to do, and one run names all that is wrong.
                refused.append(str(failure))
    if refused:
        raise Failure("\nsetup: ".join(refused))
    _say(f"ready in {cache.root} after {time.monotonic() - started:.0f} s")


def _link_checkout(link, target):
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    if link.exists() and not link.is_symlink():
        raise Failure(f"{link} is to be a link to {target}, but something else is there: move it away")
    fresh = link.with_name(f".local.{os.getpid()}")
    os.symlink(target, fresh)
    os.replace(fresh, link)


def _say(text):
    print(f"setup: {text}", flush=True)
