"""Settings that change while the server runs (server.md S17): how a Struct declares them.

A field is live when its type says so: `Annotated[tuple[str, ...], LIVE]`. What reads the file again, and when, is in
`fabro_core.boot.live`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import FieldInfo

from fabro_core.config.shapes import annotations_of


@dataclass(frozen=True, slots=True)
class Live:
    """Annotates a field whose changes a running server takes over; use `LIVE` or `LIVE_ALLOW_LIST`."""

    admits: bool = False
    """An array of who is let in. Empty it stops a start; a running server takes it over all the same, because whoever
    empties it wants nobody in."""


LIVE: Final = Live()
"""A running server takes over changes of the field."""

LIVE_ALLOW_LIST: Final = Live(admits=True)
"""The same for a list of who is let in: a start refuses an empty one, a running server then lets nobody in."""


def live_fields(struct: type[msgspec.Struct]) -> Iterator[FieldInfo]:
    """The live fields of a Struct, in its order."""
    return (field for field in msgspec.structs.fields(struct) if _live(field.type) is not None)


def allow_lists(table: msgspec.Struct) -> dict[str, object]:
    """The lists of who is let in, by key, in the types of JSON."""
    return {
        field.encode_name: msgspec.to_builtins(getattr(table, field.name), enc_hook=str)
        for field in msgspec.structs.fields(table)
        if admits(field.type)
    }


def admits(kind: Any) -> bool:
    """Whether a field of this type says who is let in."""
    live = _live(kind)
    return live is not None and live.admits


def is_live(kind: Any) -> bool:
    """Whether a field of this type is live."""
    return _live(kind) is not None


def _live(kind: Any) -> Live | None:
    return next((annotation for annotation in annotations_of(kind) if isinstance(annotation, Live)), None)
