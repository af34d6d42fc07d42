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
    """An array of who is let in: by one of several, if a table has several. When all of them are empty, that stops a
    start; a running server takes it over all the same, because whoever empties them wants nobody in."""


LIVE: Final = Live()
"""A running server takes over changes of the field."""

LIVE_ALLOW_LIST: Final = Live(admits=True)
"""The same for a list of who is let in. With `()` as its default it may be left out where another one has entries; a
start refuses a table whose lists are all empty, a running server then lets nobody in."""


def live_fields(struct: type[msgspec.Struct]) -> Iterator[FieldInfo]:
    """The live fields of a Struct, in its order."""
    return (field for field in msgspec.structs.fields(struct) if _live(field.type) is not None)


def allow_lists(table: msgspec.Struct) -> dict[str, object]:
    """The lists of who is let in, by key, in the types of JSON. One that may be left out is not there when it is
    empty."""
    return {
        field.encode_name: msgspec.to_builtins(value, enc_hook=str)
        for field in allow_list_fields(type(table))
        if (value := getattr(table, field.name)) or field.required
    }


def allow_list_fields(struct: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """The fields of a Struct that say who is let in, in its order."""
    return tuple(field for field in msgspec.structs.fields(struct) if admits(field.type))


def admits(kind: Any) -> bool:
    """Whether a field of this type says who is let in."""
    live = _live(kind)
    return live is not None and live.admits


def is_live(kind: Any) -> bool:
    """Whether a field of this type is live."""
    return _live(kind) is not None


def _live(kind: Any) -> Live | None:
    return next((annotation for annotation in annotations_of(kind) if isinstance(annotation, Live)), None)
