"""What a server process logs from start to stop, and that the documentation names every field (server.md S26)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_core import __version__
from tests.docs.documents import ROOT
from tests.races.server_process import TOKEN, on_sqlite, server_process

JSON_LOG = '[server.logging]\nformat = "json"\n'
CREDENTIALS: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": f"Bearer {TOKEN}"},
    {"Authorization": f"Bearer fabro_dev_{'1' * 64}"},
)


def logged(home: Path, database: Path, *arguments: str) -> list[dict[str, Any]]:
    """The lines of a server that is asked by a stranger, by somebody who is signed in, by a liar and by a probe."""
    with server_process(home, on_sqlite(database) + JSON_LOG, *arguments) as server:
        base = f"http://{server.host}:{server.port}"
        for headers in CREDENTIALS:
            httpx.get(f"{base}/api/v1/user", headers=headers, trust_env=False, timeout=30)
        httpx.get(f"{base}/health/ready", trust_env=False, timeout=30)
        assert server.stop() == 0
        return [json.loads(line) for line in (home / "stdout.log").read_text().splitlines()]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_start_and_a_stop_are_one_line_each_and_probes_none(workers: int, tmp_path: Path) -> None:
    lines = logged(tmp_path / "home", tmp_path / "fabro.db", "--workers", str(workers))

    told = [line["message"] for line in lines if line["logger"] == "fabro.server" and line["level"] == "info"]
    (started, stopped) = told
    assert re.fullmatch(
        rf"started: version {re.escape(__version__)}, pid \d+, on 127\.0\.0\.1:\d+, store sqlite, {workers} workers",
        started,
    )
    assert stopped == "stopped"
    assert [line["path"] for line in lines if line["logger"] == "fabro.access"] == ["/api/v1/user"] * 3


def documented() -> set[str]:
    """The fields of the table in the operator's guide."""
    text = (ROOT / "docs" / "operate" / "index.md").read_text(encoding="utf-8")
    rows = text.partition("| Field | Of | Meaning |\n")[2].partition("\n\n")[0].splitlines()
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_field_of_a_line_is_documented_and_none_beside_them(tmp_path: Path) -> None:
    lines = logged(tmp_path / "home", tmp_path / "fabro.db")

    assert {name for line in lines for name in line} == documented() - {"exception"}, "which only faults have"
