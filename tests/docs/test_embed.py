"""`docs/embed.md`: its hosts are the examples, which `tests/embed` serves, and its program is run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, blocks
from tests.ports import free_port
from tests.test_imports import CORE

START_SECONDS = 60


def test_the_embedding_program_serves(tmp_path: Path) -> None:
    port = free_port()
    *_, program = blocks("docs/embed.md", "python")
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
        connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < give_up_at, "it does not serve"
            time.sleep(0.05)
        finally:
            connection.close()


def test_the_hosts_are_the_examples() -> None:
    *hosts, _ = blocks("docs/embed.md", "python")
    examples = [ROOT / "examples" / "embed" / f"{name}_host.py" for name in ("starlette", "fastapi", "litestar")]
    assert hosts == [example.read_text(encoding="utf-8") for example in examples]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("`server.limits.connections_per_client`", r"\.connections_per_client"),
        ("`FORWARDED_ALLOW_IPS`", r"\.trusted_proxies"),
        ("the limit of open files", r"setrlimit|DescriptorWatch\("),
        ("how large the head of a request may be", r"\bHEAD_BYTES\b"),
        ("how many requests may wait on a connection", r"\bPIPELINED_REQUESTS\b"),
        ("deadlines for the first byte", r"\bDeadlines\("),
        ("how long a stop waits", r"\bGRACE_SECONDS\b"),
        ("`server.logging`", r"\bconfigure_logging\("),
    ],
)
def test_what_only_a_server_process_enforces_is_in_its_package_alone(said: str, name: str) -> None:
    text = (ROOT / "docs" / "embed.md").read_text(encoding="utf-8")
    section = text.partition("## What only the server process enforces")[2].partition("\n## ")[0]
    users = [path for path in CORE.rglob("*.py") if re.search(name, path.read_text(encoding="utf-8"))]

    assert said in " ".join(section.split())
    assert users
    assert {path.relative_to(CORE).parts[0] for path in users} == {"server"}
