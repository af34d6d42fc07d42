"""The files that the documents lead to are there."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, text_of


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = text_of(document)
    linked = [target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target]
    named = re.findall(r"`((?:fabro_core|plugins/[a-z]+_[a-z]+|tests|benchmarks|examples|docs)/[\w./]+)`", text)
    within = re.findall(r"`((?:api|runs)/\w+\.py)`", text)
    directory = (ROOT / document).parent

    assert [target for target in linked if not (directory / target).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert [name for name in within if not (ROOT / "fabro_core" / name).exists()] == []
