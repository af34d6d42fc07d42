"""Manifests that the client makes: everything that a workflow refers to, and nothing else (runs.md R8.1)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fabro_core.client.faults import ClientFailed
from fabro_core.client.git_context import without_credentials
from fabro_core.client.manifest import build_manifest, encode_manifest
from fabro_core.client.run_options import RunOptions
from fabro_core.errors import InvalidRequest
from fabro_core.runs.service import Runs
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing.clock import ManualClock
from tests.corpus.cases import CONFIG, PROJECT, USER, WORKFLOW, Case, cases

SMALL = "digraph W { start [shape=Mdiamond] done [shape=Msquare] start -> done }"
PART = 'digraph P { start [shape=Mdiamond] done [shape=Msquare] start -> p -> done p [prompt="@p.md"] }'
PLAIN = "digraph W {{ start [shape=Mdiamond] done [shape=Msquare] start -> done {} }}"


def written(root: Path, files: dict[str, str]) -> Path:
    """A directory with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def made(root: Path, workflow: str = "w.fabro", **options: Any) -> dict[str, Any]:
    """The manifest of a workflow as it is sent."""
    document: dict[str, Any] = json.loads(encode_manifest(build_manifest(workflow, cwd=root, **options)))
    return document


def files_of(manifest: dict[str, Any]) -> dict[str, str]:
    """The files of the target: contents by name."""
    target = manifest["workflows"][manifest["target"]["path"]]
    return {name: entry["content"] for name, entry in target.get("files", {}).items()}


def refs_of(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    target = manifest["workflows"][manifest["target"]["path"]]
    return {name: entry["ref"] for name, entry in target["files"].items()}


# -- the least, and options -------------------------------------------------------------------------------------


def test_the_least_manifest_says_nothing_that_was_not_said(tmp_path: Path) -> None:
    assert made(written(tmp_path, {"w.fabro": SMALL})) == {
        "version": 1,
        "cwd": str(tmp_path),
        "target": {"path": "w.fabro"},
        "workflows": {"w.fabro": {"source": SMALL}},
    }


def test_options_stand_where_the_server_looks_for_them(tmp_path: Path) -> None:
    options = RunOptions(
        title="Ship it",
        goal="Ship\nnow",
        parent_id="01KJPZQH2RK3M5N7P9Q1R2S4T6",
        inputs=["version=4.2", "x="],
        labels=["team=web"],
        model="m",
        provider="p",
        environment="ci",
        dry_run=False,
        auto_approve=True,
    )
    manifest = made(written(tmp_path, {"w.fabro": SMALL}), options=options)
    assert (manifest["title"], manifest["parent_id"]) == ("Ship it", "01KJPZQH2RK3M5N7P9Q1R2S4T6")
    assert manifest["goal"] == {"type": "value", "text": "Ship\nnow"}
    assert manifest["args"] == {
        "model": "m", "provider": "p", "environment": "ci", "dry_run": False, "auto_approve": True,
        "label": ["team=web"], "input": ["version=4.2", "x="],
    }  # fmt: skip


def test_texts_are_sent_byte_for_byte(tmp_path: Path) -> None:
    source = "\ufeff// ünïcode\r\n" + SMALL + "\r\n"
    assert made(written(tmp_path, {"w.fabro": source}))["workflows"]["w.fabro"]["source"] == source


def test_an_option_that_is_no_text_is_told(tmp_path: Path) -> None:
    manifest = build_manifest("w.fabro", cwd=written(tmp_path, {"w.fabro": SMALL}), options=RunOptions(title="\udcff"))
    with pytest.raises(ClientFailed, match="not UTF-8"):
        encode_manifest(manifest)


# -- which workflow ---------------------------------------------------------------------------------------------

PROJECT_TREE = {
    ".fabro/project.toml": '[project]\nname = "shop"\n',
    ".fabro/workflows/deploy/workflow.toml": '[workflow]\ngraph = "main.fabro"\n',
    ".fabro/workflows/deploy/main.fabro": SMALL,
    ".fabro/workflows/test/workflow.toml": "",
    ".fabro/workflows/test/workflow.fabro": SMALL,
    "flows/a/workflow.fabro": SMALL,
    "flows/a/other.fabro": SMALL,
    "flows/a/workflow.toml": "_version = 1\n",
}


@pytest.mark.parametrize(
    ("typed", "graph", "settings"),
    [
        ("flows/a/workflow.fabro", "flows/a/workflow.fabro", "flows/a/workflow.toml"),
        ("./flows/../flows/a/workflow.fabro", "flows/a/workflow.fabro", "flows/a/workflow.toml"),
        ("flows/a/workflow.toml", "flows/a/workflow.fabro", "flows/a/workflow.toml"),
        ("flows/a", "flows/a/workflow.fabro", "flows/a/workflow.toml"),
        ("flows/a/other.fabro", "flows/a/other.fabro", None),
        ("deploy", ".fabro/workflows/deploy/main.fabro", ".fabro/workflows/deploy/workflow.toml"),
        (".fabro/workflows/test/", ".fabro/workflows/test/workflow.fabro", ".fabro/workflows/test/workflow.toml"),
    ],
)  # fmt: skip
def test_a_workflow_is_found_by_its_files_its_directory_or_its_name(
    tmp_path: Path, typed: str, graph: str, settings: str | None
) -> None:
    manifest = made(written(tmp_path, PROJECT_TREE), typed)
    assert manifest["target"] == {"path": graph}
    assert manifest["workflows"][graph].get("config", {}).get("path") == settings


@pytest.mark.parametrize("within", [".", "flows", "flows/a"])
def test_an_absolute_path_is_named_from_the_directory_of_the_run(tmp_path: Path, within: str) -> None:
    written(tmp_path, PROJECT_TREE)
    manifest = made(tmp_path / within, str(tmp_path / "flows/a/workflow.fabro"))
    up = {".": "flows/a/", "flows": "a/", "flows/a": ""}[within]
    assert manifest["target"]["path"] == f"{up}workflow.fabro"
    project = {".": "", "flows": "../", "flows/a": "../../"}[within]
    assert [config["path"] for config in manifest["configs"]] == [f"{project}.fabro/project.toml"]


def test_a_workflow_elsewhere_is_named_with_steps_up(tmp_path: Path) -> None:
    written(tmp_path, {"here/x": "", "there/w.fabro": PLAIN.format('a [prompt="@a.md"]'), "there/a.md": "A"})
    manifest = made(tmp_path / "here", str(tmp_path / "there/w.fabro"))
    assert manifest["target"]["path"] == "../there/w.fabro"
    assert files_of(manifest) == {"../there/a.md": "A"}


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("gone.fabro", "gone.fabro: there is no such file"),
        ("depoly", 'there is no file and no workflow "depoly"; the project has deploy, test'),
        ("flows", "flows/workflow.fabro: there is no such file"),
        ("flows/b/workflow.toml", "its workflow .*flows/b/gone.fabro is not there"),
        ("flows/latin.fabro", "not a text in UTF-8"),
    ],
)
def test_a_workflow_that_cannot_be_sent_is_told_of(tmp_path: Path, typed: str, reason: str) -> None:
    written(tmp_path, {**PROJECT_TREE, "flows/b/workflow.toml": '[workflow]\ngraph = "gone.fabro"'})
    (tmp_path / "flows/latin.fabro").write_bytes(b"digraph \xff")
    with pytest.raises(ClientFailed, match=reason):
        made(tmp_path, typed)


# -- files ------------------------------------------------------------------------------------------------------


def test_every_file_that_is_referred_to_is_sent_and_no_other(tmp_path: Path) -> None:
    graph = """digraph W {
        graph [goal="@../common/aim.md"]
        start [shape=Mdiamond] done [shape=Msquare]
        a [prompt="@notes/ask.md", output_schema="@schema.json"]
        b [prompt="{% include 'parts/rules.md' %} and {% if 0 %}{% include 'parts/never.md' %}{% endif %}"]
        c [import="./lib/part.fabro"]
        d [prompt="@gone.md", label="@label.md"]
        e [shape=house, stack.child_workflow="../child/workflow.fabro"]
        start -> a -> b -> c -> d -> e -> done
    }"""
    written(
        tmp_path,
        {
            "flows/deploy/workflow.fabro": graph,
            "flows/common/aim.md": "Aim {% include 'more.md' %}",
            "flows/common/more.md": "more",
            "flows/deploy/notes/ask.md": "Ask {% include '../parts/rules.md' %}",
            "flows/deploy/schema.json": "{}",
            "flows/deploy/parts/rules.md": "rules {% include 'deep.md' %}",
            "flows/deploy/parts/deep.md": "deep",
            "flows/deploy/parts/never.md": "never",
            "flows/deploy/label.md": "not sent",
            "flows/deploy/lib/part.fabro": PART,
            "flows/deploy/lib/p.md": "P",
            "flows/child/workflow.fabro": PLAIN.format('q [prompt="@q.md"]'),
            "flows/child/workflow.toml": "_version = 1\n",
            "flows/child/q.md": "Q",
            "flows/unrelated.md": "not sent",
        },
    )  # fmt: skip
    manifest = made(tmp_path, "flows/deploy/workflow.fabro")
    assert set(files_of(manifest)) == {
        "flows/common/aim.md",
        "flows/common/more.md",
        "flows/deploy/notes/ask.md",
        "flows/deploy/schema.json",
        "flows/deploy/parts/rules.md",
        "flows/deploy/parts/deep.md",
        "flows/deploy/parts/never.md",
        "flows/deploy/lib/part.fabro",
        "flows/deploy/lib/p.md",
    }
    child = manifest["workflows"]["flows/child/workflow.fabro"]
    assert set(child["files"]) == {"flows/child/q.md"}
    assert child["config"]["path"] == "flows/child/workflow.toml"
    refs = refs_of(manifest)
    assert refs["flows/common/aim.md"] == {
        "type": "file_inline", "original": "@../common/aim.md", "from": "flows/deploy/workflow.fabro",
    }  # fmt: skip
    assert refs["flows/deploy/lib/part.fabro"] == {
        "type": "import", "original": "./lib/part.fabro", "from": "flows/deploy/workflow.fabro",
    }  # fmt: skip
    assert refs["flows/deploy/lib/p.md"]["from"] == "flows/deploy/lib/part.fabro"


def test_a_reference_that_inputs_make_is_followed(tmp_path: Path) -> None:
    written(
        tmp_path,
        {
            "workflow.fabro": PLAIN.format('a [prompt="{{ inputs.ask }}"] b [prompt="{{ inputs.other }}"]'),
            "workflow.toml": '[run.inputs]\nask = "@a.md"\nother = "@b.md"\n',
            "a.md": "A",
            "b.md": "B",
            "c.md": "C",
        },
    )
    assert files_of(made(tmp_path, "workflow.fabro")) == {"a.md": "A", "b.md": "B"}
    assert files_of(made(tmp_path, "workflow.fabro", options=RunOptions(inputs=["ask=@c.md"]))) == {
        "b.md": "B",
        "c.md": "C",
    }


def test_settings_files_and_what_they_refer_to_are_sent(tmp_path: Path) -> None:
    dockerfile = '[environments.x.image]\ndockerfile = {{ path = "{}" }}\n'
    written(
        tmp_path,
        {
            "flows/workflow.fabro": SMALL,
            "flows/workflow.toml": '[run]\ngoal = { file = "aim.md" }\n' + dockerfile.format("img/Dockerfile"),
            "flows/aim.md": "Aim for {% include 'who.md' %} with @not.md",
            "flows/who.md": "all",
            "flows/img/Dockerfile": "FROM a\n",
            ".fabro/project.toml": '[run.goal]\nfile = "low.md"\n' + dockerfile.format("../Dockerfile"),
            ".fabro/low.md": "Low",
            "Dockerfile": "FROM b\n",
            "home/settings.toml": '[run.goal]\nfile = "user.md"\n' + dockerfile.format("Dockerfile"),
            "user.md": "User's",
        },
    )
    manifest = made(tmp_path, "flows", user_settings=tmp_path / "home/settings.toml")
    assert [(config["type"], config["path"]) for config in manifest["configs"]] == [
        ("user", "home/settings.toml"),
        ("project", ".fabro/project.toml"),
    ]
    assert {name: (ref["type"], ref["from"]) for name, ref in refs_of(manifest).items()} == {
        "flows/aim.md": ("file_inline", "flows/workflow.toml"),
        "flows/who.md": ("file_inline", "flows/workflow.fabro"),
        "flows/img/Dockerfile": ("dockerfile", "flows/workflow.toml"),
        ".fabro/low.md": ("file_inline", ".fabro/project.toml"),
        "Dockerfile": ("dockerfile", ".fabro/project.toml"),
        "user.md": ("file_inline", "home/settings.toml"),
    }


@pytest.mark.parametrize("text", ["not toml", "[run]\ninputs = 3\ngoal = 4\n[environments]\nx = 5", "run = 1"])
def test_settings_that_are_wrong_are_sent_as_they_are(tmp_path: Path, text: str) -> None:
    manifest = made(written(tmp_path, {"workflow.fabro": SMALL, "workflow.toml": text}), "workflow.fabro")
    assert manifest["workflows"]["workflow.fabro"]["config"]["source"] == text


@pytest.mark.parametrize("graph", ["digraph", PLAIN.format('a [prompt="{% if %}"]'), ""])
def test_a_workflow_that_is_wrong_is_sent_as_it_is(tmp_path: Path, graph: str) -> None:
    assert made(written(tmp_path, {"w.fabro": graph}))["workflows"]["w.fabro"] == {"source": graph}


# -- git --------------------------------------------------------------------------------------------------------


def test_the_working_copy_is_told_of_without_credentials(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    written(tmp_path, {"w.fabro": SMALL})
    git("init", "-q", "-b", "main")
    assert "git" not in made(tmp_path)
    git("remote", "add", "origin", "https://ann:secret@github.com/acme/shop.git")
    told = {"origin_url": "https://github.com/acme/shop.git", "branch": "main", "sha": None, "dirty": "dirty"}
    assert made(tmp_path)["git"] == told
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert made(tmp_path)["git"] == {**told, "sha": git("rev-parse", "HEAD"), "dirty": "clean"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@example.com:8443/a.git", "https://example.com:8443/a.git"),
        ("https://token@example.com/a.git", "https://example.com/a.git"),
        ("git@github.com:acme/shop.git", "git@github.com:acme/shop.git"),
        ("ssh://git@example.com/a.git", "ssh://git@example.com/a.git"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_users_and_passwords_of_urls_are_left_out(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


# -- the same as the corpus -------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("case", [*cases("language"), *cases("settings")])
async def test_a_manifest_of_files_means_what_the_manifest_of_the_corpus_means(tmp_path: Path, case: Case) -> None:
    sent = case.manifest()
    if {"path", "project_path", "config_path"} & case.expected.get("manifest", {}).keys():
        pytest.skip("its paths are not those of files")
    target = sent["workflows"][WORKFLOW]
    tree = {name: workflow["source"] for name, workflow in sent["workflows"].items()}
    tree |= {name: entry["content"] for name, entry in target.get("files", {}).items()}
    tree |= {CONFIG: target["config"]["source"]} if "config" in target else {}
    kinds = {config["type"]: config["source"] for config in sent["configs"]}
    if len(kinds) != len(sent["configs"]):
        pytest.skip("a client finds one file of each type")
    tree |= {PROJECT: kinds["project"]} if "project" in kinds else {}
    tree |= {USER: kinds["user"]} if "user" in kinds else {}
    args = sent.get("args", {})
    options = RunOptions(
        goal=sent["goal"]["text"] if sent.get("goal", {}).get("type") in ("value", "file") else None,
        inputs=args.get("input", ()),
        labels=args.get("label", ()),
        **{key: args.get(key) for key in ("model", "provider", "environment", "dry_run", "auto_approve")},
        preserve_sandbox=args.get("preserve_sandbox"),
        title=sent.get("title"),
    )
    root = written(tmp_path, tree)
    user = root / USER if "user" in kinds else None
    manifest = build_manifest(WORKFLOW, cwd=root, options=options, user_settings=user)
    assert await _verdict(encode_manifest(manifest)) == await _verdict(json.dumps(sent))


async def _verdict(manifest: str) -> object:
    """What a server makes of a manifest: the compiled workflow with its settings, or why it is refused."""
    runs = Runs(MemoryRunStore(MemoryData()), ManualClock(), web_url=None)
    try:
        judgement = await runs.planner.judge(manifest.encode())
    except InvalidRequest as error:
        return type(error), str(error)
    return judgement.workflow, judgement.diagnostics
