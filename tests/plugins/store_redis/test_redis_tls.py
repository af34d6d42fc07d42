"""The Redis store over TLS: a server's certificate is checked, against a given authority where there is one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fabro_core.errors import StoreMisconfigured
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, ids, list_all, row, run_id
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.certificates import certificate
from tests.plugins.store_redis.valkey import Valkey, running

pytestmark = pytest.mark.anyio


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path) as server:
        yield server


@asynccontextmanager
async def behind_tls(valkey: Valkey, pem: Path) -> AsyncIterator[str]:
    """The URL of a TLS server that passes everything on to `valkey`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    relays: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(valkey.url.removeprefix("unix://"))
        for source, target in ((reader, inner_writer), (inner_reader, writer)):
            relays.add(asyncio.create_task(_relay(source, target)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"rediss://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*relays)


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while piece := await source.read(65_536):
        target.write(piece)
    target.close()
    await target.wait_closed()


async def test_a_store_works_over_tls(tmp_path: Path, valkey: Valkey) -> None:
    pem = certificate(tmp_path, "localhost")
    async with (
        behind_tls(valkey, pem) as url,
        opened(RedisRunStore(RedisSettings(url=url, ca_file=pem))) as store,
    ):
        await store.append(batch(row(run_id(1))))
        assert ids(await list_all(store)) == [run_id(1)]


async def test_a_certificate_of_an_unknown_authority_is_not_trusted(tmp_path: Path, valkey: Valkey) -> None:
    async with behind_tls(valkey, certificate(tmp_path, "localhost")) as url:
        with pytest.raises(StoreMisconfigured, match=r"certificate.*ca_file"):
            async with opened(RedisRunStore(RedisSettings(url=url))):
                pass


async def test_a_certificate_for_another_host_is_not_trusted(tmp_path: Path, valkey: Valkey) -> None:
    pem = certificate(tmp_path, "elsewhere.example")
    async with behind_tls(valkey, pem) as url:
        with pytest.raises(StoreMisconfigured, match=r"certificate.*ca_file"):
            async with opened(RedisRunStore(RedisSettings(url=url, ca_file=pem))):
                pass
