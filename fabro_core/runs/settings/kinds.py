"""What a value of a settings file may be: the types of run-settings.md T3, with how they are read and described."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final

import msgspec

from fabro_core.near import near_match
from fabro_core.runs.settings.faults import listed, quoted
from fabro_core.runs.settings.units import DURATION_FORM, SIZE_FORM, milliseconds, size_in_bytes

JsonObject = dict[str, Any]


class Unfit(ValueError):
    """A value that is not of the kind; the text says what to write, without full stop."""


class FileTable(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the tables of the file model.

    A field that is None is not mentioned; an empty list or map is, and may mean something of its own.
    """

    exactly_one_of: ClassVar[tuple[str, ...]] = ()
    """Keys that exclude each other, and one of which there must be."""


@dataclass(frozen=True, slots=True)
class Kind(abc.ABC):
    """The type of a key."""

    @property
    @abc.abstractmethod
    def words(self) -> str:
        """In words of TOML, as in "must be a text"."""


@dataclass(frozen=True, slots=True)
class Leaf(Kind):
    """A kind whose values hold no others."""

    @abc.abstractmethod
    def read(self, value: object) -> object:
        """The value in the model's form. Raises `Unfit`."""

    @abc.abstractmethod
    def schema(self) -> JsonObject:
        """In JSON Schema; it admits every value that `read` admits."""

    def _refuse(self, value: object) -> Unfit:
        return Unfit(f"must be {self.words}, not {word_for(value)}")


def word_for(value: object) -> str:
    """What a value is, in words of TOML."""
    match value:
        case bool():
            return "true or false"
        case int():
            return "a number"
        case float():
            return "a number with a fraction"
        case str():
            return "a text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


# -- leaves -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextKind(Leaf):
    variables: bool = False
    """Whether `{{ vars.NAME }}` in it is replaced (run-settings.md T7)."""

    @property
    def words(self) -> str:
        return "a text"

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise self._refuse(value)
        return value

    def schema(self) -> JsonObject:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class FlagKind(Leaf):
    @property
    def words(self) -> str:
        return "true or false"

    def read(self, value: object) -> object:
        if not isinstance(value, bool):
            raise self._refuse(value)
        return value

    def schema(self) -> JsonObject:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class NumberKind(Leaf):
    low: int
    high: int

    @property
    def words(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def read(self, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(value)
        if not self.low <= value <= self.high:
            raise Unfit(f"must be {self.words}, not {value}")
        return value

    def schema(self) -> JsonObject:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True, slots=True)
class DurationKind(Leaf):
    @property
    def words(self) -> str:
        return 'a duration in quotes: digits and one of ms, s, m, h, d, as in "90s"'

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise self._refuse(value)
        duration = milliseconds(value)
        if duration is None:
            raise Unfit(f"must be {self.words}, not {quoted(value)}")
        return duration

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": f"^{DURATION_FORM}$"}


@dataclass(frozen=True, slots=True)
class SizeKind(Leaf):
    @property
    def words(self) -> str:
        return 'a size: digits and a unit, as in "8GB" or "512MiB", or a whole number of GB'

    def read(self, value: object) -> object:
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise self._refuse(value)
        size = size_in_bytes(value)
        if size is None:
            raise Unfit(f"must be {self.words}, not {quoted(str(value))}")
        return size

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "string", "pattern": f"^{SIZE_FORM}$"}, {"type": "integer", "minimum": 0}]}


@dataclass(frozen=True, slots=True)
class ChoiceKind(Leaf):
    choices: tuple[str, ...]

    @property
    def words(self) -> str:
        return listed(map(quoted, self.choices))

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise self._refuse(value)
        if value not in self.choices:
            near = near_match(value, self.choices)
            hint = f"; did you mean {quoted(near)}?" if near else ""
            raise Unfit(f"must be {self.words}, not {quoted(value)}{hint}")
        return value

    def schema(self) -> JsonObject:
        return {"enum": list(self.choices)}


@dataclass(frozen=True, slots=True)
class LowerCaseKind(Leaf):
    """A word that is one of several in any letter case; whether it is, only the selected environment is asked."""

    choices: tuple[str, ...]

    @property
    def words(self) -> str:
        return listed(map(quoted, self.choices))

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise self._refuse(value)
        return value.lower()

    def schema(self) -> JsonObject:
        return {"type": "string", "examples": list(self.choices)}


@dataclass(frozen=True, slots=True)
class ModelReferenceKind(Leaf):
    @property
    def words(self) -> str:
        return 'a model, as in "sonnet" or "anthropic/sonnet"'

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise self._refuse(value)
        if value == SPLICE_MARK:
            return value
        provider, slash, model = value.partition("/")
        if not slash or ":" in provider:
            if not value:
                raise Unfit(f"must be {self.words}, not an empty text")
            return value
        if not provider or not model or "/" in model:
            raise Unfit(f'must be a model or "provider/model" with one slash, not {quoted(value)}')
        return f"{provider}:{model}"

    def schema(self) -> JsonObject:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class AnyKind(Leaf):
    @property
    def words(self) -> str:
        return "any value but a date or time"

    def read(self, value: object) -> object:
        return value

    def schema(self) -> JsonObject:
        return {}


SPLICE_MARK: Final = "..."
"""Stands for the list of the layers below."""


# -- what holds others --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListKind(Kind):
    item: Kind
    not_empty: bool = False

    @property
    def words(self) -> str:
        return "a list"


@dataclass(frozen=True, slots=True)
class MapKind(Kind):
    item: Kind

    @property
    def words(self) -> str:
        return "a table"


@dataclass(frozen=True, slots=True)
class TableKind(Kind):
    table: type[FileTable]

    @property
    def words(self) -> str:
        return "a table"


@dataclass(frozen=True, slots=True)
class TextOrTableKind(Kind):
    """Two forms of one key, such as `goal = "…"` and `goal = {file = "…"}`."""

    text: TextKind
    table: type[FileTable]

    @property
    def words(self) -> str:
        return f"a text or a table with the key {listed(self.table.__struct_fields__)}"


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several forms of a table."""

    name: str
    """As in "a hook with a URL"."""
    table: type[FileTable]
    chosen_by: str
    """What says that a table is of this form, in TOML."""


@dataclass(frozen=True, slots=True)
class VariantKind(Kind):
    """A table that has one of several forms."""

    variants: Sequence[Variant]
    choose: Callable[[Mapping[str, object]], Variant] = field(compare=False)
    """The form of a table. Raises `Unfit`."""

    @property
    def words(self) -> str:
        return "a table"


# -- in annotations -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """Marks a list that has at least one item."""


Text = Annotated[str, TextKind()]
VariableText = Annotated[str, TextKind(variables=True)]
Flag = Annotated[bool, FlagKind()]
Count = Annotated[int, NumberKind(0, 2**31 - 1)]
Port = Annotated[int, NumberKind(1, 65_535)]
Duration = Annotated[int, DurationKind()]
"""Milliseconds."""
Size = Annotated[int, SizeKind()]
"""Bytes."""
ModelReference = Annotated[str, ModelReferenceKind()]
Command = Annotated[tuple[VariableText, ...], NotEmpty()]
