"""Sees what a piece of code opens and contacts, through the interpreter's audit events (PEP 578).

Blocking input and output leaves no other trace: it does not await. Reads and writes on what is open already are not
seen.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CONTACTS: Final = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
"""Audit events of whoever talks to another process or machine."""

OPENS: Final = CONTACTS | {"open", "os.listdir", "os.scandir", "os.system", "sqlite3.connect", "subprocess.Popen"}
"""Those, and the events of whoever opens a file, a database or a process."""


@contextmanager
def watching(events: frozenset[str]) -> Iterator[list[str]]:
    """The audit events of this thread, among `events`, in the order in which they happen."""
    seen: list[str] = []
    watched: int | None = threading.get_ident()

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in events and threading.get_ident() == watched:
            seen.append(event)

    sys.addaudithook(hook)  # cannot be removed; without a thread to watch it does nothing
    try:
        yield seen
    finally:
        watched = None
