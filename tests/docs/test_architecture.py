"""`docs/architecture.md`: the program that embeds a server, and the files the page leads to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, blocks, text_of
from tests.docs.ports import free_port

START_SECONDS = 30


def test_the_embedding_program_serves(tmp_path: Path) -> None:
    port = free_port()
    (program,) = blocks("docs/architecture.md", "python")
    (tmp_path / "program.py").write_text(program.replace("3000", str(port)))
    (tmp_path / "settings.toml").write_text('[server.auth]\nmethods = ["dev-token"]\n[server.store]\nkind = "memory"\n')
    environ = {
        **os.environ,
        "FABRO_HOME": str(tmp_path / "home"),
        "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64,
        "SESSION_SECRET": "s" * 32,
    }
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert _first_answer(port) == 200
        finally:
            process.terminate()


def _first_answer(port: int) -> int:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < give_up_at, "it does not serve"
            time.sleep(0.05)
        finally:
            connection.close()


DOCUMENTS = ["README.md", "CHANGELOG.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = text_of(document)
    linked = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    named = re.findall(r"`((?:fabro_core|tests|benchmarks|examples|docs)/[\w./]+)`", text)
    within = re.findall(r"`((?:api|runs)/\w+\.py)`", text)
    directory = (ROOT / document).parent

    assert [target for target in linked if not (directory / target).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [name for name in within if not (ROOT / "fabro_core" / name).exists()] == []
