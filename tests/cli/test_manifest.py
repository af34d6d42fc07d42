"""`fabro manifest` and `fabro validate` (server.md S25), and the example that does the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Home
from tests.cli.test_auth_local import dev_token, log_in_from_stdin

ROOT = Path(__file__).parents[2]
GOOD = 'digraph W { graph [goal="Ship"] start [shape=Mdiamond] exit [shape=Msquare] start -> exit }'
WARNED = """digraph W {
    graph [goal="Ship {{ inputs.version }}"]
    start [shape=Mdiamond]
    exit [shape=Msquare]
    draft [prompt="Write
  the {{ inputs.what }}"]
    start -> draft -> exit
}
"""
BROKEN = "digraph W { start [shape=Mdiamond] exit [shape=Msquare] start -> gone -> exit start -> exit }"


@pytest.fixture
def served(ready: Home) -> Home:
    """A home with a server that runs, and somebody who is logged in to it."""
    ready.start_foreground("--bind", str(ready.path / "fabro.sock"))
    assert log_in_from_stdin(ready, dev_token(ready)).returncode == 0
    return ready


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in (("good", GOOD), ("warned", WARNED), ("broken", BROKEN), ("none", "digraph W {\n start ->\n}")):
        (tmp_path / f"{name}.fabro").write_text(text)
    return tmp_path


def test_a_manifest_is_printed_without_a_server(home: Home, project: Path) -> None:
    done = home.run(
        "manifest", "good.fabro", "--cwd", str(project), "--title", "Ship it", "--input", "a=1", "--label", "team=web",
        "--no-dry-run",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "version": 1,
        "cwd": str(project),
        "title": "Ship it",
        "target": {"path": "good.fabro"},
        "args": {"dry_run": False, "label": ["team=web"], "input": ["a=1"]},
        "workflows": {"good.fabro": {"source": GOOD}},
    }


@pytest.mark.parametrize("option", ["--label", "--input"])
@pytest.mark.parametrize("entry", ["team", "=web", " =web", ""])
def test_what_has_no_key_or_no_value_is_told(home: Home, project: Path, option: str, entry: str) -> None:
    done = home.run("manifest", "good.fabro", "--cwd", str(project), option, "a=1", option, entry)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"Invalid value for '{option}': {entry!r} is not KEY=VALUE.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gone.fabro"], 1, "gone.fabro: there is no such file"),
        (["good.fabro", "--goal", "x", "--goal-file", "good.fabro"], 2, "exclude each other"),
        (["good.fabro", "--user-settings", "gone.toml"], 1, "gone.toml: there is no such file"),
        (["good.fabro", "--goal-file", "gone.md"], 1, "gone.md: there is no such file"),
        (["good.fabro", "--goal-file", "latin.md"], 1, "latin.md: not a text in UTF-8"),
    ],
)
def test_what_cannot_be_sent_is_told(home: Home, project: Path, arguments: list[str], code: int, said: str) -> None:
    (project / "latin.md").write_bytes(b"\xff")
    done = home.run("manifest", *arguments, "--cwd", str(project))
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_a_goal_is_taken_from_a_file(home: Home, project: Path) -> None:
    (project / "goal.md").write_text("Ship\nsoon\n")
    done = home.run("manifest", str(project / "good.fabro"), "--goal-file", str(project / "goal.md"))
    assert json.loads(done.stdout)["goal"] == {"type": "value", "text": "Ship\nsoon\n"}


def test_the_example_prints_what_the_command_prints(home: Home, project: Path) -> None:
    path = str(project / "good.fabro")
    example = [sys.executable, str(ROOT / "examples" / "manifest.py"), path, "Ship it"]
    done = subprocess.run(example, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == home.run("manifest", path, "--title", "Ship it").stdout


# -- validate -------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_workflow_is_said_as_a_compiler_says_it(served: Home, project: Path) -> None:
    good = served.run("validate", "good.fabro", "--cwd", str(project))
    warned = served.run("validate", "warned.fabro", "--cwd", str(project), "--input", "version=4.2")
    broken = served.run("validate", "broken.fabro", "--cwd", str(project))
    none = served.run("validate", "none.fabro", "--cwd", str(project))

    assert (good.returncode, good.stdout) == (0, "")
    assert good.stderr == "W: 2 nodes, 1 edge; nothing is wrong\n"
    assert warned.returncode == 0
    first, fix = warned.stdout.splitlines()
    assert first.startswith("warned.fabro:6:10: warning: ")
    assert "inputs.what" in first
    assert first.endswith("[template_undefined_variable]")
    assert fix.startswith("    ")
    assert warned.stderr == "W: 3 nodes, 2 edges; 1 warning\n"
    assert broken.returncode == 5
    assert "broken.fabro:1:" in broken.stdout
    assert "error: " in broken.stdout
    assert "[edge_target_exists]" in broken.stdout
    assert none.returncode == 5
    assert none.stdout.startswith("none.fabro:3:1: ")
    assert none.stderr == "Not a workflow that could be run.\n"


def test_the_servers_answer_is_printed_for_programs(served: Home, project: Path) -> None:
    broken = served.run("validate", "broken.fabro", "--cwd", str(project), "--json")
    none = served.run("validate", "none.fabro", "--cwd", str(project), "--json")

    assert (broken.returncode, broken.stderr) == (5, "")
    assert json.loads(broken.stdout)["ok"] is False
    assert none.returncode == 5
    assert json.loads(none.stdout)["errors"][0]["status"] == "400"


def test_whoever_is_not_logged_in_is_told_how_to(ready: Home, project: Path) -> None:
    ready.start_foreground("--bind", str(ready.path / "fabro.sock"))
    done = ready.run("validate", str(project / "good.fabro"))

    assert (done.returncode, done.stdout) == (4, "")
    assert "fabro auth login" in done.stderr
