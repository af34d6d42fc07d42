"""A new plugin package: its names, its files, and writing them without overwriting anything.

The files come from `templates/<word of the kind>/*.tmpl`, filled in with `string.Template`. Knows nothing of the
command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from fabro_core import __version__
from fabro_core.config.values import PLUGIN_NAME_PATTERN
from fabro_core.errors import FabroError
from fabro_core.plugins.claims import prefix_problems
from fabro_core.plugins.kinds import AUTH, KINDS, Kind

WORDS: Final = {kind.word: kind for kind in KINDS if kind.word is not None}
"""The kinds that there are templates for, by their words on the command line."""

_SUFFIX: Final = ".tmpl"


class AlreadyThere(FabroError):
    """A file that would be written exists; nothing was written."""


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package that is about to be written. Raises `ValueError` for a name that no such plugin can have."""

    kind: Kind
    name: str
    """The entry-point name, which is the settings key (auth.md A1)."""

    def __post_init__(self) -> None:
        if not PLUGIN_NAME_PATTERN.fullmatch(self.name):
            raise ValueError("expected lower-case letters, digits and single dashes, such as acme-sso")
        if self.name in self._taken_names():
            raise ValueError(f'"{self.name}" is taken; choose another name')
        if self.kind is AUTH and (problems := prefix_problems([(self.name, (self.token_prefix,))])):
            raise ValueError(problems[0].message)

    @property
    def distribution(self) -> str:
        """The name on the package index, which is that of the directory."""
        return f"{self.kind.group.replace('.', '-')}-{self.name}"

    @property
    def module(self) -> str:
        """The import name."""
        return self.distribution.replace("-", "_")

    @property
    def token_prefix(self) -> str:
        """What bearer tokens of such an auth method begin with."""
        return f"{self.name}_"

    def files(self) -> Mapping[Path, str]:
        """The content of every file, by its path below the package's directory."""
        return {Path(self._filled(path)): self._filled(text) for path, text in _templates(self.kind)}

    def write(self, directory: Path) -> tuple[Path, ...]:
        """Write the files below `directory`, which is created if need be; returns their paths.

        Raises `AlreadyThere` before anything is written, `OSError` when the directory cannot be written to.
        """
        content = {directory / path: text for path, text in self.files().items()}
        for path in content:
            if path.exists() or path.is_symlink():
                raise AlreadyThere(f"{path} exists; choose another directory")
        for path, text in content.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        return tuple(content)

    def _taken_names(self) -> set[str]:
        """What names a plugin or a distribution of this project, and what the core's own keys are called."""
        return {*self.kind.shipped, *self.kind.shipped.values(), *self.kind.section.reserved}

    def _filled(self, text: str) -> str:
        major = int(__version__.partition(".")[0])
        return Template(text).substitute(
            name=self.name,
            distribution=self.distribution,
            module=self.module,
            type_name="".join(part.capitalize() for part in self.name.split("-")),
            token_prefix=self.token_prefix,
            core=f"fabro-core>={major}.0,<{major + 1}",
        )


def _templates(kind: Kind) -> Iterator[tuple[str, str]]:
    """Path and text of each template of a kind; both hold placeholders."""
    directory = files("fabro_core.scaffold") / "templates" / str(kind.word)
    for template in sorted(directory.iterdir(), key=lambda each: each.name):
        yield template.name.removesuffix(_SUFFIX), template.read_text(encoding="utf-8")
