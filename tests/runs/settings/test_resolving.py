"""What merged settings come to (run-settings.md T6)."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.models.run_settings import (
    McpServerSettings,
    McpTransportHttp,
    McpTransportStdio,
)
from fabro_core.runs.settings.globs import glob_fault
from tests.runs.settings.samples import (
    fault,
    project,
    run_of,
    settled,
    user,
    workflow,
)

# -- goals (T6.1) ---------------------------------------------------------------------------------------------------

FILES = {"flows/deploy/texts/aim.md": "Beside the workflow", ".fabro/aim.md": "Beside the project", "aim.md": "In cwd"}


@pytest.mark.parametrize(
    ("source", "goal"),
    [
        (workflow("run.goal = 'Ship it'"), "Ship it"),
        (workflow("run.goal = ''"), ""),
        (workflow("[run]"), None),
        (workflow("run.goal.file = 'texts/aim.md'"), "Beside the workflow"),
        (workflow("run.goal.file = './x/../texts//aim.md'"), "Beside the workflow"),
        (workflow("run.goal.file = '../../.fabro/aim.md'"), "Beside the project"),
        (project("run.goal.file = 'aim.md'"), "Beside the project"),
        (user("run.goal.file = 'aim.md'"), "In cwd"),
    ],
)
def test_a_goal_is_text_or_a_file_seen_from_the_one_that_names_it(source: Any, goal: str | None) -> None:
    assert settled(source, files=FILES).goal == goal


def test_a_goal_file_is_seen_from_the_file_that_has_the_last_word() -> None:
    lower, higher = project("run.goal.file = 'aim.md'"), workflow("run.goal.file = 'texts/aim.md'")
    assert settled(lower, higher, files=FILES).goal == "Beside the workflow"
    assert settled(lower, workflow("run.clone.depth = 1"), files=FILES).goal == "Beside the project"


@pytest.mark.parametrize("path", ["gone.md", "/flows/deploy/texts/aim.md", "~/aim.md", "../../../aim.md", ""])
def test_a_goal_file_that_is_not_sent_along_is_told(path: str) -> None:
    reason = f'the manifest has no file "{path}" beside the settings file.'
    assert fault(f"run.goal.file = '{path}'", files=FILES) == f"1:10: run.goal.file: {reason}"


def test_a_path_of_a_goal_is_no_template() -> None:
    expected = '1:10: run.goal.file: must be a path without {{ }}, not "{{ vars.X }}.md".'
    assert fault("run.goal.file = '{{ vars.X }}.md'", files=FILES) == expected


def test_a_goal_of_the_manifest_makes_that_of_the_settings_irrelevant() -> None:
    for source in ("run.goal.file = 'gone.md'", "run.goal = '{{ vars.GONE }}'", "run.goal.file = '{{ x }}'"):
        assert settled(workflow(source), needs_goal=False).goal is None


# -- branches and pull requests (T6.2) ------------------------------------------------------------------------------


def test_without_a_run_branch_there_is_no_meta_branch() -> None:
    run = run_of("run.run_branch.enabled = false\nrun.meta_branch = { enabled = true, push = true }")
    assert run["run_branch"] == {"enabled": False, "push": True}
    assert run["meta_branch"] == {"enabled": False, "push": False}


@pytest.mark.parametrize(
    ("source", "pull_request"),
    [
        ("", None),
        ("run.pull_request = { draft = false, auto_merge = true }", None),
        ("run.pull_request.enabled = true", [True, False, "squash"]),
        ("run.pull_request = { enabled = true, draft = false, merge_strategy = 'merge' }", [False, False, "merge"]),
        ("run.pull_request = { enabled = true, draft = true, auto_merge = true }", [False, True, "squash"]),
    ],
)
def test_a_pull_request_is_opened_when_a_file_says_so(source: str, pull_request: list[Any] | None) -> None:
    found = run_of(source)["pull_request"]
    assert (found and [found["draft"], found["auto_merge"], found["merge_strategy"]]) == pull_request


@pytest.mark.parametrize("lacking", ["enabled", "push"])
def test_a_pull_request_needs_a_branch_that_is_pushed(lacking: str) -> None:
    found = fault(f"[run.run_branch]\n{lacking} = false\n[run.pull_request]\nenabled = true")
    assert found.endswith(f"run.pull_request: needs the branch of the run, and run.run_branch.{lacking} is false.")


# -- GitHub (T6.6) --------------------------------------------------------------------------------------------------


def github(repositories: list[str], permission: str = "read") -> str:
    return (
        f"[run.integrations.github]\nadditional_repositories = {repositories}\n"
        f"permissions = {{ contents = '{permission}' }}"
    )


def test_repositories_are_sorted_without_regard_to_case() -> None:
    found = run_of(github(["acme/b", "Acme/A", "acme/c.d_e-f"]))["integrations"]["github"]
    assert found["additional_repositories"] == ["Acme/A", "acme/b", "acme/c.d_e-f"]


@pytest.mark.parametrize(
    ("repositories", "path", "reason"),
    [
        (["acme"], "[0]", 'must be a repository as in "acme/shop", not "acme"'),
        (["acme/"], "[0]", 'must be a repository as in "acme/shop", not "acme/"'),
        (["-acme/a"], "[0]", 'must be a repository as in "acme/shop", not "-acme/a"'),
        (["acme-/a"], "[0]", 'must be a repository as in "acme/shop", not "acme-/a"'),
        (["acme/.."], "[0]", 'must be a repository as in "acme/shop", not "acme/.."'),
        (["acme/a/b"], "[0]", 'must be a repository as in "acme/shop", not "acme/a/b"'),
        ([f"{'a' * 40}/a"], "[0]", f'must be a repository as in "acme/shop", not "{"a" * 40}/a"'),
        (["acme/a", "other/b"], "[1]", "belongs to other; all must belong to one owner, and the first to acme"),
        (["acme/a", "ACME/A"], "[1]", 'names "ACME/A" again'),
        ([f"acme/r{n}" for n in range(500)], "", "has 500 entries, and at most 499 are allowed"),
    ],
)
def test_repositories_that_cannot_be_used_are_told(repositories: list[str], path: str, reason: str) -> None:
    found = fault(github(repositories))
    assert found.endswith(f"run.integrations.github.additional_repositories{path}: {reason}.")


@pytest.mark.parametrize("permission", ["read", "write", "{{ vars.P }}"])
def test_repositories_need_a_permission(permission: str) -> None:
    run_of(github(["acme/a"], permission), variables={"P": "x"})


@pytest.mark.parametrize("source", [github(["acme/a"], "none"), github(["acme/a"]).replace("contents", "issues")])
def test_repositories_without_a_permission_are_told(source: str) -> None:
    assert 'needs permissions.contents = "read" or "write"' in fault(source)


# -- globs (T6.7) ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "glob",
    [
        "a",
        "a/b.txt",
        "*",
        "**",
        "**/x",
        "a/**/b",
        "./a",
        ".//a",
        "a?",
        "[ab]",
        "[!a]",
        "[]]",
        "[!]]",
        "a b",
        "{{x}}",
        "..a",
    ],
)
def test_a_glob_that_names_files_is_admitted(glob: str) -> None:
    assert glob_fault(glob) is None


@pytest.mark.parametrize(
    ("glob", "reason"),
    [
        ("", "must name files"),
        ("./", "must name files"),
        ("././", "must name files"),
        ("/a", "must be seen from the working copy, not absolute"),
        ("C:/a", "must be seen from the working copy, not absolute"),
        ("a\\b", "must separate directories with /"),
        ("..", "must not lead out of the working copy with .."),
        ("a/../b", "must not lead out of the working copy with .."),
        ("./../a", "must not lead out of the working copy with .."),
        ("a**", "must have ** between slashes, as in logs/**/*.txt"),
        ("***/a", "must have ** between slashes, as in logs/**/*.txt"),
        ("[ab", "has a [ without its ]"),
        ("[]", "has a [ without its ]"),
        ("[!]", "has a [ without its ]"),
        ("[a/b]", "has a [ without its ]"),
    ],
)
def test_a_glob_that_does_not_is_told(glob: str, reason: str) -> None:
    assert glob_fault(glob) == reason


def test_a_glob_is_told_with_its_place() -> None:
    expected = '2:5: run.artifacts.include[1]: must not lead out of the working copy with ..: "../x".'
    assert fault("run.artifacts.include = ['ok/**',\n    '../x']") == expected


def test_a_glob_is_looked_at_again_with_its_variables() -> None:
    source = "run.artifacts.include = ['{{ vars.DIR }}/**']"
    assert run_of(source, variables={"DIR": "out"})["artifacts"]["include"] == ["out/**"]
    assert "run.artifacts.include[0]: must not lead out" in fault(source, variables={"DIR": ".."})


# -- MCP servers (T6.8) ---------------------------------------------------------------------------------------------

TICKETS = McpServerSettings(
    name="Tickets",
    transport=McpTransportHttp(protocol="sse", url="https://mcp.example/", headers={"Authorization": "hush"}),
    startup_timeout_secs=30,
    tool_timeout_secs=5,
)
FILES_SERVER = McpServerSettings(
    name="Files",
    transport=McpTransportStdio(command=("srv",), env={"TOKEN": "hush"}),
    startup_timeout_secs=30,
    tool_timeout_secs=5,
)


def test_a_reference_becomes_what_the_server_keeps_without_what_is_secret() -> None:
    servers = run_of(
        "run.agent.mcps.t.id = 'tickets'\nrun.agent.mcps.f.id = 'files'",
        mcp_servers={"tickets": TICKETS, "files": FILES_SERVER},
    )["agent"]["mcps"]
    assert servers["t"] == {
        "name": "t",
        "transport": {
            "type": "http",
            "protocol": "sse",
            "url": "https://mcp.example/",
            "headers": {"Authorization": "[REDACTED]"},
        },
        "startup_timeout_secs": 30,
        "tool_timeout_secs": 5,
    }
    assert servers["f"]["transport"] == {"type": "stdio", "command": ["srv"], "env": {"TOKEN": "[REDACTED]"}}


def test_a_reference_to_nothing_is_told() -> None:
    found = fault("run.agent.mcps.t.id = 'ticket'", mcp_servers={"tickets": TICKETS})
    assert found == '1:18: run.agent.mcps.t.id: this server keeps no MCP server "ticket"; did you mean "tickets"?'


def test_what_is_switched_off_is_not_looked_at() -> None:
    source = """
    run.agent.mcps.a = { id = "gone", enabled = false }
    run.agent.mcps.b = { type = "http", url = "{{ vars.GONE }}", enabled = false }
    """
    assert run_of(source)["agent"]["mcps"] == {}
