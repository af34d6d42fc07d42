"""The limit of open files: raised as far as it may be, and kept from being used up by connections (server.md S10)."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
from pathlib import Path
from typing import Final

from fabro_core.server.outage import Outage

MOST: Final = 65_536
"""Enough for every connection that one process can serve; some systems go through all numbers up to the limit."""

SPARE: Final = 64
"""Kept for files, the store and what plugins open."""

_ASSUMED_OPEN: Final = 64
"""By a server that cannot look."""

log: Final = logging.getLogger("fabro.server")


def raise_limit() -> None:
    """Let this process open as many files as its hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a lower limit, which nothing tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def room_for_connections() -> int:
    """How many connections this process can have without running out of descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = MOST
    left = max(0, soft - _open_now())
    return max(1, left - min(SPARE, left // 2))


def _open_now() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return _ASSUMED_OPEN


class DescriptorWatch:
    """Notices that descriptors are used up, which event loops keep to themselves: they go on refusing connections."""

    def __init__(self) -> None:
        self._outage = Outage(log, "files can be opened again")

    def look(self) -> None:
        """Open a file, to see whether that is possible."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            self._outage.lasts("no file and no connection can be opened: %s", error.strerror)
        else:
            self._outage.ended()
