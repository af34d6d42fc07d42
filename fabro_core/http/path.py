"""Parameters in paths: declared as a Struct, parsed by what they are (runs.md R3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, NewType, TypeVar, get_origin, get_type_hints

import msgspec

from fabro_core.errors import InvalidRequest
from fabro_core.http.query import parse_unsigned
from fabro_core.http.schemas import with_known_patterns
from fabro_core.models.client_text import refuse_nul
from fabro_core.models.ids import PairId, RunId, SessionId, TurnId, parse_digest, parse_ulid
from fabro_core.models.stage import StageId, parse_stage_id

EventSeq = NewType("EventSeq", int)
"""The number of an event in a run's log; counts from 1."""

Digest = NewType("Digest", str)
"""A SHA-256, 64 lower-case hex digits."""

Segment = NewType("Segment", str)
"""A text as it stands in the path, which no store sees: there is nothing of that name, or there is."""


class PathParams(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the Structs that declare what stands in an operation's path, each named as it is in the path.

    Supported types: `RunId`, `SessionId`, `TurnId`, `PairId`, `StageId`, `EventSeq`, `Digest`, a text that
    `msgspec.Meta` constrains, `str` for what only the operation can judge, and `Segment`.
    """


Params = TypeVar("Params", bound=PathParams)
PathParser = Callable[[Mapping[str, str]], Params]


def path_parser(kind: type[Params]) -> PathParser[Params]:
    """What makes a `kind` of the texts in a path. It raises `InvalidRequest` for the first that is not valid."""
    hints = get_type_hints(kind, include_extras=True)
    fields = [
        (name, encoded, _PARSERS[hints[name]] if hints[name] in _PARSERS else _constrained(encoded, hints[name]))
        for name, encoded in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    ]

    def parse(texts: Mapping[str, str]) -> Params:
        return kind(**{name: parser(texts[encoded]) for name, encoded, parser in fields})

    return parse


def is_checked(kind: type[PathParams]) -> bool:
    """Whether a path can be one of the operation's and not be valid."""
    return any(hint not in (str, Segment) for hint in get_type_hints(kind, include_extras=True).values())


def path_schemas(kind: type[PathParams]) -> Mapping[str, dict[str, Any]]:
    """The JSON Schemas of the parameters, by their names in the path."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.encode_name: _schema(hints[field.name]) for field in msgspec.structs.fields(kind)}


def _schema(hint: Any) -> Any:
    if hint is EventSeq:
        return {"type": "integer", "minimum": 1}
    if hint is Digest:
        return {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}
    return with_known_patterns(msgspec.json.schema(hint)) if get_origin(hint) is Annotated else {"type": "string"}


def require_run_id(text: str, what: str) -> RunId:
    """`text` as a run id. Raises `InvalidRequest` that names `what` it is."""
    return RunId(require_ulid(text, what))


def _constrained(name: str, declared: Any) -> Callable[[str], str]:
    if get_origin(declared) is not Annotated:
        raise TypeError(f"a path parameter cannot be {declared!r}")

    def parse(text: str) -> str:
        try:
            return str(msgspec.convert(text, declared))
        except msgspec.ValidationError as error:
            raise InvalidRequest(f'The parameter "{name}" in the path is not valid: {error}.') from error

    return parse


def _run_id(text: str) -> RunId:
    return require_run_id(text, "The run id in the path")


def require_ulid(text: str, what: str) -> str:
    """`text` as the canonical spelling of a ULID. Raises `InvalidRequest` that names `what` it is."""
    ulid = parse_ulid(text)
    if ulid is None:
        raise InvalidRequest(f"{what} is not a ULID.")
    return ulid


def _session_id(text: str) -> SessionId:
    return SessionId(require_ulid(text, "The session id in the path"))


def _turn_id(text: str) -> TurnId:
    return TurnId(require_ulid(text, "The turn id in the path"))


def _pair_id(text: str) -> PairId:
    return PairId(require_ulid(text, "The pair id in the path"))


def _stage_id(text: str) -> StageId:
    stage_id = parse_stage_id(text)
    if stage_id is None:
        raise InvalidRequest("The stage id in the path is not NODE@VISIT.")
    return stage_id


def _event_seq(text: str) -> EventSeq:
    seq = parse_unsigned("The sequence number in the path", text)
    if seq == 0:
        raise InvalidRequest("The sequence number in the path counts from 1.")
    return EventSeq(seq)


def _any_text(text: str) -> str:
    refuse_nul("The path", (text,))
    return text


def _digest(text: str) -> Digest:
    digest = parse_digest(text)
    if digest is None:
        raise InvalidRequest("The hash in the path is not 64 hex digits.")
    return Digest(digest)


_PARSERS: Final[Mapping[Any, Callable[[str], Any]]] = {
    RunId: _run_id,
    SessionId: _session_id,
    TurnId: _turn_id,
    PairId: _pair_id,
    StageId: _stage_id,
    EventSeq: _event_seq,
    Digest: _digest,
    str: _any_text,
    Segment: str,
}
