"""Merges layers, each key by its own rule (run-settings.md T2), and remembers who said what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from fabro_core.runs.settings.kinds import SPLICE_MARK, FileTable
from fabro_core.runs.settings.layers import Layer
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.model_hooks import Hook
from fabro_core.runs.settings.origins import Origins
from fabro_core.runs.settings.table import Rule, fields_of, unmentioned
from fabro_core.runs.settings.toml_places import Path

T = TypeVar("T", bound=FileTable)


def merge_layers(layers: Sequence[Layer], origins: Origins) -> SettingsFile:
    """What the layers say together, lowest first. A mark of a list with nothing below it is still there."""
    merged = SettingsFile()
    for layer in layers:
        merged = merge(merged, layer.settings, partial(origins.speak, layer))
    return merged


Speak = Callable[[Path, Path], None]
"""Told of every value that the higher side has: where it ends up, and where it stands there."""


def _untold(_path: Path, _at: Path) -> None:
    """Nobody asks where the values came from."""


def merge(lower: T, higher: T, speak: Speak = _untold, path: Path = ()) -> T:
    """One table over another of its kind. A key that the higher one does not mention is inherited."""
    if higher == unmentioned(type(higher)):
        return lower
    changed: dict[str, Any] = {}
    for field in fields_of(type(lower)).values():
        value = getattr(higher, field.name)
        if value is not None:
            changed[field.name] = RULES[field.rule](getattr(lower, field.name), value, speak, (*path, field.name))
    return replace(lower, **changed)


MergeRule = Callable[[Any, Any, Speak, Path], Any]
"""What becomes of the lower value, which may be None, and of the higher one, which is not."""


def _set(_lower: Any, higher: Any, speak: Speak, path: Path) -> Any:
    speak(path, path)
    return higher


def _set_unless_empty(lower: Any, higher: Any, speak: Speak, path: Path) -> Any:
    if not higher:
        return higher if lower is None else lower
    return _set(lower, higher, speak, path)


def _by_key(lower: Mapping[str, Any] | None, higher: Mapping[str, Any], speak: Speak, path: Path) -> Any:
    for key in higher:
        speak((*path, key), (*path, key))
    return {**(lower or {}), **higher}


def _deep(lower: Mapping[str, Any] | None, higher: Mapping[str, Any], speak: Speak, path: Path) -> Any:
    merged = dict(lower or {})
    for key, entry in higher.items():
        merged[key] = merge(merged.get(key, type(entry)()), entry, speak, (*path, key))
    return merged


def _splice(lower: Sequence[Any] | None, higher: Sequence[Any], speak: Speak, path: Path) -> Any:
    """A mark stays while nothing is below it: a layer further down may still come."""
    if not higher:
        return higher if lower is None else lower
    speak(path, path)
    if not lower or SPLICE_MARK not in higher:
        return higher
    first = higher.index(SPLICE_MARK)
    rest = tuple(item for item in higher[first + 1 :] if item != SPLICE_MARK)
    return (*higher[:first], *lower, *rest)


def _splice_by_key(lower: Mapping[str, Any] | None, higher: Mapping[str, Any], speak: Speak, path: Path) -> Any:
    merged = dict(lower or {})
    for key, items in higher.items():
        merged[key] = _splice(merged.get(key), items, speak, (*path, key))
    return merged


def _hooks(lower: Sequence[Hook] | None, higher: Sequence[Hook], speak: Speak, path: Path) -> Any:
    merged = list(lower or ())
    places = {hook.id: index for index, hook in enumerate(merged) if hook.id is not None}
    for index, hook in enumerate(higher):
        place = len(merged) if hook.id is None else places.setdefault(hook.id, len(merged))
        merged[place : place + 1] = [hook]
        speak((*path, place), (*path, index))
    return tuple(merged)


RULES: Final[dict[Rule, MergeRule]] = {
    Rule.SET: _set,
    Rule.WHOLE: _set,
    Rule.REPLACE: _set_unless_empty,
    Rule.REPLACE_OR_CLEAR: _set,
    Rule.LIST: _set_unless_empty,
    Rule.BY_KEY: _by_key,
    Rule.DEEP: _deep,
    Rule.FIELDS: merge,
    Rule.SPLICE: _splice,
    Rule.SPLICE_BY_KEY: _splice_by_key,
    Rule.HOOKS: _hooks,
}
"""What each rule does."""
