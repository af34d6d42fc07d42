"""Disks that are full: a small file system where the tests may mount one, as in CI, or a bound on the size of files."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

SMALL_BYTES: Final = 4 * 1024 * 1024
LOG_BYTES: Final = 64 * 1024
"""What a log may still have where files are bounded; a database is larger from the beginning."""


class Disk:
    """A directory in which processes can be kept from writing more."""

    def __init__(self, path: Path, *, mounted: bool) -> None:
        self.path = path
        self._mounted = mounted
        self._filler = path / "filler"

    @contextmanager
    def full(self, pid: int) -> Iterator[None]:
        """No file here grows any more, for the length of the context; without a mount, none of the process does."""
        if not self._mounted:
            before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (LOG_BYTES, resource.RLIM_INFINITY))
            yield
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
            return
        with self._filler.open("wb", buffering=0) as filler:
            piece = bytes(64 * 1024)
            while piece:
                try:
                    filler.write(piece)
                except OSError:
                    piece = piece[: len(piece) // 2]
        yield
        self._filler.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing here can be changed, for the length of the context."""
        if self._mounted:
            assert _run("mount", "-o", "remount,ro", str(self.path))
            yield
            assert _run("mount", "-o", "remount,rw", str(self.path))
            return
        places = [self.path, *self.path.iterdir()]
        for place in places:
            place.chmod(0o500)
        yield
        for place in places:
            place.chmod(0o700)


@pytest.fixture
def small_disk() -> Iterator[Disk]:
    """A disk of 4 MiB."""
    with tempfile.TemporaryDirectory(prefix="fabro-disk-") as directory:
        path = Path(directory)
        mounted = os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs", directory)
        try:
            yield Disk(path, mounted=mounted)
        finally:
            if mounted:
                _run("umount", "--lazy", directory)


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
