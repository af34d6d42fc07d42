"""The JSON Schemas of what operations read and answer, for the API document.

msgspec's generator says two things otherwise than readers take them. A Struct that leaves out what has its default
value never says null for it, so what is None by default is shown here as what may be absent, and as nothing else. And
patterns are Python's, where JSON Schema means those of JavaScript.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import inspect

JsonObject = dict[str, Any]

BINARY: Final[JsonObject] = {"type": "string", "format": "binary"}
REFERENCE: Final = "#/components/schemas/{name}"


class Schemas:
    """The schemas of some types, and the named ones that they refer to."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        self._kinds = [kind for kind in dict.fromkeys(kinds) if kind is not bytes]
        schemas, self.components = msgspec.json.schema_components(self._kinds, ref_template=REFERENCE)
        self._schemas = [with_known_patterns(schema) for schema in schemas]
        self.components = with_known_patterns(self.components)
        for struct in _structs(inspect.multi_type_info(self._kinds), set()):
            if struct.cls.__struct_config__.omit_defaults:
                _without_null(self.components[struct.cls.__name__], struct)

    def of(self, kind: Any) -> JsonObject:
        """The schema of one of the types; `bytes` is any file."""
        return BINARY if kind is bytes else self._schemas[self._kinds.index(kind)]


def with_known_patterns(schema: Any) -> Any:
    """The same with patterns that every reader of JSON Schema understands: there are no `\\A` and `\\Z`."""
    match schema:
        case dict():
            return {
                name: _known(value) if name == "pattern" and isinstance(value, str) else with_known_patterns(value)
                for name, value in schema.items()
            }
        case list():
            return [with_known_patterns(each) for each in schema]
        case _:
            return schema


def _known(pattern: str) -> str:
    return pattern.replace(r"\A", "^").replace(r"\Z", "$")


def optional_parameter(schema: Mapping[str, Any]) -> JsonObject:
    """The schema of a parameter that may be absent: there is no null in a query."""
    return _never_null(schema) if schema.get("default", False) is None else dict(schema)


def _without_null(component: JsonObject, struct: inspect.StructType) -> None:
    for field in struct.fields:
        if field.default is None:
            component["properties"][field.encode_name] = _never_null(component["properties"][field.encode_name])


def _never_null(schema: Mapping[str, Any]) -> JsonObject:
    said = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    alternatives = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(alternatives) == 1:
        return {**alternatives[0], **said}
    return said | ({"anyOf": alternatives} if alternatives else {})


def _structs(kinds: Iterable[inspect.Type], seen: set[type]) -> Iterator[inspect.StructType]:
    """Every Struct among the types and in what they hold, once."""
    for kind in kinds:
        match kind:
            case inspect.StructType(cls=cls, fields=fields):
                if cls not in seen:
                    seen.add(cls)
                    yield kind
                    yield from _structs((field.type for field in fields), seen)
            case inspect.Metadata(type=inner):
                yield from _structs((inner,), seen)
            case inspect.UnionType(types=types):
                yield from _structs(types, seen)
            case inspect.TupleType(item_types=types):
                yield from _structs(types, seen)
            case inspect.CollectionType(item_type=inner):
                yield from _structs((inner,), seen)
            case inspect.DictType(key_type=key, value_type=value):
                yield from _structs((key, value), seen)
