"""Reading manifests: JSON, types, and what a manifest says of itself (runs.md R8.1, R8.2 steps 1 and 2)."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.runs.create.manifest import ManifestDraft, read_manifest
from fabro_core.runs.create.paths import normal_path, workflow_slug

EXAMPLE: dict[str, Any] = json.loads(r"""
{
  "version": 1, "cwd": "/projects/shop", "title": "Ship the release notes", "parent_id": null,
  "target": {"path": "flows/deploy/workflow.fabro"},
  "git": {"origin_url": "https://github.com/acme/shop.git", "branch": "main", "sha": "9f1c2d3", "dirty": "clean"},
  "goal": {"type": "value", "text": "Ship the release notes\nfor version 4.2"},
  "args": {"environment": "default", "dry_run": false, "label": ["team=web"], "input": ["version=4.2"]},
  "configs": [
    {"type": "project", "path": ".fabro/project.toml", "source": "_version = 1\n[project]\nname = \"shop\"\n"}],
  "workflows": {"flows/deploy/workflow.fabro": {
    "source": "digraph Deploy { start exit start -> exit }",
    "config": {"path": "flows/deploy/workflow.toml", "source": "_version = 1\n[workflow]\nname = \"Deploy\"\n"},
    "files": {"flows/deploy/notes.md":
      {"content": "Notes", "ref": {"type": "file_inline", "original": "@notes.md", "from": null}}}}}
}
""")
MINIMAL: dict[str, Any] = {
    "version": 1,
    "cwd": "/",
    "target": {"path": "w.fabro"},
    "workflows": {"w.fabro": {"source": "digraph D {}"}},
}


def read(manifest: object) -> ManifestDraft:
    return read_manifest(json.dumps(manifest).encode())


def refusal(body: bytes) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read_manifest(body)
    return caught.value.detail


def test_the_example_of_the_specification_is_read() -> None:
    draft = read(EXAMPLE)
    assert draft.workflow_path == "flows/deploy/workflow.fabro"
    assert [(file.kind, file.file, file.directory) for file in draft.settings_files] == [
        ("project", ".fabro/project.toml", ".fabro"),
        ("workflow", "flows/deploy/workflow.toml", "flows/deploy"),
    ]
    assert draft.args.layer.settings.run.metadata == {"team": "web"}
    assert draft.args.inputs == {"version": 4.2}


def test_a_manifest_needs_four_members_only() -> None:
    assert read(MINIMAL).settings_files == ()


def test_unknown_keys_and_a_run_id_are_ignored() -> None:
    unknown = {**MINIMAL, "run_id": 7, "future": {"x": [1]}, "target": {"path": "w.fabro", "x": 1}}
    assert read(unknown).workflow_path == "w.fabro"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The request body is not valid JSON."),
        (b"{", "The request body is not valid JSON."),
        (b"\xef\xbb\xbf{}", "The request body begins with a byte order mark; JSON is sent without one."),
        (b"manifest", "The request body is not valid JSON."),
        (json.dumps(MINIMAL).encode() + b" {}", "The request body is not valid JSON."),
        (b'{"x": NaN}', "The request body is not valid JSON."),
        (b'{"x": "\xff"}', "The request body is not valid JSON."),
        (b'{"x": ' + b"[" * 100_000, "The request body is nested too deeply."),
        (b"[]", "Expected object, got array."),
        (b"null", "Expected object, got null."),
        (b'"text"', "Expected object, got string."),
        (b"{}", "version: is required."),
    ],
)
def test_a_body_that_is_no_manifest_is_refused(body: bytes, detail: str) -> None:
    assert refusal(body) == detail


def changed(path: str, value: object) -> bytes:
    """The example with the member at a dotted path replaced."""
    manifest = deepcopy(EXAMPLE)
    manifest["workflows"] = {"w": manifest["workflows"].pop("flows/deploy/workflow.fabro")}
    manifest["target"] = {"path": "w"}
    *parents, last = path.split(".")
    parent = manifest
    for key in parents:
        parent = parent[key]
    parent[last] = value
    return json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("path", "value", "detail"),
    [
        ("version", "1", "version: expected integer, got string."),
        ("version", 1.0, "version: expected integer, got number."),
        ("version", True, "version: expected integer, got boolean."),
        ("version", 2, "version: must be 1."),
        ("version", 0, "version: must be 1."),
        ("cwd", None, "cwd: expected string, got null."),
        ("target", {}, "target.path: is required."),
        ("target", "w", "target: expected object, got string."),
        ("target.path", 3, "target.path: expected string, got integer."),
        ("title", 3, "title: expected string or null, got integer."),
        ("parent_id", 3, "parent_id: expected string or null, got integer."),
        ("git", {"branch": "main", "dirty": "clean"}, "git.origin_url: is required."),
        ("git.dirty", "filthy", "git.dirty: invalid enum value 'filthy'."),
        ("goal.type", "other", "goal.type: invalid enum value 'other'."),
        ("goal", {"type": "value"}, "goal.text: is required."),
        ("args.dry_run", "yes", "args.dry_run: expected boolean, got string."),
        ("args.label", "team=web", "args.label: expected array, got string."),
        ("args.input", ["a=1", 2], "args.input[1]: expected string, got integer."),
        ("args.input", ["a=1", "b"], "args.input[1]: must be KEY=VALUE."),
        ("configs", {}, "configs: expected array, got object."),
        ("configs", [{"type": "system"}], "configs[0].type: invalid enum value 'system'."),
        ("configs", [{"type": "project", "source": ""}], "configs[0].path: must name a file."),
        ("configs", [{"type": "project", "path": "~/x", "source": ""}], "configs[0].path: must be a relative path."),
        (
            "configs",
            [{"type": "project", "path": "x" * 1025, "source": ""}],
            "configs[0].path: must have at most 1024 characters.",
        ),
        (
            "configs",
            [{"type": "user", "path": "x" * 1025, "source": ""}],
            "configs[0].path: must have at most 1024 characters.",
        ),
        ("workflows", [], "workflows: expected object, got array."),
        ("workflows", {}, "workflows: must not be empty."),
        ("workflows", {"w": 3}, 'workflows["w"]: expected object, got integer.'),
        ("workflows", {"v": {"source": ""}, "w": {}}, 'workflows["w"].source: is required.'),
        (
            "workflows",
            {"w": {"source": "", "files": {"a.md": {}, "b.md": {"content": ""}}}},
            'workflows["w"].files["a.md"].content: is required.',
        ),
        ("workflows", {"w": {"source": 1}}, 'workflows["w"].source: expected string, got integer.'),
        ("workflows.w.config", {"path": "x"}, 'workflows["w"].config.source: is required.'),
        ("workflows.w.config.path", "/x", 'workflows["w"].config.path: must be a relative path.'),
        ("workflows.w.files", {"../../": {}}, 'workflows["w"].files["../../"].content: is required.'),
        ("workflows", {"/w": {"source": ""}}, 'workflows["/w"]: must be a relative path.'),
        (
            "workflows",
            {"w": {"source": ""}, "./w": {"source": ""}},
            'workflows["./w"]: another key names the same file.',
        ),
        ("target.path", "other", 'target.path: "other" is not among the workflows.'),
        ("target.path", "~/w", "target.path: must be a relative path."),
    ],
)
def test_a_member_that_is_wrong_is_named(path: str, value: object, detail: str) -> None:
    assert refusal(changed(path, value)) == detail


def test_the_files_of_a_workflow_stay_inside_the_project() -> None:
    entry = {"content": "", "ref": {"type": "file_inline", "original": "@x"}}
    assert refusal(changed("workflows.w.files", {"/etc/passwd": entry})) == (
        'workflows["w"].files["/etc/passwd"]: must be a relative path.'
    )


def settings_files(*configs: dict[str, Any], cwd: str = "/projects/shop") -> list[tuple[str, str, str, str]]:
    found = read({**MINIMAL, "cwd": cwd, "configs": list(configs)}).settings_files
    return [(file.kind, file.file, file.directory, file.source) for file in found]


def test_a_configuration_without_a_source_is_skipped() -> None:
    assert settings_files({"type": "project"}, {"type": "user", "path": "/x", "source": None}) == []


def test_the_configuration_of_the_user_needs_no_path() -> None:
    assert settings_files({"type": "user", "source": "x"}) == [("user", "configs[0]", "", "x")]


def test_of_several_configurations_of_a_type_the_last_one_with_a_source_counts() -> None:
    assert settings_files(
        {"type": "project", "path": "a/p.toml", "source": "one"},
        {"type": "user", "path": "/home/ann/s.toml", "source": "two"},
        {"type": "project", "path": "b/q.toml", "source": "three"},
        {"type": "project", "path": "c/r.toml"},
    ) == [("user", "/home/ann/s.toml", "", "two"), ("project", "b/q.toml", "b", "three")]


@pytest.mark.parametrize(
    ("path", "directory"),
    [
        ("/projects/shop/.fabro/project.toml", ".fabro"),
        ("/projects/shop/project.toml", ""),
        ("/projects/.fabro/project.toml", "../.fabro"),
        ("./.fabro/../x/project.toml", "x"),
    ],
)
def test_an_absolute_path_of_the_project_is_seen_from_the_working_directory(path: str, directory: str) -> None:
    assert settings_files({"type": "project", "path": path, "source": ""}) == [("project", path, directory, "")]


def test_an_absolute_path_cannot_be_seen_from_a_working_directory_that_is_none() -> None:
    config = {"type": "project", "path": "/p.toml", "source": ""}
    detail = refusal(json.dumps({**MINIMAL, "cwd": "", "configs": [config]}).encode())
    assert detail == "configs[0].path: must be a relative path, as cwd is none that it could be seen from."


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("version", "target.path"),
        ("target.path", "workflows"),
        ("workflows", "args.input"),
        ("args.input", "configs"),
    ],
)
def test_the_first_broken_step_decides(first: str, second: str) -> None:
    wrong: dict[str, Any] = {
        "version": 2,
        "target.path": "/w",
        "workflows": {},
        "args.input": ["x"],
        "configs": [{"type": "project", "source": "="}],
    }
    manifest = json.loads(changed(second, wrong[second]))
    *parents, last = first.split(".")
    parent = manifest[parents[0]] if parents else manifest
    parent[last] = wrong[first]
    assert refusal(json.dumps(manifest).encode()).startswith(first)


@given(st.binary())
def test_any_bytes_are_a_manifest_or_an_invalid_request(body: bytes) -> None:
    with suppress(InvalidRequest):
        read_manifest(body)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*EXAMPLE, "target.path", "workflows.w.files", "workflows.w.config", "args.input"]), _json)
def test_any_member_is_accepted_or_an_invalid_request(path: str, value: object) -> None:
    with suppress(InvalidRequest):
        read_manifest(changed(path, value))


# -- paths ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("a", "a"),
        ("a/b.fabro", "a/b.fabro"),
        ("./a", "a"),
        ("a/./b", "a/b"),
        ("a//b", "a/b"),
        ("a/../b", "b"),
        ("../a", "../a"),
        ("a/../../b", "../b"),
        ("../../a", "../../a"),
        ("a b/ü.fabro", "a b/ü.fabro"),
        ("a~/b", "a~/b"),
    ],
)
def test_a_path_is_folded_to_its_normal_form(path: str, normal: str) -> None:
    assert normal_path(path, "here") == normal


@pytest.mark.parametrize(
    "path", ["", ".", "a/..", "..", "../..", "/a", "~", "~/a", "C:/a", "c:a", "a\\b", "a\0b", "a\nb"]
)
def test_a_path_that_leaves_the_manifest_or_names_no_file_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^here: must "):
        normal_path(path, "here")


@given(st.text(st.sampled_from("a./"), max_size=12))
def test_normalising_twice_changes_nothing(path: str) -> None:
    with suppress(InvalidRequest):
        once = normal_path(path, "here")
        assert normal_path(once, "here") == once


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("flows/deploy/workflow.fabro", "deploy"),
        ("flows/deploy.fabro", "deploy"),
        ("workflow.fabro", "workflow"),
        ("workflow", "workflow"),
        ("deploy/workflow", "deploy"),
        ("../workflow.fabro", "workflow"),
        ("deploy", "deploy"),
        ("my.flow.fabro", "my.flow"),
        (".fabro", ".fabro"),
    ],
)
def test_a_workflow_is_called_after_its_file_or_its_directory(path: str, slug: str) -> None:
    assert workflow_slug(path) == slug
