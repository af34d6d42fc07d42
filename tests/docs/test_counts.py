"""Numbers in the documents that are counted elsewhere: they are right, or they are not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from docs.generate.public_names import MODULES, WORDS
from fabro_core.api.resources import variables
from fabro_core.models.status import Bucket
from fabro_core.runs.views.listing import visible_buckets
from tests.docs.documents import DOCUMENTS, ROOT, text_of

NUMBER: Final = rf"({'|'.join(WORDS)}|\d+)"


def lines_of(*paths: str) -> int:
    return sum(len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths)


COUNTED: Final[dict[str, Callable[[], int]]] = {
    rf"{NUMBER} modules are public": lambda: len(MODULES),
    rf"the names of these {NUMBER} modules": lambda: len(MODULES),
    rf"{NUMBER} modules, and of each what its `__all__` states": lambda: len(MODULES),
    rf"in one of the {NUMBER} modules only": lambda: len(MODULES),
    rf"exactly one of {NUMBER} buckets": lambda: len(Bucket),
    rf"over the {NUMBER} buckets that it shows": lambda: len(visible_buckets(None, include_archived=False)),
    rf"variables need {NUMBER} lines": lambda: lines_of(
        "fabro_core/resources/variables.py", "fabro_core/api/resources/variables.py"
    ),
    rf"lines for {NUMBER} operations": lambda: len(variables.ROUTES),
}
"""What a number is said of, and how many there are."""

GROWING: Final = re.compile(
    rf"\b{NUMBER} (?:distributions|operations|plugins|hooks|settings|tests|commands)\b"
    r"|\b\d+ (?:passed|not applicable)\b",
    re.IGNORECASE,
)
"""Numbers that are different after the next change, so that no document gives them."""


@pytest.mark.parametrize("said", COUNTED)
def test_a_number_is_what_is_counted(said: str) -> None:
    texts = {document: " ".join(text_of(document).split()) for document in DOCUMENTS}
    found = {
        document: match[1].lower()
        for document, text in texts.items()
        for match in re.finditer(said, text, re.IGNORECASE)
    }
    assert found, "the sentence is still there"
    count = COUNTED[said]()
    assert set(found.values()) <= {str(count), *WORDS[count : count + 1]}, found


def test_the_example_store_is_as_short_as_the_guide_says() -> None:
    said = r"dict_store\.py` is the least that keeps every promise: under (\d+) lines"
    (bound,) = re.findall(said, text_of("docs/write-a-store.md"))
    assert lines_of("examples/stores/dict_store.py") < int(bound)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_gives_no_number_that_grows(document: str) -> None:
    found = [match[0] for match in GROWING.finditer(text_of(document))]
    assert [each for each in found if each not in ALLOWED] == []


ALLOWED: Final = {"five operations"}
"""Of one resource, counted above."""
