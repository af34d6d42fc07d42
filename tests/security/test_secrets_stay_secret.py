"""Secrets show up in the one place where a client needs them, and nowhere else (auth.md A26, A29 36 and 39)."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fabro_core.secret import Secret
from fabro_core.server.logs import JsonFormatter, TextFormatter
from tests.api.brittle import BrittleStore, plugin_of
from tests.security.ledger import leaks, unseen
from tests.security.reachable import reachable
from tests.security.tour import CALLBACK, Tour, tour_of

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CLIENTS_OWN = ("httpx.", "httpcore.")
"""Loggers of the visitors, who are in this process too; what the server uses has other names."""


@dataclass
class Taken:
    """A tour that was taken, with what was logged on the way."""

    tour: Tour
    log: str


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def taken(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Taken]:
    """One tour for all that only looks at what is left of it."""
    store = BrittleStore()
    home = tmp_path_factory.mktemp("home")
    with everything_logged() as log:
        async with tour_of(home, plugin_of(store), store="brittle") as tour:
            await tour.go()
            await tour.lose_the_store(store)
            yield Taken(tour, log.getvalue())


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What an operator reads who logs everything, libraries too, in both formats."""
    stream = io.StringIO()
    root = logging.getLogger()
    level, handlers = root.level, []
    for formatter in (TextFormatter(), JsonFormatter()):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handler.addFilter(lambda record: not f"{record.name}.".startswith(CLIENTS_OWN))
        handlers.append(handler)
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)


async def test_answers_have_secrets_only_where_clients_need_them(taken: Taken) -> None:
    answers = taken.tour.recording.answers
    assert leaks(taken.tour.ledger, answers) == set()
    assert unseen(taken.tour.ledger, answers) == set()


async def test_logs_and_tracebacks_have_none(taken: Taken) -> None:
    assert taken.tour.ledger.found_in(taken.log) == set()
    for expected in ("Traceback", "ZeroDivisionError", "refresh_replayed", "rate_limited", "GitHubFailed", CALLBACK):
        assert expected in taken.log
    assert [line for line in taken.log.splitlines() if "fabro.access" in line and "?" in line] == []


async def test_no_object_of_the_server_shows_one(taken: Taken) -> None:
    objects = list(reachable(taken.tour.server.app))
    assert {(type(found), name) for found in objects for name in taken.tour.ledger.found_in(repr(found))} == set()
    known = {found.reveal() for found in objects if isinstance(found, Secret)}
    assert {taken.tour.server.token, taken.tour.provider.client_secret} <= known, "the walk has come to the secrets"


async def test_what_is_stored_has_none(tmp_path: Path) -> None:
    async with tour_of(tmp_path, store="sqlite") as tour:
        await tour.go()
        await tour.agreed(await tour.browser_of_mona())
        await tour.code(await tour.browser_of_mona())
        stored = everything_below(tmp_path)
    assert "90210" in stored, "sessions have been stored"
    assert tour.ledger.found_in(stored) == set()


def everything_below(directory: Path) -> str:
    """The content of every file, the journal of a database among them."""
    return "".join(path.read_bytes().decode("latin-1") for path in directory.rglob("*") if path.is_file())
