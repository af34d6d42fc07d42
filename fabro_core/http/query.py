"""Query parameters: declared as a Struct, parsed by the protocol's own rules.

The rules (runs.md R1.5, server.md S9) are stricter than a framework's: a scalar given twice is refused, integers
are digits alone and clamped into their range, booleans are `true` or `false`, enumerations match exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from fabro_core.errors import InvalidRequest
from fabro_core.models.client_text import refuse_nul

MAX_UNSIGNED = 4_294_967_295
_BOOLEANS = {"true": True, "false": False}
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)

PageLimit = Annotated[int, msgspec.Meta(ge=1, le=100, description="0 counts as 1, more than 100 as 100.")]
PageOffset = Annotated[int, msgspec.Meta(ge=0, le=1_000_000, description="More than 1000000 counts as 1000000.")]

Parser = Callable[[str, list[str]], Any]


class QueryParams(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the Structs that declare an operation's query parameters.

    A field is a parameter, named by its `msgspec.field(name=…)`. Supported types: an integer with bounds (values
    outside are clamped), `bool`, `str`, an Enum or `Literal` of texts, and a tuple of one of these for a parameter
    that may be repeated. A field without a default is a required parameter.
    """

    holds_anything: ClassVar[bool] = False
    """Whether the texts may hold U+0000, because no store ever sees them."""


Params = TypeVar("Params", bound=QueryParams)


QueryParser = Callable[[bytes], Params]


def query_parser(kind: type[Params]) -> QueryParser[Params]:
    """What makes a `kind` of a query string as it stands in a request line; unknown parameters are ignored.

    It raises `InvalidRequest` naming the first parameter that is not valid.
    """
    fields = _fields(kind)
    is_all_optional = not any(required for _, _, required, _ in fields)
    without_any = kind() if is_all_optional else None

    def parse(raw: bytes) -> Params:
        if not raw and without_any is not None:
            return without_any
        given: dict[str, list[str]] = {}
        for name, value in _pairs(raw) if raw else ():
            given.setdefault(name, []).append(value)
        if not kind.holds_anything:
            refuse_nul("The query string", (text for name, *_ in fields for text in given.get(name, ())))
        found = {}
        for name, attribute, required, parse_values in fields:
            if name in given:
                found[attribute] = parse_values(name, given[name])
            elif required:
                raise InvalidRequest(f'The query parameter "{name}" is required.')
        return kind(**found)

    return parse


def enum_choices(kind: type[Enum]) -> Mapping[str, Enum]:
    """The members of an enumeration by what stands for them in a query: texts themselves, else their names in lower
    case."""
    return {member.value if isinstance(member, str) else member.name.lower(): member for member in kind}


def parse_unsigned(what: str, value: str) -> int:
    """An unsigned integer of the protocol (runs.md R1.5). Raises `InvalidRequest` that names `what` it is."""
    if not _DIGITS.fullmatch(value) or int(value) > MAX_UNSIGNED:
        raise InvalidRequest(f"{what} is a whole number from 0 to {MAX_UNSIGNED}.")
    return int(value)


def refuse_zero(name: str, value: int) -> None:
    """For the few sizes that are not moved up to 1. Raises `InvalidRequest`."""
    if value == 0:
        raise InvalidRequest(f'The query parameter "{name}" counts from 1.')


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict")
    except ValueError as error:
        raise InvalidRequest("The query string is not valid UTF-8.") from error


def _fields(kind: type[QueryParams]) -> tuple[tuple[str, str, bool, Parser], ...]:
    """Name on the wire, attribute, whether it is required, and parser of every field."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return tuple((field.encode_name, field.name, field.required, _parser(field.type)) for field in info.fields)


def _parser(declared: inspect.Type) -> Parser:
    match declared:
        case inspect.Metadata(type=described):
            return _parser(described)
        case inspect.VarTupleType(item_type=item) if choices := _choices(item):
            return lambda name, values: tuple(_one_of(name, value, choices) for value in values)
        case inspect.VarTupleType(item_type=inspect.StrType()):
            return lambda _, values: tuple(values)
        case inspect.IntType(ge=least, le=most):
            return lambda name, values: _clamped(_integer(name, _only(name, values)), least, most)
        case inspect.BoolType():
            return lambda name, values: _one_of(name, _only(name, values), _BOOLEANS)
        case inspect.StrType():
            return _only
        case inspect.UnionType(types=types) if len(others := _not_none(types)) == 1:
            return _parser(others[0])
        case _ if choices := _choices(declared):
            return lambda name, values: _one_of(name, _only(name, values), choices)
    raise TypeError(f"a query parameter cannot be {declared!r}")


def _choices(declared: inspect.Type) -> Mapping[str, Any]:
    """What a parameter may be, by its texts; empty when it is not chosen from a set."""
    match declared:
        case inspect.LiteralType(values=values):
            return {str(value): value for value in values}
        case inspect.EnumType(cls=kind):
            return enum_choices(kind)
    return {}


def _not_none(types: tuple[inspect.Type, ...]) -> list[inspect.Type]:
    return [each for each in types if not isinstance(each, inspect.NoneType)]


def _only(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise InvalidRequest(f'The query parameter "{name}" is given {len(values)} times.')
    return values[0]


def _one_of(name: str, value: str, choices: Mapping[str, Any]) -> Any:
    if value not in choices:
        raise InvalidRequest(f'The query parameter "{name}" is one of: {", ".join(choices)}.')
    return choices[value]


def _integer(name: str, value: str) -> int:
    return parse_unsigned(f'The query parameter "{name}"', value)


def _clamped(value: int, least: int | None, most: int | None) -> int:
    if least is not None and value < least:
        return least
    return most if most is not None and value > most else value
