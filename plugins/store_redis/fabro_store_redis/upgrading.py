"""From layout 1, which knew no facets, to this one: every run is filed by what its JSON says.

The core tells a store the facets of a run with every event; runs that were stored before it did are to be found like
all others, and most of them get no event any more. Each run is led over by itself, so an upgrade that was broken off
goes on where it was. A server of the release before may still be running: what it has changed is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from fabro_core.store import RunIdQuery
from fabro_store_redis import scripts
from fabro_store_redis.connections import Connections
from fabro_store_redis.packing import pack
from fabro_store_redis.run_pages import id_page, ids_argument
from fabro_store_redis.runs import StoredHit

OLDER: Final = b"1"
"""The layout that can be led to this one."""
TITLE: Final = "file runs by their facets and the words of their titles"
_PAGE: Final = 500

_RAW_FIELDS: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_HIT: Final = msgspec.msgpack.Decoder(StoredHit)


class _Identity(msgspec.Struct, frozen=True):
    issuer: str
    subject: str


class _Person(msgspec.Struct, frozen=True):
    login: str | None = None
    identity: _Identity | None = None


class _Named(msgspec.Struct, frozen=True):
    id: str | None = None
    slug: str | None = None
    name: str | None = None
    graph_name: str | None = None


class _Body(msgspec.Struct, frozen=True):
    """What the Run resource says that a run is found by."""

    title: str = ""
    parent_id: str | None = None
    automation: _Named | None = None
    workflow: _Named = _Named()
    repository: _Named = _Named()
    created_by: _Person = _Person()
    labels: dict[str, str] = {}


async def upgrade(connections: Connections, prefix: str) -> None:
    """Lead every run over. Raises `StoreUnavailable`."""
    after = None
    while True:
        query = RunIdQuery(limit=_PAGE, after_id=after)
        page = id_page(await connections.read(scripts.LIST_RUN_IDS, prefix, ids_argument(query)), query)
        for run_id in page.ids:
            await _upgrade_run(connections, prefix, run_id)
        if not page.has_more:
            return
        after = page.ids[-1]


async def _upgrade_run(connections: Connections, prefix: str, run_id: str) -> None:
    while True:
        index, hit = await connections.ask("HMGET", f"{prefix}run:{run_id}", "index", "hit")
        if index is None or "facets" in _RAW_FIELDS.decode(index):
            return
        body = _body_of(hit)
        told = (run_id, index, _with_facets(index, tuple(dict.fromkeys(_facets(body)))), body.title.casefold())
        if await connections.write(scripts.UPGRADE_RUN, prefix, *told):
            return


def _body_of(hit: bytes) -> _Body:
    try:
        return msgspec.json.decode(_HIT.decode(hit).body, type=_Body)
    except msgspec.DecodeError:
        return _Body()


def _with_facets(index: bytes, facets: tuple[str, ...]) -> bytes:
    # The keys of the order are bytes that are no text, so they are taken over as they stand.
    fields = _RAW_FIELDS.decode(index)
    fields.pop("automation", None)
    return pack({**fields, "facets": facets})


def _facets(run: _Body) -> Iterator[str]:
    if run.parent_id is not None:
        yield f"parent:{run.parent_id}"
    if run.automation is not None:
        yield f"automation:{run.automation.id}"
    for name in (run.workflow.slug, run.workflow.name or run.workflow.graph_name or run.workflow.slug):
        if name:
            yield f"workflow:{_ascii_fold(name)}"
    if run.repository.name:
        yield f"repo:{_ascii_fold(run.repository.name)}"
    if run.created_by.login is not None:
        yield f"login:{_ascii_fold(run.created_by.login)}"
    if (who := run.created_by.identity) is not None:
        yield f"person:{len(who.issuer)}:{who.issuer}{who.subject}"
    for key, value in run.labels.items():
        yield f"labelled:{key}"
        yield f"label:{len(key)}:{key}{value}"


def _ascii_fold(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
