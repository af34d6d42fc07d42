"""The documents of this repository: their code blocks and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_BLOCK: Final = re.compile(r"^```(?P<language>\w+)(?P<mark>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

ONLY_PARSED: Final = "only parsed"
"""How the title of a block begins that no test executes; readers see it above the block."""
_CELL_BORDER: Final = re.compile(r"(?<!\\)\|")
_CODE: Final = re.compile(r"`([^`]+)`")


DOCUMENTS: Final = sorted(
    str(path.relative_to(ROOT)) for pattern in ("*.md", "docs/**/*.md", "plugins/*/*.md") for path in ROOT.glob(pattern)
)
"""Every document that this repository's users read, below the root."""


def text_of(document: str) -> str:
    """The text of a document, by its path below the root."""
    return (ROOT / document).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block."""

    document: str
    language: str
    text: str
    only_parsed: bool
    """It says of itself that nobody executes it."""


def all_blocks(document: str) -> list[Block]:
    """Every fenced code block, in order."""
    return [
        Block(document, match["language"], match["text"], only_parsed=f'title="{ONLY_PARSED}' in match["mark"])
        for match in _BLOCK.finditer(text_of(document))
    ]


def blocks(document: str, language: str) -> list[str]:
    """The fenced code blocks of one language that tests execute, in order."""
    return [each.text for each in all_blocks(document) if each.language == language and not each.only_parsed]


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
