"""Where a plugin comes from: an installed distribution, or the program that embeds the server.

Both are known without importing anything; `load()` imports.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePlugin:
    """A plugin that a program hands over in memory, as in `create_app(…, plugins=(InlinePlugin(…),))`.

    It counts when the settings select its name, and goes before an installed plugin of that name.
    """

    group: str
    """The entry-point group of its kind, one of `fabro_core.Group`."""
    name: str
    target: object
    """A module, or any object, with `FABRO_PLUGIN_API` and hookimpls."""

    @property
    def origin(self) -> str:
        return "handed over in memory"

    @property
    def label(self) -> str:
        """The plugin's name in problems."""
        return f"{self.name} ({self.origin})"

    @property
    def entry(self) -> str:
        return "the object"

    def load(self) -> object:
        """The object that holds the hookimpls."""
        return self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPlugin:
    """An entry point of an installed distribution."""

    group: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def origin(self) -> str:
        """Distribution and version, as in `fabro-auth-github 1.0.0`."""
        return f"{self.distribution} {self.version}"

    @property
    def label(self) -> str:
        """The plugin's name in problems."""
        return f"{self.name} ({self.origin})"

    @property
    def entry(self) -> str:
        """What is imported, as in `the entry point fabro_auth_github`."""
        return f"the entry point {self.entry_point.value}"

    def load(self) -> object:
        """Import the plugin; raises whatever the import raises."""
        return self.entry_point.load()


Plugin = InlinePlugin | InstalledPlugin
