"""The page of what has become of each operation: it has those of the contract, and what it says is so."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from docs.generate.proofs import EXCLUDED, PROOFS, REFUSED
from tests.api.conftest import in_memory, serving
from tests.api.contract import contract, needs_contract, own_document
from tests.api.documents import operations
from tests.api.test_document import BEYOND_THE_CONTRACT
from tests.docs.documents import code, table

PAGE: Final = {
    code(operation)[0]: (state, reason, code(proof)[0])
    for operation, state, reason, proof in table("docs/reference/coverage.md", "Operation", "State")
}
"""State, reason and test of each operation, by its method and path."""

TESTS: Final = sorted({proof for _, _, proof in PAGE.values()})


def titles(document: dict[str, Any]) -> dict[str, str]:
    """How the page names the operations of a document, by their ids."""
    return {name: f"{method.upper()} {path}" for name, (method, path, _) in operations(document).items()}


OF_PLUGINS: Final = {"GET /auth/login/github", "GET /auth/callback/github"}
"""In our document only where a server signs people in with GitHub."""


@needs_contract
def test_the_page_has_every_operation_of_the_contract_and_ours() -> None:
    ours = {title for name, title in titles(own_document()).items() if name in BEYOND_THE_CONTRACT}
    assert set(PAGE) == set(titles(contract()).values()) | ours - OF_PLUGINS


@needs_contract
def test_what_is_excluded_is_an_operation_of_the_contract() -> None:
    theirs = titles(contract())
    assert {each.id: theirs.get(each.id) for each in EXCLUDED} == {
        each.id: f"{each.method} {each.path}" for each in EXCLUDED
    }


def test_every_operation_that_is_served_is_on_the_page_and_not_excluded() -> None:
    served = set(titles(own_document()).values()) - OF_PLUGINS
    assert served == {title for title, (state, _, _) in PAGE.items() if state != "excluded"}


def test_what_can_only_refuse_does_not_count_as_working() -> None:
    refusing = [
        f"{method.upper()} {path}"
        for method, path, operation in operations(own_document()).values()
        if min(operation["responses"]) >= "400"
    ]
    assert len(refusing) > 20
    assert {PAGE[title][0] for title in refusing} == {"placeholder"}


def test_a_reason_stands_beside_what_does_not_work_and_nothing_else() -> None:
    assert [title for title, (state, reason, _) in PAGE.items() if (state == "works") == bool(reason)] == []


def test_nothing_is_said_of_operations_that_there_are_not() -> None:
    assert {*PROOFS, *REFUSED} - set(operations(own_document())) == set()


@pytest.mark.parametrize("proof", TESTS)
def test_a_test_that_proves_something_exists(proof: str) -> None:
    path, name = proof.split("::")
    module = import_module(path.removesuffix(".py").replace("/", "."))
    assert name.startswith("test_")
    assert callable(getattr(module, name, None))


@pytest.mark.anyio
async def test_what_is_excluded_is_no_route(tmp_path: Path) -> None:
    async with serving(in_memory(), tmp_path) as server:
        answers = [await server.client.request(each.method, each.path) for each in EXCLUDED]
    assert {(each.status_code, each.json()["errors"][0]["code"]) for each in answers} == {(404, "route_not_found")}
