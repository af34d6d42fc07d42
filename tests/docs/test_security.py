"""`docs/security.md` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [line for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines() if "`test" in line]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:40])
def test_a_threat_names_tests_that_exist(row: str) -> None:
    named = re.findall(r"`(test[\w/.]+)`", row.rsplit("|", 2)[1])

    assert named
    for name in named:
        if name.startswith("tests/"):
            assert (ROOT / name).is_file(), name
        else:
            assert any(f"def {name}(" in path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py")), name


def test_every_row_names_a_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| Threat")]
    assert rows == ROWS
