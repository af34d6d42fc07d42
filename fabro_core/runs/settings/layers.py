"""The layers that the settings of a run are merged from, lowest first (run-settings.md T1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fabro_core.models.setting_origins import SettingsLayer
from fabro_core.runs.settings.model import SettingsFile
from fabro_core.runs.settings.toml_places import Path
from fabro_core.runs.settings.toml_text import Document


class LayerSource(msgspec.Struct, frozen=True, kw_only=True):
    """A settings file as a manifest holds it."""

    kind: SettingsLayer
    file: str
    """What messages call it: its path as the manifest gives it, or its place in the manifest."""
    directory: str
    """Where paths in it are seen from, seen from the working directory; empty: the working directory itself."""
    source: str
    """TOML."""


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer says."""

    kind: SettingsLayer
    settings: SettingsFile
    file: str | None = None
    """As in `LayerSource`; None when it is no file."""
    directory: str = ""
    """As in `LayerSource`."""
    raw: Mapping[str, Any] = {}
    """Its values as they are written."""
    document: Document | None = None
    """The text; None when it is no file."""

    def written(self, path: Path) -> Any:
        """The value at a path as it is written; None when there is none."""
        value: Any = self.raw
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value
