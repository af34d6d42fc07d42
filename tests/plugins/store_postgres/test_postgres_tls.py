"""The PostgreSQL store over TLS: how much of a server's certificate is checked is up to `sslmode`, most unless told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fabro_core.errors import StoreMisconfigured, StoreUnavailable
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, ids, list_all, row, run_id
from fabro_store_postgres import PostgresRunStore, PostgresSettings
from fabro_store_postgres.settings import TlsMode
from tests.certificates import certificate
from tests.plugins.store_postgres.server import Postgres, running

pytestmark = pytest.mark.anyio

SSL_REQUEST_BYTES = 8


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running() as server:
        yield server


@asynccontextmanager
async def behind_tls(postgres: Postgres, pem: Path | None) -> AsyncIterator[str]:
    """The URL of a server that speaks TLS, or says that it does not, and passes everything on to `postgres`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        serving = asyncio.create_task(_serve(listener, postgres.directory / ".s.PGSQL.5432", pem))
        try:
            yield f"postgresql://fabro@localhost:{listener.getsockname()[1]}/postgres"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _serve(listener: socket.socket, server: Path, pem: Path | None) -> None:
    async with asyncio.TaskGroup() as connections:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(listener)
            connections.create_task(_pass_on(client, server, pem))


async def _pass_on(client: socket.socket, server: Path, pem: Path | None) -> None:
    loop = asyncio.get_running_loop()
    with client, suppress(OSError):  # one is a client that does not trust the certificate
        await loop.sock_recv(client, SSL_REQUEST_BYTES)
        await loop.sock_sendall(client, b"N" if pem is None else b"S")
        if pem is None:
            return
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, client, ssl=context)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        inner_reader, inner_writer = await asyncio.open_unix_connection(server)
        relays = [
            asyncio.create_task(_relay(source, target))
            for source, target in ((reader, inner_writer), (inner_reader, writer))
        ]
        try:
            await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for relay in relays:
                relay.cancel()
            await asyncio.gather(*relays, return_exceptions=True)
            for each in (writer, inner_writer):
                each.transport.abort()
            await asyncio.sleep(0)  # a turn of the loop, in which they are closed


async def _relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while piece := await source.read(65_536):
        target.write(piece)


def store(url: str, sslmode: TlsMode | None, ca_file: Path | None = None) -> PostgresRunStore:
    return PostgresRunStore(
        PostgresSettings(url=url, sslmode=sslmode, ca_file=ca_file, schema="tls", timeout_seconds=5)
    )


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca", "require"])
async def test_a_store_works_over_tls(tmp_path: Path, postgres: Postgres, sslmode: TlsMode) -> None:
    pem = certificate(tmp_path, "localhost")
    await postgres.empty("tls")
    async with behind_tls(postgres, pem) as url, opened(store(url, sslmode, ca_file=pem)) as runs:
        await runs.append(batch(row(run_id(1))))
        assert ids(await list_all(runs)) == [run_id(1)]


@pytest.mark.parametrize(
    ("host", "sslmode", "trusted", "accepted"),
    [
        ("elsewhere.example", "verify-full", True, False),
        ("elsewhere.example", "verify-ca", True, True),
        ("localhost", "verify-full", False, False),
        ("localhost", "verify-ca", False, False),
        ("localhost", "require", False, True),
    ],
)
async def test_a_certificate_is_checked_as_the_mode_says(
    tmp_path: Path, postgres: Postgres, host: str, sslmode: TlsMode, trusted: bool, accepted: bool
) -> None:
    pem = certificate(tmp_path, host)
    async with behind_tls(postgres, pem) as url:
        asked = store(url, sslmode, ca_file=pem if trusted else None)
        if accepted:
            async with opened(asked) as runs:
                await runs.ping()
            return
        with pytest.raises(StoreMisconfigured, match=r"not trusted.*server\.store\.postgres\.ca_file"):
            async with opened(asked):
                pass


async def test_a_server_without_tls_is_not_spoken_to_where_it_was_asked_for(postgres: Postgres) -> None:
    async with behind_tls(postgres, None) as url:
        with pytest.raises(StoreUnavailable, match="does not speak TLS"):
            async with opened(store(url, "require")):
                pass


async def test_files_that_are_no_certificates_are_named_by_their_settings(tmp_path: Path, postgres: Postgres) -> None:
    (tmp_path / "text.pem").write_text("no certificate")
    for path in (tmp_path / "text.pem", tmp_path / "missing.pem"):
        with pytest.raises(StoreMisconfigured, match="check ca_file, cert_file and key_file"):
            async with opened(store("postgresql://fabro@localhost/postgres", "verify-full", ca_file=path)):
                pass
