"""What a JSON Schema of an OpenAPI document admits, however it is written, and how two of them differ.

`oneOf` with null and `type: [.., "null"]`, `const` and an `enum` of one, `allOf` and one object: a document may say the
same thing in several ways. A `Shape` is what they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.api.contract import named, resolved

Json = dict[str, Any]
Pair = tuple[Json, Json]
"""Something of ours, and what stands for it in the contract."""

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


@dataclass
class Shape:
    """Which values there may be; nothing is said about bounds, patterns and formats."""

    types: set[str] = field(default_factory=set)
    """Names of JSON types; empty: any."""
    values: set[Any] = field(default_factory=set)
    """The values chosen from, without null; empty: not from a set."""
    properties: dict[str, Json] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    others: Json | None = field(default_factory=dict)
    """What further properties may be; None: there may be none."""
    items: Json = field(default_factory=dict)
    variants: dict[str, Json] = field(default_factory=dict)
    """The alternatives of a union other than null, by what tells them apart."""


def shape_of(document: Json, schema: Json) -> Shape:
    """The shape of a schema of a document, with what it refers to."""
    schema = resolved(document, schema)
    types = schema.get("type", [])
    shape = Shape(
        types={types} if isinstance(types, str) else set(types),
        properties=dict(schema.get("properties", {})),
        required=set(schema.get("required", [])),
        others=_others(schema.get("additionalProperties", True)),
        items=_items(schema),
    )
    if schema.get("nullable", False):
        shape.types.add("null")
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        shape.values = {value for value in values if value is not None}
        shape.types = shape.types or {_TYPES[type(value)] for value in values}
    for part in schema.get("allOf", []):
        _merge(shape, shape_of(document, part))
    _alternate(document, shape, _alternatives(schema))
    return shape


def _alternatives(schema: Json) -> list[Json]:
    return [each for word in ("oneOf", "anyOf") for each in schema.get(word, [])]


def _others(schema: Json | bool) -> Json | None:
    """A schema written as true or false admits everything or nothing."""
    return schema if isinstance(schema, dict) else {} if schema else None


def _items(schema: Json) -> Json:
    """A list of a fixed length is a list of what all of its items are."""
    places = schema.get("prefixItems", [])
    if places:
        return dict(places[0]) if all(each == places[0] for each in places) else {}
    found = schema.get("items", True)
    return found if isinstance(found, dict) else {}


def _merge(shape: Shape, other: Shape) -> None:
    shape.types |= other.types
    shape.values |= other.values
    shape.properties |= other.properties
    shape.required |= other.required
    shape.items = other.items or shape.items
    shape.variants |= other.variants
    shape.others = shape.others if other.others == {} else other.others


def _alternate(document: Json, shape: Shape, alternatives: list[Json]) -> None:
    """One alternative beside null is that, and may be null; several are told apart by a tag, a name or their types."""
    present = [each for each in alternatives if resolved(document, each).get("type") != "null"]
    if len(present) < len(alternatives):
        shape.types.add("null")
    if len(present) == 1:
        _merge(shape, shape_of(document, present[0]))
        return
    for each in present:
        inner = shape_of(document, each)
        if inner.properties or inner.values:
            shape.variants[_tag(document, inner, each)] = each
        else:
            _merge(shape, inner)


def _tag(document: Json, shape: Shape, schema: Json) -> str:
    for name in sorted(shape.properties.keys() & shape.required):
        values = shape_of(document, shape.properties[name]).values
        if len(values) == 1:
            return f"{name}={next(iter(values))}"
    return named(schema) or "+".join(sorted(map(str, shape.values or shape.types)))


@dataclass
class Comparison:
    """Two documents, of which each pair of named schemas is compared once."""

    ours: Json
    theirs: Json
    seen: set[tuple[str | None, str | None]] = field(default_factory=set)

    def differences(self, pair: Pair, place: str) -> Iterator[str]:
        """In which places, and in what, a schema of ours differs from theirs.

        A place inside of a schema that has a name in the contract begins with it.
        """
        mine, its = shape_of(self.ours, pair[0]), shape_of(self.theirs, pair[1])
        names = (_name(self.ours, pair[0]), _name(self.theirs, pair[1]))
        if any(names):
            key = (names[0] or (str(pair[0]) if mine.variants else None), names[1])  # a union of ours has no name
            if key in self.seen:
                return
            self.seen.add(key)
            place = names[1] or f"{place}({names[0]})"
        if names[1] in mine.variants:
            yield from set_apart(set(mine.variants), {names[1]}, f"{place}: variant")
            yield from self.differences((mine.variants[names[1]], pair[1]), place)
            return
        yield from set_apart(mine.types - {"null"}, its.types - {"null"}, f"{place}: type")
        if "object" in its.types and "object" not in mine.types and not mine.variants:
            return
        yield from _shallow(mine, its, place)
        yield from self._nulls(mine, its, place)
        yield from self._deep(mine, its, place)

    def _nulls(self, mine: Shape, its: Shape, place: str) -> Iterator[str]:
        """The members that may be null in one of the two."""
        shared = mine.properties.keys() & its.properties.keys()
        ours = {name for name in shared if "null" in shape_of(self.ours, mine.properties[name]).types}
        theirs = {name for name in shared if "null" in shape_of(self.theirs, its.properties[name]).types}
        yield from set_apart(ours, theirs, f"{place}: null")

    def _deep(self, mine: Shape, its: Shape, place: str) -> Iterator[str]:
        for name in sorted(mine.properties.keys() & its.properties.keys()):
            yield from self.differences((mine.properties[name], its.properties[name]), f"{place}.{name}")
        for name in sorted(mine.variants.keys() & its.variants.keys()):
            yield from self.differences((mine.variants[name], its.variants[name]), f"{place}({name})")
        if mine.items and its.items:
            yield from self.differences((mine.items, its.items), f"{place}[]")
        if mine.others and its.others:
            yield from self.differences((mine.others, its.others), f"{place}{{}}")


def _name(document: Json, schema: Json) -> str | None:
    """The name of what a schema refers to, beside null or not."""
    alternatives = [
        each
        for each in (*_alternatives(schema), *schema.get("allOf", []))
        if resolved(document, each).get("type") != "null"
    ]
    return _name(document, alternatives[0]) if len(alternatives) == 1 else named(schema)


def _shallow(mine: Shape, its: Shape, place: str) -> Iterator[str]:
    yield from set_apart(mine.values, its.values, f"{place}: value")
    yield from set_apart(set(mine.properties), set(its.properties), f"{place}: property")
    yield from set_apart(mine.required, its.required, f"{place}: required")
    yield from set_apart(set(mine.variants), set(its.variants), f"{place}: variant")
    if _others_are(mine) != _others_are(its):
        yield f"{place}: other properties are {_others_are(mine)}, there {_others_are(its)}"
    if bool(mine.items) != bool(its.items):
        yield f"{place}: items are {'of a type' if mine.items else 'free'}"


def set_apart(ours: Iterable[Any], theirs: Iterable[Any], what: str) -> Iterator[str]:
    """What only one of two sets has."""
    mine, its = set(map(str, ours)), set(map(str, theirs))
    if its - mine:
        yield f"{what} missing: {', '.join(sorted(its - mine))}"
    if mine - its:
        yield f"{what} added: {', '.join(sorted(mine - its))}"


def _others_are(shape: Shape) -> str:
    if shape.others is None:
        return "refused"
    return "of a type" if shape.others else "free"
