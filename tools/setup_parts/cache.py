"""The tool cache: immutable folders under `store/`, and links to them where programs and tests look.

    store/<package>-<version>-<hash>/   complete or absent: built in `tmp/`, then renamed
    bin/ cublas lib models/ portable/ reference
                                        links into store/, or to a program that is installed on this machine
    tmp/                                work in progress, removed by the next set-up that fetches something
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path


class Cache:
    """One cache folder, shared by every checkout of this user."""

    def __init__(self, root):
        self.root = Path(root)
        self.store = self.root / "store"
        self._tmp = self.root / "tmp"

    @staticmethod
    def of_environment(environment):
        """`$STENO_CACHE`, else `steno` in the user's cache folder."""
        chosen = environment.get("STENO_CACHE")
        if chosen:
            return Cache(Path(chosen).absolute())
        base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or Path.home()) / ".cache"
        return Cache(Path(base).absolute() / "steno")

    @contextmanager
    def lock(self, when_busy):
        """Holds the cache against other set-ups; calls `when_busy` once if it has to wait for one."""
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                when_busy()
                fcntl.flock(handle, fcntl.LOCK_EX)
            # Nobody else is at work now, so what lies in tmp was left by a set-up that was killed.
            shutil.rmtree(self._tmp, ignore_errors=True)
            yield

    @contextmanager
    def scratch(self):
        """A folder for work in progress, on the same file system as the store; call with the lock held."""
        self._tmp.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._tmp))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def has(self, entry):
        """Whether the store holds this folder."""
        return (self.store / entry).is_dir()

    def add(self, entry, build):
        """Fills a new folder by `build(folder)` and gives it its name at the end, so that no half of one is ever seen."""
        if self.has(entry):
            return
        with self.scratch() as scratch:
            made = scratch / "entry"
            made.mkdir()
            build(made)
            self.store.mkdir(parents=True, exist_ok=True)
            os.rename(made, self.store / entry)

    def target(self, name):
        """Where the link `name` leads, or None if it is missing, dangling or no link."""
        link = self.root / name
        if not link.is_symlink() or not link.exists():
            return None
        return os.path.normpath(link.parent / os.readlink(link))

    def link_entry(self, name, entry, inside="."):
        """Makes `name` lead to a path in a folder of the store, relatively: the cache may be moved as a whole."""
        path = os.path.normpath(self.store / entry / inside)
        if not os.path.exists(path):
            raise FileNotFoundError(path)
        self._link(name, os.path.relpath(path, (self.root / name).parent))

    def leads_to_entry(self, name, entry, inside="."):
        """Whether `link_entry` with the same arguments has nothing to do."""
        return self.target(name) == os.path.normpath(self.store / entry / inside)

    def link_installed(self, name, program):
        """Makes `name` lead to a program of this machine."""
        self._link(name, os.path.abspath(program))

    def leads_outside(self, name):
        """Whether `name` leads to a program of this machine that is still there."""
        target = self.target(name)
        return target is not None and Path(self.store) not in Path(target).parents

    def _link(self, name, target):
        replace_with_link(self.root / name, target, self._tmp)


def replace_with_link(link, target, scratch_parent):
    """Puts a symbolic link at `link` in one step, whatever was there before."""
    link.parent.mkdir(parents=True, exist_ok=True)
    scratch_parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=scratch_parent))
    try:
        os.symlink(target, scratch / "link")
        if link.is_dir() and not link.is_symlink():
            os.rename(link, scratch / "replaced")
        os.replace(scratch / "link", link)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
