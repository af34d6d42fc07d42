"""The documents of this repository: their code blocks and tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_BLOCK: Final = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CELL_BORDER: Final = re.compile(r"(?<!\\)\|")
_CODE: Final = re.compile(r"`([^`]+)`")


def text_of(document: str) -> str:
    """The text of a document, by its path below the root."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    """The fenced code blocks of one language, in order."""
    return [match["text"] for match in _BLOCK.finditer(text_of(document)) if match["language"] == language]


def table(document: str, *columns: str) -> list[list[str]]:
    """The cells of all tables whose header begins with these columns, without the header, row by row."""
    rows: list[list[str]] = []
    inside = False
    for line in text_of(document).splitlines():
        cells = [cell.strip().replace(r"\|", "|") for cell in _CELL_BORDER.split(line.strip())[1:-1]]
        if not cells:
            inside = False
        elif cells[: len(columns)] == list(columns):
            inside = True
        elif inside and not set("".join(cells)) <= set("-: "):
            rows.append(cells)
    assert rows, f"{document} has no table {columns}"
    return rows


def code(cell: str) -> list[str]:
    """The pieces of a cell that are marked as code."""
    return _CODE.findall(cell)
