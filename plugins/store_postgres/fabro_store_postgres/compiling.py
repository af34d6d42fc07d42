"""SQLAlchemy Core statements to SQL text, once. What runs later is the text; nothing is compiled during a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT: Final = asyncpg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with `$1` for the first of `names`, and so on."""

    text: str
    names: tuple[str, ...]

    def arguments(self, binds: Mapping[str, Any]) -> list[Any]:
        """The values of its parameters in their order; `binds` may have more."""
        return [binds[name] for name in self.names]


def sql(statement: ClauseElement) -> Statement:
    """The statement as the driver takes it. Values that stand in it stand in the text as well: the planner has to see
    them to choose a partial index, and nobody has to bind them."""
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    assert isinstance(compiled, SQLCompiler)
    return Statement(str(compiled), tuple(compiled.positiontup or ()))
