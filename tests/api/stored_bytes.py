"""What a store's files hold, as whoever has them would see it."""

from __future__ import annotations

from pathlib import Path


def bytes_below(home: Path) -> bytes:
    """Everything in every file of a server's home, its journals included."""
    return b"\n".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
