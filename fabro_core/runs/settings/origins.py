"""Which layer each value of the merged settings came from, and what it overruled (run-settings.md T9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import msgspec

from fabro_core.models.setting_origins import OverruledSetting, SettingOrigin, SettingsLayer
from fabro_core.runs.settings.defaults import mentionable_paths
from fabro_core.runs.settings.faults import Fault, dotted
from fabro_core.runs.settings.layers import Layer
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.toml_places import Path

MAX_SHOWN: Final = 2_000
"""Each names a file; a map of settings can have as many keys as a file has room for."""


class Spoken(msgspec.Struct, frozen=True):
    """A value in a layer."""

    layer: Layer
    path: Path
    """Where it stands in the layer; not always where it ends up."""


class Origins:
    """The values that layers speak of, by their path in the merged settings; the newest word comes first."""

    def __init__(self) -> None:
        self._spoken: dict[Path, tuple[Spoken, ...]] = {}

    def speak(self, layer: Layer, path: Path, at: Path, *, overruling: Spoken | None = None) -> None:
        """The layer has a value for `path`, which it writes at `at`. `overruling`: a part of what was spoken before."""
        below = self._spoken.get(path) or (() if overruling is None else (overruling,))
        self._spoken[path] = (Spoken(layer, at), *below)

    def lay_over(self, below: Path, above: Path) -> None:
        """What is spoken of things below `below` is spoken of those below `above` too, and is overruled there."""
        for path, spoken in list(self._spoken.items()):
            if path[: len(below)] == below:
                target = above + path[len(below) :]
                self._spoken[target] = (*self._spoken.get(target, ()), *spoken)

    def of(self, path: Path) -> Spoken | None:
        """Who speaks of the value at a path, or of the nearest thing that it is part of; None for a default."""
        for length in range(len(path), 0, -1):
            spoken = self._spoken.get(path[:length])
            if spoken:
                return Spoken(spoken[0].layer, spoken[0].path + path[length:])
        return None

    def fault(self, path: Path, reason: str) -> Fault:
        """A fault of a merged value, with the file and line that say it."""
        spoken = self.of(path)
        if spoken is None or spoken.layer.document is None:
            return Fault(path=path, reason=reason)
        line, column = spoken.layer.document.place(spoken.path)
        return Fault(file=spoken.layer.file, line=line, column=column, path=path, reason=reason)

    def shown(self, paths: Iterable[Path]) -> dict[str, SettingOrigin]:
        """Who speaks of each of these values, or of single things in it; the built-in default where nobody does.

        Where there are more than `MAX_SHOWN`, single things are not told apart.
        """
        parts: dict[Path, list[Path]] = {path: [] for path in paths}
        for path in self._spoken:
            owner = next((path[:length] for length in range(len(path), 0, -1) if path[:length] in parts), None)
            if owner is not None:
                parts[owner].append(path)
        if sum(map(len, parts.values())) > MAX_SHOWN:
            return {dotted(owner): self._highest(spoken) for owner, spoken in parts.items()}
        names = _names()
        return {
            names.get(path) or dotted(path): _shown(self._spoken[path]) if path in self._spoken else _DEFAULT
            for owner, spoken in parts.items()
            for path in spoken or [owner]
        }

    def _highest(self, paths: Iterable[Path]) -> SettingOrigin:
        """The highest layer that speaks of any of these values."""
        layers = [self._spoken[path][0].layer for path in paths]
        if not layers:
            return _DEFAULT
        highest = max(layers, key=lambda layer: _ORDER.index(layer.kind))
        return SettingOrigin(layer=highest.kind, path=highest.file)


@cache
def _names() -> Mapping[Path, str]:
    """The keys that no client has named; every run shows them."""
    return {path: dotted(path) for path in mentionable_paths(SettingsFile())}


_ORDER: Final = tuple(SettingsLayer)
_DEFAULT: Final = SettingOrigin(layer=SettingsLayer.DEFAULT, path=None)


def _shown(spoken: tuple[Spoken, ...]) -> SettingOrigin:
    newest, *overruled = spoken
    return SettingOrigin(
        layer=newest.layer.kind,
        path=newest.layer.file,
        overruled=tuple(
            OverruledSetting(layer=each.layer.kind, path=each.layer.file, value=each.layer.written(each.path))
            for each in overruled
        ),
    )
