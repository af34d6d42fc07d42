"""Asks a real server, on SQLite, for everything that its own document names, with requests that Schemathesis makes up.

Every answer has to be one that the document has, of its schema; none may be a failure of the server. The time is
bounded, and the seed is printed, so that a finding can be had again: `python -m tests.fuzz --seconds 600 --seed 7`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import httpx

from tests.races.server_process import TOKEN, ServerProcess, on_sqlite, server_process

CONFIGURATION: Final = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS: Final = Path(sys.prefix) / "fuzz" / "bin" / "schemathesis"
"""An environment of its own, since it needs much that nothing else here does."""
_FAILURE: Final = re.compile(r"^\S+ ERROR |^Traceback ")
"""A line of the log that is none of a server to which nothing has happened; what is only named answers 501."""
WORKFLOW: Final = """
digraph W {
    graph [goal="Ship"]
    s [shape=Mdiamond] a [script="true"] h [shape=hexagon, label="Go?"] x [shape=Msquare]
    s -> a -> h
    h -> x [label="[Y] Yes"]
    h -> a [label="[N] No"]
}
"""


def prepare(server: ServerProcess) -> list[str]:
    """The ids of a few runs in several states, so that not every made-up request ends at a 404."""
    manifest: dict[str, object] = {"version": 1, "cwd": "/projects/shop", "target": {"path": "w.fabro"}}
    manifest["workflows"] = {"w.fabro": {"source": WORKFLOW}}
    url, headers = f"http://{server.host}:{server.port}/api/v1", {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        runs = [client.post("/runs", json=manifest).raise_for_status().json()["id"] for _ in range(4)]
        client.post(f"/runs/{runs[1]}/start").raise_for_status()
        client.post(f"/runs/{runs[2]}/cancel").raise_for_status()
        client.post(f"/runs/{runs[2]}/archive").raise_for_status()
        client.post("/variables", json={"name": "REGION", "value": "eu-1"}).raise_for_status()
    return runs


def fuzz(server: ServerProcess, configuration: Path, seconds: int, seed: int) -> int:
    """The exit status of Schemathesis."""
    url = f"http://{server.host}:{server.port}"
    return subprocess.run(
        [
            SCHEMATHESIS,
            *("--config-file", configuration),
            "run",
            f"{url}/api/v1/openapi.json",
            *("--url", url),
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--max-time", str(seconds)),
            *("--seed", str(seed)),
            *("--request-timeout", "10"),
            "--continue-on-failure",
        ],
        cwd=configuration.parent,
    ).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        with server_process(home / "home", on_sqlite(home / "runs.db")) as server:
            (home / "runs.txt").write_text("\n".join(map(json.dumps, prepare(server))))
            configuration = Path(shutil.copy(CONFIGURATION, home))
            status = fuzz(server, configuration, given.seconds, given.seed)
            log = (home / "home" / "stdout.log").read_text()
        failures = [line for line in log.splitlines() if _FAILURE.search(line) and " status=501 " not in line]
    for line in failures:
        print(line)
    print(json.dumps({"seed": given.seed, "seconds": given.seconds, "failures in the log": len(failures)}))
    return 1 if failures else status


if __name__ == "__main__":
    sys.exit(main())
