"""Run ids (runs.md R3)."""

from __future__ import annotations

import pytest

from fabro_core.models.ids import parse_run_id

CANONICAL = "01KJQ0QEPA7V9X1B2C4D6F8G0H"


@pytest.mark.parametrize("text", [CANONICAL, CANONICAL.lower(), "01kjq0QEPA7v9X1B2C4D6F8G0H"])
def test_a_ulid_in_any_letter_case_becomes_upper_case(text: str) -> None:
    assert parse_run_id(text) == CANONICAL


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANONICAL[:-1],
        CANONICAL + "0",
        "8" + CANONICAL[1:],
        CANONICAL.replace("K", "I"),
        CANONICAL.replace("K", "L"),
        CANONICAL.replace("K", "O"),
        CANONICAL.replace("K", "U"),
        CANONICAL[:-1] + "ß",
        "ﬀ" + CANONICAL[2:],
        CANONICAL + "\n",
        f" {CANONICAL}",
    ],
)
def test_anything_else_is_no_run_id(text: str) -> None:
    assert parse_run_id(text) is None
