"""Reads a settings file by the table: every fault with its line, and nothing coerced (run-settings.md T1.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from fabro_core.near import near_match
from fabro_core.runs.settings.faults import MAX_FAULTS, Fault, RefusedSettings, listed, quoted
from fabro_core.runs.settings.kinds import (
    FileTable,
    Kind,
    Leaf,
    ListKind,
    MapKind,
    TableKind,
    TextOrTableKind,
    Unfit,
    Variant,
    VariantKind,
    word_for,
)
from fabro_core.runs.settings.layers import Layer, LayerSource
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.older import FALLBACK_LIST, older_key, older_llm
from fabro_core.runs.settings.table import fields_of
from fabro_core.runs.settings.toml_places import Path
from fabro_core.runs.settings.toml_text import Document, UnreadableToml, read_toml

FILE_VERSION: Final = 1
FOREIGN_TABLES: Final = ("cli", "server", "llm")
"""May stand in any file and have no effect here; what they hold is not looked at."""

T = TypeVar("T", bound=FileTable)

_FALLBACKS: Final = ("run", "model", "fallbacks")


def read_layers(sources: Sequence[LayerSource]) -> list[Layer]:
    """The layers in these files. Raises `RefusedSettings` with the faults of all of them."""
    faults: list[Fault] = []
    layers = [layer for source in sources if (layer := read_layer(source, faults)) is not None]
    if faults:
        raise RefusedSettings(faults)
    return layers


def read_layer(source: LayerSource, faults: list[Fault]) -> Layer | None:
    """The layer in a file. None when it cannot be read at all; when faults are added, it is not to be used."""
    try:
        document = read_toml(source.source)
    except UnreadableToml as error:
        faults.append(Fault(file=source.file, line=error.line, column=error.column, reason=error.reason))
        return None
    settings = _Reader(source.file, document, faults).file()
    return Layer(
        kind=source.kind,
        settings=settings,
        file=source.file,
        directory=source.directory,
        raw=document.values,
        document=document,
    )


class _Reader:
    """Turns the values of a document into the model. What is faulty becomes None, and a fault beside it."""

    def __init__(self, file: str, document: Document, faults: list[Fault]) -> None:
        self._file = file
        self._document = document
        self._faults = faults

    def file(self) -> SettingsFile:
        for path, reason in self._document.foreign_values():
            self._report(path, reason)
        values = dict(self._document.values)
        self._version(values)
        for key in older_llm(values.get("llm")):
            self._report(("llm", key), "older key, now [run.model]")
        for key in FOREIGN_TABLES:
            values.pop(key, None)
        known = ("_version", *fields_of(SettingsFile), *FOREIGN_TABLES)
        return self._table(values, SettingsFile, (), known)

    def _version(self, values: dict[str, Any]) -> None:
        version = values.pop("_version", FILE_VERSION)
        if not isinstance(version, int) or isinstance(version, bool):
            self._report(("_version",), f"must be the number {FILE_VERSION}, not {word_for(version)}")
        elif version != FILE_VERSION:
            self._report(("_version",), f"is {version}, and this server understands {FILE_VERSION}")

    def _report(self, path: Path, reason: str) -> None:
        if not self._is_full:
            line, column = self._document.place(path)
            self._faults.append(Fault(file=self._file, line=line, column=column, path=path, reason=reason))

    @property
    def _is_full(self) -> bool:
        return len(self._faults) > MAX_FAULTS

    # -- values -------------------------------------------------------------------------------------------------

    def _value(self, value: Any, kind: Kind, path: Path) -> Any:
        match kind:
            case Leaf():
                return self._leaf(value, kind, path)
            case ListKind() if isinstance(value, list):
                if kind.not_empty and not value:
                    self._report(path, "must not be empty")
                return tuple(self._value(item, kind.item, (*path, index)) for index, item in enumerate(value))
            case MapKind() if isinstance(value, dict):
                return {key: self._value(item, kind.item, (*path, key)) for key, item in value.items()}
            case TableKind() if isinstance(value, dict):
                return self._table(value, kind.table, path, tuple(fields_of(kind.table)))
            case TextOrTableKind() if isinstance(value, str):
                return self._leaf(value, kind.text, path)
            case TextOrTableKind() if isinstance(value, dict):
                return self._table(value, kind.table, path, tuple(fields_of(kind.table)))
            case VariantKind() if isinstance(value, dict):
                return self._variant(value, kind, path)
        is_older = path == _FALLBACKS and isinstance(value, list)
        self._report(path, FALLBACK_LIST if is_older else f"must be {kind.words}, not {word_for(value)}")
        return None

    def _leaf(self, value: Any, kind: Leaf, path: Path) -> Any:
        try:
            return kind.read(value)
        except Unfit as error:
            self._report(path, str(error))
            return None

    def _variant(self, values: Mapping[str, Any], kind: VariantKind, path: Path) -> Any:
        try:
            variant = kind.choose(values)
        except Unfit as error:
            self._report(path, str(error))
            return None
        return self._table(values, variant.table, path, tuple(fields_of(variant.table)), variant)

    def _table(
        self,
        values: Mapping[str, Any],
        table: type[T],
        path: Path,
        known: tuple[str, ...],
        variant: Variant | None = None,
    ) -> T:
        fields = fields_of(table)
        for key in values:
            if key not in fields:
                self._unknown((*path, key), known, variant)
        found: dict[str, Any] = {}
        for name, field in fields.items():
            if name in values:
                found[name] = self._value(values[name], field.kind, (*path, name))
            elif field.required:
                self._report(path, f"needs {name}")
                found[name] = None
        self._one_of(values, table, path)
        return table(**found)

    def _one_of(self, values: Mapping[str, Any], table: type[FileTable], path: Path) -> None:
        keys = table.exactly_one_of
        present = [key for key in keys if key in values]
        if keys and len(present) != 1:
            self._report(
                path, f"needs exactly one of {listed(keys, 'and')}, and has {'both' if present else 'neither'}"
            )

    # -- keys ---------------------------------------------------------------------------------------------------

    def _unknown(self, path: Path, known: tuple[str, ...], variant: Variant | None) -> None:
        if not self._is_full:  # a suggestion costs more than the key
            self._report(path, older_key(path) or f"unknown key; {_suggestion(str(path[-1]), known, variant)}")


def _suggestion(key: str, known: tuple[str, ...], variant: Variant | None) -> str:
    if variant is not None:
        return f"a {variant.name} has {listed(known, 'and')}"
    if not known:
        return "this table has no keys"
    near = near_match(key, known)
    return f"did you mean {quoted(near)}?" if near else f"known here are {listed(known, 'and')}"
