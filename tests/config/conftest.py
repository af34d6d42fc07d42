"""Reading a settings document as the boot does, without plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fabro_core.config.load import Draft, Overrides, load
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.plugins.kinds import KINDS


class Read(NamedTuple):
    """What came of reading."""

    draft: Draft | None
    lines: list[str]
    """The problems, as reported."""


ReadSettings = Callable[..., Read]


@pytest.fixture
def read_settings(tmp_path: Path) -> ReadSettings:
    """Read TOML text as the settings file of a home in `tmp_path`."""

    def read(toml: str, overrides: Overrides | None = None, **environ: str) -> Read:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        (home / "settings.toml").write_text(toml)
        environ = {"FABRO_HOME": str(home), **environ}
        problems: list[Problem] = []
        try:
            draft = load(
                None, sections=KINDS.sections, environ=environ, overrides=overrides or Overrides(), problems=problems
            )
        except StartupError as error:
            return Read(None, [problem.line() for problem in error.problems])
        return Read(draft, [problem.line() for problem in problems])

    return read


@pytest.fixture
def server_of(read_settings: ReadSettings) -> Callable[..., Any]:
    """The effective `Server` settings of a document that has no problem."""

    def server(toml: str, overrides: Overrides | None = None, **environ: str) -> Any:
        read = read_settings(toml, overrides, **environ)
        assert read.lines == []
        assert read.draft is not None
        assert read.draft.settings is not None
        return read.draft.settings.server

    return server
