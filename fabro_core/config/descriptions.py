"""What the source says about the fields of a Struct: the text below each field, as this project writes it.

Python keeps no such text at run time, so it is read from the source; without source there are no descriptions.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

import msgspec


def field_descriptions(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The descriptions by the field's name in Python, those of base classes included; each is one line."""
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            found |= dict(_described_fields(base))
    return found


def table_description(struct: type[msgspec.Struct]) -> str | None:
    """The first paragraph of a Struct's own docstring, as one line; None when it has none."""
    text = struct.__dict__.get("__doc__")
    return _one_line(inspect.cleandoc(text).split("\n\n")[0]) if isinstance(text, str) else None


def _described_fields(struct: type) -> Iterator[tuple[str, str]]:
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    except (OSError, TypeError, ValueError, SyntaxError):  # no source, or a class that was made by a call
        return
    if not isinstance(definition, ast.ClassDef):
        return
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
