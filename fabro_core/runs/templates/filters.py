"""What `|` does to a value. Every filter says what it makes before it makes it, so that no one grows without bound."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key
from typing import Any, Final

from fabro_core.runs.templates.faults import Misuse
from fabro_core.runs.templates.operators import add
from fabro_core.runs.templates.predicates import bound, test
from fabro_core.runs.templates.values import (
    Undefined,
    Value,
    compare,
    equal,
    is_list,
    is_number,
    items_of,
    json_text,
    kind_of,
    length_of,
    member,
    number,
    text_of,
    truth_of,
)
from fabro_core.runs.templates.work import MAX_ITEMS, MAX_TEXT_CHARS, Work

Filter = Callable[..., Value]
"""Gets the work, the value and the arguments."""

_HTML: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027"}
_MAX_DECIMALS: Final = 300
_MAX_TRIMMED: Final = 64
_WORDS: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def apply(work: Work, name: str, value: Value, arguments: list[Value], named: dict[str, Any]) -> Value:
    """What the filter `name` makes of a value. Raises `Misuse`."""
    function = FILTERS.get(name)
    if function is None:
        raise Misuse(f'there is no filter "{name}"')
    if isinstance(value, Undefined) and name not in ("default", "d"):
        work.used(value)
        return value
    work.look_at(value, *arguments)
    return bound(function, name, work, value, arguments, named)


# -- texts ------------------------------------------------------------------------------------------------------


def _changed(change: Callable[[str], str]) -> Filter:
    def changed(work: Work, value: Value) -> str:
        text = text_of(value, work)
        work.text(2 * len(text))  # a letter may become two or three in the other case
        return change(text)

    return changed


def _title(text: str) -> str:
    return _WORDS.sub(lambda word: word[0][0].upper() + word[0][1:].lower(), text)


def _trim(work: Work, value: Value, chars: str | None = None) -> str:
    if chars is not None and len(_text("trim", chars)) > _MAX_TRIMMED:
        raise Misuse(f'"trim" takes at most {_MAX_TRIMMED} characters')
    return text_of(value, work).strip(chars)


def _replace(work: Work, value: Value, old: Value, new: Value) -> str:
    text, old, new = (text_of(each, work) for each in (value, old, new))
    work.text(len(text))
    work.text(len(text) + text.count(old) * max(len(new) - len(old), 0))
    return text.replace(old, new)


def _indent(work: Work, value: Value, width: int = 4, first: bool = False, blank: bool = False) -> str:
    text = text_of(value, work)
    prefix = " " * _count("indent", width)
    lines = text.split("\n")
    work.text(len(text) + len(lines) * len(prefix))
    work.step(len(lines))
    moved = [prefix + line if line or blank else line for line in lines]
    return "\n".join(moved if first else [lines[0], *moved[1:]])


def _lines(work: Work, value: Value) -> list[str]:
    text = text_of(value, work)
    work.items(text.count("\n") + 1)
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _split(work: Work, value: Value, separator: str | None = None, maximum: int | None = None) -> list[str]:
    text = text_of(value, work)
    if separator == "":
        raise Misuse("the separator is empty")
    work.items(min(text.count(separator) if separator else len(text) // 2, MAX_ITEMS) + 1)
    return text.split(separator, -1 if maximum is None else _count("split", maximum))


def _tojson(work: Work, value: Value, indent: int | None = None) -> str:
    text = json_text(value, work, None if indent is None else _count("tojson", indent))
    work.text(len(text) + 5 * sum(text.count(letter) for letter in _HTML))
    return re.sub("[<>&']", lambda match: _HTML[match[0]], text)


# -- numbers ----------------------------------------------------------------------------------------------------


def _abs(work: Work, value: Value) -> Value:
    return number(abs(_number("abs", value)))


def _round(work: Work, value: Value, precision: int = 0, method: str = "common") -> Value:
    given, decimals = _number("round", value), _count("round", precision)
    if isinstance(given, int):
        return given
    match method:
        case "common":
            return round(given, min(decimals, _MAX_DECIMALS))
        case "ceil" | "floor":
            scale = 10.0 ** min(decimals, _MAX_DECIMALS)
            scaled = number(given * scale)
            return (math.ceil(scaled) if method == "ceil" else math.floor(scaled)) / scale
        case _:
            raise Misuse('"round" knows the methods common, ceil and floor')


def _int(work: Work, value: Value, default: Value = 0) -> Value:
    try:
        whole = not isinstance(value, str) or value.strip().lstrip("+-").isdecimal()
        return number(int(value) if whole else int(float(value)))
    except (TypeError, ValueError, OverflowError):
        return default


def _float(work: Work, value: Value, default: Value = 0.0) -> Value:
    try:
        return number(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


# -- lists ------------------------------------------------------------------------------------------------------


def _first(work: Work, value: Value) -> Value:
    items = items_of(value, work)
    return items[0] if items else Undefined("first of nothing")


def _last(work: Work, value: Value) -> Value:
    items = items_of(value, work)
    return items[-1] if items else Undefined("last of nothing")


def _join(work: Work, value: Value, separator: Value = "", attribute: Value = None) -> str:
    glue = text_of(separator, work)
    texts: list[str] = []
    chars = 0
    for item in items_of(value, work):
        texts.append(text_of(_attribute(work, item, attribute), work))
        chars += len(texts[-1]) + len(glue)
        work.step()
        if chars > MAX_TEXT_CHARS:
            break
    work.text(chars)
    return glue.join(texts)


def _sort(
    work: Work, value: Value, reverse: bool = False, case_sensitive: bool = False, attribute: Value = None
) -> list[Value]:
    def order(left: Value, right: Value) -> int:
        ours, theirs = (_folded(_attribute(work, each, attribute), case_sensitive) for each in (left, right))
        return compare(ours, theirs, work)

    return sorted(items_of(value, work), key=cmp_to_key(order), reverse=bool(reverse))


def _reverse(work: Work, value: Value) -> Value:
    if isinstance(value, str):
        return value[::-1]
    return list(reversed(items_of(value, work)))


def _unique(work: Work, value: Value, case_sensitive: bool = False, attribute: Value = None) -> list[Value]:
    kept: list[Value] = []
    seen: list[Value] = []
    scalars: set[Value] = set()
    for item in items_of(value, work):
        key = _folded(_attribute(work, item, attribute), case_sensitive)
        if isinstance(key, str | int | float | None):
            new = key not in scalars
            scalars.add(key)
        else:
            new = not any(equal(key, each, work) for each in seen)
            seen.append(key)
        if new:
            kept.append(item)
    return kept


def _list(work: Work, value: Value) -> list[Value]:
    return list(items_of(value, work))


def _map(work: Work, value: Value, name: str | None = None, *arguments: Value, **named: Value) -> list[Value]:
    items = items_of(value, work)
    work.step(len(items))
    if "attribute" in named:
        default = named.get("default", Undefined(f"attribute {named['attribute']!r}"))
        found = (_attribute(work, item, named["attribute"]) for item in items)
        return [default if isinstance(each, Undefined) else each for each in found]
    if name is None:
        raise Misuse('"map" wants the name of a filter, or an attribute')
    return [apply(work, _text("map", name), item, list(arguments), named) for item in items]


def _selected(wanted: bool, by_attribute: bool) -> Filter:
    def select(work: Work, value: Value, *arguments: Value) -> list[Value]:
        rest = list(arguments)
        if by_attribute and not rest:
            raise Misuse("the attribute is missing")
        attribute = rest.pop(0) if by_attribute else None
        name = _text("select", rest.pop(0)) if rest else None

        def holds(item: Value) -> bool:
            work.step()
            judged = _attribute(work, item, attribute)
            if name is not None:
                return test(work, name, judged, rest, {})
            return not isinstance(judged, Undefined) and bool(judged)

        return [item for item in items_of(value, work) if holds(item) is wanted]

    return select


def _extreme(sign: int) -> Filter:
    def extreme(work: Work, value: Value, case_sensitive: bool = False, attribute: Value = None) -> Value:
        found: Value = None
        for index, item in enumerate(items_of(value, work)):
            ours, theirs = (_folded(_attribute(work, each, attribute), case_sensitive) for each in (item, found))
            if index == 0 or compare(ours, theirs, work) * sign > 0:
                found = item
        return found if length_of(value) else Undefined("extreme of nothing")

    return extreme


def _sum(work: Work, value: Value, attribute: Value = None, start: Value = 0) -> Value:
    total = start
    for item in items_of(value, work):
        work.step()
        total = add(total, _attribute(work, item, attribute), work)
    return total


def _batch(work: Work, value: Value, size: int, fill: Value = None) -> list[list[Value]]:
    items, width = list(items_of(value, work)), _count("batch", size, least=1)
    batches = [items[index : index + width] for index in range(0, len(items), width)]
    if batches and fill is not None:
        work.items(width)
        batches[-1] += [fill] * (width - len(batches[-1]))
    return batches


def _slice(work: Work, value: Value, count: int, fill: Value = None) -> list[list[Value]]:
    items, pieces = list(items_of(value, work)), _count("slice", count, least=1)
    work.items(pieces)
    short, longer = divmod(len(items), pieces)
    slices: list[list[Value]] = []
    begin = 0
    for index in range(pieces):
        end = begin + short + (index < longer)
        slices.append(items[begin:end] + ([fill] if fill is not None and longer and index >= longer else []))
        begin = end
    return slices


# -- maps -------------------------------------------------------------------------------------------------------


def _items(work: Work, value: Value) -> list[Value]:
    if not isinstance(value, Mapping):
        raise Misuse(f"{kind_of(value)} has no items")
    work.items(len(value))
    return [list(pair) for pair in value.items()]


def _dictsort(
    work: Work, value: Value, case_sensitive: bool = False, by: str = "key", reverse: bool = False
) -> list[Value]:
    if by not in ("key", "value"):
        raise Misuse('"dictsort" sorts by key or value')
    at = 0 if by == "key" else 1

    def order(left: Sequence[Value], right: Sequence[Value]) -> int:
        ours, theirs = (_folded(pair[at], case_sensitive) for pair in (left, right))
        return compare(ours, theirs, work)

    return sorted(_items(work, value), key=cmp_to_key(order), reverse=bool(reverse))


def _default(work: Work, value: Value, default: Value = "", boolean: bool = False) -> Value:
    absent = isinstance(value, Undefined) or (boolean and not truth_of(value, work))
    return default if absent else value


# -- arguments --------------------------------------------------------------------------------------------------


def _text(name: str, value: Value) -> str:
    if isinstance(value, str):
        return value
    raise Misuse(f'"{name}" wants a text and got {kind_of(value)}')


def _number(name: str, value: Value) -> int | float:
    if is_number(value):
        return value  # type: ignore[no-any-return]
    raise Misuse(f'"{name}" wants a number and got {kind_of(value)}')


def _count(name: str, value: Value, least: int = 0) -> int:
    if isinstance(value, int) and least <= value <= MAX_ITEMS:
        return value
    raise Misuse(f'"{name}" wants a whole number from {least} to {MAX_ITEMS}')


def _attribute(work: Work, item: Value, path: Value) -> Value:
    """What `path`, names with dots between them, leads to; the item itself without one."""
    if path is None:
        return item
    for key in path.split(".") if isinstance(path, str) else (path,):
        try:
            item = member(item, int(key) if is_list(item) and str(key).isdecimal() else key, work)
        except KeyError:
            return Undefined(f"attribute {path!r}")
    return item


def _folded(value: Value, case_sensitive: bool) -> Value:
    return value if case_sensitive or not isinstance(value, str) else value.lower()


FILTERS: Final[Mapping[str, Filter]] = {
    "abs": _abs,
    "batch": _batch,
    "capitalize": _changed(str.capitalize),
    "count": lambda work, value: length_of(value),
    "d": _default,
    "default": _default,
    "dictsort": _dictsort,
    "first": _first,
    "float": _float,
    "indent": _indent,
    "int": _int,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": lambda work, value: length_of(value),
    "lines": _lines,
    "list": _list,
    "lower": _changed(str.lower),
    "map": _map,
    "max": _extreme(1),
    "min": _extreme(-1),
    "reject": _selected(wanted=False, by_attribute=False),
    "rejectattr": _selected(wanted=False, by_attribute=True),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "select": _selected(wanted=True, by_attribute=False),
    "selectattr": _selected(wanted=True, by_attribute=True),
    "slice": _slice,
    "sort": _sort,
    "split": _split,
    "string": lambda work, value: text_of(value, work),
    "sum": _sum,
    "title": _changed(_title),
    "tojson": _tojson,
    "trim": _trim,
    "unique": _unique,
    "upper": _changed(str.upper),
}
