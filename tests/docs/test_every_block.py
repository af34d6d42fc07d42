"""Every Python, shell and TOML block of every document is executed by a test, or says that it is only parsed."""

from __future__ import annotations

import subprocess
import tomllib
from collections import Counter
from typing import Final

import pytest

from tests.docs.documents import DOCUMENTS, Block, all_blocks

EXECUTED: Final = {
    ("README.md", "sh"): 4,  # test_readme
    ("README.md", "toml"): 1,  # test_operate
    ("docs/compatibility.md", "python"): 1,  # test_compatibility
    ("docs/compatibility.md", "toml"): 1,  # test_compatibility
    ("docs/configure.md", "toml"): 3,  # test_operate
    ("docs/embed.md", "python"): 4,  # test_embed
    ("docs/operate/index.md", "sh"): 1,  # test_operate
    ("docs/operate/scale.md", "toml"): 1,  # test_operate
    ("docs/run-settings.md", "toml"): 26,  # test_run_settings
    ("docs/sign-in.md", "sh"): 1,  # test_sign_in
    ("docs/sign-in.md", "toml"): 1,  # test_sign_in
    ("docs/workers.md", "sh"): 6,  # test_workers
    ("docs/write-a-responder.md", "python"): 2,  # test_guides
    ("docs/write-a-responder.md", "sh"): 1,  # test_guides
    ("docs/write-a-responder.md", "toml"): 2,  # test_guides
    ("docs/write-a-store.md", "python"): 5,  # test_guides
    ("docs/write-a-store.md", "sh"): 1,  # test_guides
    ("docs/write-a-store.md", "toml"): 1,  # test_guides
    ("docs/write-an-auth-method.md", "python"): 5,  # test_guides
    ("docs/write-an-auth-method.md", "sh"): 1,  # test_guides
    ("docs/write-an-auth-method.md", "toml"): 2,  # test_guides
    ("docs/write-an-extension.md", "python"): 4,  # test_guides
    ("docs/write-an-extension.md", "sh"): 1,  # test_guides
    ("docs/write-an-extension.md", "toml"): 2,  # test_guides
    ("plugins/auth_devtoken/README.md", "toml"): 1,  # test_operate
    ("plugins/auth_github/README.md", "toml"): 1,  # test_sign_in
    ("plugins/store_postgres/README.md", "toml"): 1,  # test_operate
    ("plugins/store_redis/README.md", "toml"): 1,  # test_operate
    ("plugins/store_sqlite/README.md", "toml"): 1,  # test_operate
}
"""How many blocks of a document and language tests execute, and where. A new block is counted here once it is."""

ONLY_PARSED: Final = 2
"""How many blocks say that they are only parsed."""

LANGUAGES: Final = ("python", "sh", "toml")

BLOCKS: Final = [block for name in DOCUMENTS for block in all_blocks(name) if block.language in LANGUAGES]


def test_every_block_is_executed_or_says_that_it_is_not() -> None:
    assert Counter((block.document, block.language) for block in BLOCKS if not block.only_parsed) == EXECUTED


def test_few_blocks_are_only_parsed() -> None:
    assert sum(block.only_parsed for block in BLOCKS) == ONLY_PARSED


def test_every_block_names_its_language() -> None:
    known = {*LANGUAGES, "json", "nginx", "text"}
    assert {block.language for name in DOCUMENTS for block in all_blocks(name)} <= known


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.document} {block.language}")
def test_a_block_has_the_syntax_of_its_language(block: Block) -> None:
    match block.language:
        case "python":
            compile(block.text, block.document, "exec")
        case "toml":
            tomllib.loads(block.text)
        case _:
            done = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
