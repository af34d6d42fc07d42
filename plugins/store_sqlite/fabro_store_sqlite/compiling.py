"""SQLAlchemy Core statements to SQL text, once. What runs later is the text; nothing is compiled during a request."""

from __future__ import annotations

import re

from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = sqlite.dialect(paramstyle="named")


def sql(statement: ClauseElement) -> str:
    """The text, with `:name` for each `bindparam`.

    Numbers that stand in the statement stand in the text as well: the planner has to see them to choose a partial
    index, and nobody has to bind them.
    """
    compiled = statement.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    text = str(compiled)
    for bind, name in compiled.bind_names.items():
        if bind.unique:
            text = re.sub(rf":{name}\b", f"{bind.value:d}", text)
    return text
