"""The settings of plugins while they run: those of the start, but for what has changed since (server.md S17)."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.config.sections import Section
from fabro_core.config.tables import join


class CurrentSettings:
    """The settings of one plugin as they are now. Calling it gives the Struct, whose live fields may be newer than
    the start; each call gives one consistent state."""

    def __init__(self, section: Section, plugin: str, started: msgspec.Struct | None) -> None:
        """`section` is where the plugin is named. `started`: None for a plugin without settings."""
        self.section: Final = section
        self.plugin: Final = plugin
        self._now = started

    @property
    def path(self) -> str:
        """That of the plugin's table."""
        return join(self.section.path, self.plugin)

    def __call__(self) -> msgspec.Struct | None:
        return self._now

    def take_over(self, name: str, value: object) -> None:
        """Let the field of this name, in Python, have another value."""
        if self._now is not None:
            self._now = msgspec.structs.replace(self._now, **{name: value})
