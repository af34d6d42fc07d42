"""The guides for plugin authors: their commands and files are tried, and a server starts with the plugins."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from tests.docs.author import Author, new_author
from tests.docs.documents import ROOT, blocks, text_of

pytestmark = pytest.mark.slow

STORE, AUTH, EXTENSION = "docs/write-a-store.md", "docs/write-an-auth-method.md", "docs/write-an-extension.md"
RESPONDER = "docs/write-a-responder.md"
KITS = {AUTH: "auth conformance", RESPONDER: "responder conformance"}

_NAMED_FILE = re.compile(r"`(?P<name>\w+\.py)`:\n\n```python\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def write_files(guide: str, directory: Path) -> None:
    """Write the files that a guide shows, under the names it gives them."""
    for match in _NAMED_FILE.finditer(text_of(guide)):
        (directory / match["name"]).write_text(match["text"])


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    return new_author(tmp_path_factory.mktemp("author"))


def test_the_store_that_the_guide_starts_with_passes_the_kit_and_serves(author: Author, tmp_path: Path) -> None:
    (commands,) = blocks(STORE, "sh")
    tested = author.run(tmp_path, "sh", "-ec", commands)
    assert tested.returncode == 0, tested.stdout + tested.stderr

    (settings,) = blocks(STORE, "toml")
    check_served(author, tmp_path, f'{settings}\n[server.auth]\nmethods = ["dev-token"]\n', "acme-runs")


def check_served(author: Author, directory: Path, settings: str, plugin: str) -> None:
    """What is installed is listed, and a server would start with it."""
    assert plugin in author.run(directory, "fabro", "plugins").stdout
    checked = author.check(directory, settings)
    assert (checked.returncode, checked.stdout) == (0, "ok\n"), checked.stderr
    assert len(checked.stderr.splitlines()) == 1, "the store's line, and no warning"


def test_the_excerpts_are_of_the_example_store_and_its_suite() -> None:
    example = (ROOT / "examples" / "stores" / "dict_store.py").read_text(encoding="utf-8")
    suite = (ROOT / "examples" / "stores" / "test_dict_store.py").read_text(encoding="utf-8")
    hook, append, list_runs, shown_suite, _ = blocks(STORE, "python")

    assert hook in example
    for method in (append, list_runs):
        assert indent(method, "    ") in example
    assert shown_suite == suite


def test_the_store_with_a_driver_passes_the_kit_with_the_summary_that_the_guide_shows(
    author: Author, tmp_path: Path
) -> None:
    made = author.run(tmp_path, "fabro", "plugin", "new", "store", "acme-runs", "--directory", str(tmp_path / "plugin"))
    assert made.returncode == 0, made.stderr
    write_files(STORE, tmp_path / "plugin")

    tested = author.run(tmp_path / "plugin", "python", "-m", "pytest", "-q", "test_acme_engine.py")

    assert tested.returncode == 0, tested.stdout
    printed = set(counts_left_out(tested.stdout).splitlines())
    assert set(blocks(STORE, "text")[-1].splitlines()) <= printed


def counts_left_out(text: str) -> str:
    """As the guide shows what is printed: the number of the kit's tests differs from release to release."""
    return re.sub(r"\d+ (passed|not applicable)", r"… \1", text)


PLUGINS = {AUTH: "acme-pass", EXTENSION: "status-page", RESPONDER: "pulse"}
"""What a guide's plugin is called, by guide."""


@pytest.mark.parametrize("guide", PLUGINS)
def test_the_plugin_of_a_guide_passes_its_tests_and_serves(author: Author, guide: str, tmp_path: Path) -> None:
    write_files(guide, tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (commands,) = blocks(guide, "sh")
    tested = author.run(tmp_path, "sh", "-ec", commands)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert [kit for kit in KITS.values() if kit in tested.stdout] == [KITS[each] for each in (guide,) if each in KITS]

    project, settings = blocks(guide, "toml")
    (tmp_path / "pyproject.toml").write_text(project)
    (command,) = re.findall(r"After `(python -m pip install [^`]+)`", text_of(guide))
    installed = author.run(tmp_path, "sh", "-ec", command)
    assert installed.returncode == 0, installed.stderr
    (elsewhere := tmp_path / "home").mkdir()
    check_served(author, elsewhere, settings, PLUGINS[guide])


@pytest.mark.parametrize("guide", PLUGINS)
def test_the_plugin_of_a_guide_is_correctly_typed(author: Author, guide: str, tmp_path: Path) -> None:
    write_files(guide, tmp_path)
    done = author.run(tmp_path, "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), ".")
    assert done.returncode == 0, done.stdout
