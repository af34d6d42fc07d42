"""The table of all operations of the API: what has become of each, and the test that proves it."""

from __future__ import annotations

import asyncio
from typing import Final, Literal, NamedTuple

from docs.generate.markdown import code, page, table
from docs.generate.operations import api_document
from docs.generate.proofs import EXCLUDED, PROOFS, REFUSED
from fabro_core.api.runs import pairs
from fabro_core.api.server.placeholders import PLACEHOLDERS
from fabro_core.http.operation import Operation

_ONLY_NAMED: Final = "tests/api/test_placeholders.py::test_people_are_told_that_it_is_not_implemented"
_NO_ROUTE: Final = "tests/docs/test_coverage.py::test_what_is_excluded_is_no_route"
_NO_WORKER: Final = (
    "Nothing on this server reaches the worker of a run: 503 `worker_control_unavailable` after every check."
)

State = Literal["works", "placeholder", "excluded"]


class Covered(NamedTuple):
    """An operation, served or not."""

    method: str
    path: str
    state: State
    reason: str
    """Why it does not work; empty when it does."""
    proof: str
    """A test, as pytest names it."""


def covered() -> list[Covered]:
    """Every operation of the document of a server without extensions, and what is excluded.

    Raises `LookupError` for an operation whose test nobody has named.
    """
    paths = asyncio.run(api_document())["paths"]
    served = [
        _served(operation["operationId"], method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    excluded = [Covered(each.method, each.path, "excluded", each.reason, _NO_ROUTE) for each in EXCLUDED]
    return served + excluded


def write() -> str:
    """The page."""
    introduction = (
        "Every operation that a client may know from the API's contract, with what this server makes of it and a"
        " test that shows it. What works is carried out, some of it by an extension. A placeholder is served, judges"
        " who asks, and refuses for the reason that stands beside it; where nothing else is said it answers 501 without"
        " a look at the request. What is excluded answers 404 `route_not_found`."
        " [Operations](operations.md) says what each that is served reads and answers."
    )
    rows = [(code(f"{each.method} {each.path}"), each.state, each.reason, code(each.proof)) for each in covered()]
    return page("Coverage", introduction, table(("Operation", "State", "Why", "Proved by"), rows))


def _served(name: str, method: str, path: str) -> Covered:
    if name in _NAMED:
        return Covered(method, path, "placeholder", _NAMED[name], _ONLY_NAMED)
    proof = PROOFS.get(name)
    if proof is None:
        raise LookupError(f"{name}: say in docs/generate/proofs.py which test proves it")
    reason = _REFUSED.get(name, "")
    return Covered(method, path, "placeholder" if reason else "works", reason, proof)


_NAMED: Final = {each.id: each.reason for each in PLACEHOLDERS}

_REFUSED: Final = {
    **REFUSED,
    **{each.operation.id: _NO_WORKER for each in pairs.REFUSED if isinstance(each.operation, Operation)},
}
