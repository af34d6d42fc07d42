"""A new plugin package: its names, its files, and writing them without overwriting anything.

The files come from `templates/<word of the kind>/*.tmpl`, filled in with `string.Template`. Knows nothing of the
command line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from fabro_core import __version__, store
from fabro_core.config.values import PLUGIN_NAME_PATTERN
from fabro_core.errors import FabroError
from fabro_core.plugins.claims import prefix_problems
from fabro_core.plugins.kinds import AUTH, KINDS, Kind

WORDS: Final = {kind.word: kind for kind in KINDS if kind.word is not None}
"""The kinds that there are templates for, by their words on the command line."""

LONGEST_NAME: Final = 64
"""Characters. A name is a part of file names, of which systems take no more than 255 bytes."""

_SUFFIX: Final = ".tmpl"
_NO_NAME: Final = "acme"
"""What is proposed to whoever has typed nothing that a name could be made of."""


_CORE_NAMES: Final = frozenset(store.__all__)


class AlreadyThere(FabroError):
    """A file that would be written exists; nothing was written."""


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package that is about to be written. For a name that no such plugin can have it raises `ValueError`, with the
    reason and a name near to it that is free."""

    kind: Kind
    name: str
    """The entry-point name, which is the settings key (auth.md A1)."""

    def __post_init__(self) -> None:
        fault = name_fault(self.kind, self.name)
        if fault is not None:
            raise ValueError(f"{fault}; try {near_name(self.kind, self.name)}")

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
        return token_prefix(self.name)

    @property
    def type_name(self) -> str:
        """What classes are called by, which is no name that pytest would take for tests, or that the core has."""
        parts = "".join(part.capitalize() for part in self.name.split("-"))
        return f"My{parts}" if parts.startswith("Test") or f"{parts}Store" in _CORE_NAMES else parts

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

    def _filled(self, text: str) -> str:
        major = int(__version__.partition(".")[0])
        return Template(text).substitute(
            name=self.name,
            distribution=self.distribution,
            module=self.module,
            type_name=self.type_name,
            token_prefix=self.token_prefix,
            core=f"fabro-core>={major}.0,<{major + 1}",
        )


def name_fault(kind: Kind, name: str) -> str | None:
    """Why no plugin of a kind can have a name; None when it can."""
    if not PLUGIN_NAME_PATTERN.fullmatch(name):
        return "expected lower-case letters, digits and single dashes, beginning with a letter"
    if len(name) > LONGEST_NAME:
        return f"the name has {len(name)} characters, and may have {LONGEST_NAME}"
    if name in {*kind.shipped, *kind.shipped.values(), *kind.section.reserved}:
        return f'"{name}" is taken'
    if kind is AUTH and (problems := prefix_problems([(name, (token_prefix(name),))])):
        return problems[0].message
    return None


def near_name(kind: Kind, text: str) -> str:
    """A name that a plugin of a kind can have, and that is as much like `text` as that allows."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("-0123456789") or _NO_NAME
    name = words[:LONGEST_NAME].rstrip("-")
    return name if name_fault(kind, name) is None else f"my-{name}"[:LONGEST_NAME].rstrip("-")


def token_prefix(name: str) -> str:
    """What bearer tokens of an auth method with this name begin with."""
    return f"{name}_"


def _templates(kind: Kind) -> Iterator[tuple[str, str]]:
    """Path and text of each template of a kind; both hold placeholders."""
    directory = files("fabro_core.scaffold") / "templates" / str(kind.word)
    for template in sorted(directory.iterdir(), key=lambda each: each.name):
        yield template.name.removesuffix(_SUFFIX), template.read_text(encoding="utf-8")
