"""How a connection to the server that takes writes is made: which hosts are tried, how TLS is spoken, and what every
session is set to."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final, Literal, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from fabro_core.store import StoreMisconfigured
from fabro_store_postgres.faults import NoPrimary
from fabro_store_postgres.settings import Address, PostgresSettings, TlsMode, parse_address

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CACHED_STATEMENTS: Final = 512

_NEXT_HOST: Final = (OSError, asyncio.TimeoutError, asyncpg.CannotConnectNowError, NoPrimary)
"""What says nothing about the other hosts."""


class Dial:
    """Makes connections to the first of the hosts that takes writes; the one that did last time is tried first."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._address = parse_address(settings.url)
        self._hosts = list(self._address.hosts)
        self._settings = settings
        self.timeout_seconds: Final = settings.timeout_seconds
        self.schema: Final = settings.schema
        self._tls: ssl.SSLContext | Literal[False] | None = None

    @property
    def server(self) -> str:
        """The address, as it may stand in logs: without a user's name."""
        return ",".join(host if host.startswith("/") else f"{host}:{port}" for host, port in self._address.hosts)

    async def connect(self) -> Connection:
        """A new connection to a server that takes writes. Raises a fault of the driver, or `NoPrimary`.

        Each host has its share of the time, so that one which says nothing does not keep the others from being asked.
        """
        fault: BaseException | None = None
        share = self.timeout_seconds / len(self._hosts)
        for host in tuple(self._hosts):
            try:
                connection = await self._attempt(*host, share)
            except _NEXT_HOST as found:
                fault = found if fault is None or isinstance(found, NoPrimary) else fault
            else:
                self._hosts.sort(key=lambda each: each != host)
                return connection
        assert fault is not None
        raise fault

    async def _attempt(self, host: str, port: int, timeout: float) -> Connection:  # noqa: ASYNC109 - the driver's
        if self._tls is None:
            self._tls = _tls(self._settings, self._address)
        password = self._settings.password
        try:
            connection: Connection = await asyncpg.connect(
                host=host,
                port=port,
                user=self._address.username,
                # Not None, or the driver would look for one in the environment and in the home directory.
                password=password.reveal() if password else "",
                database=self._address.database,
                ssl=self._tls,
                direct_tls=False,
                timeout=timeout,
                target_session_attrs=SessionAttribute.read_write,
                statement_cache_size=CACHED_STATEMENTS,
                max_cached_statement_lifetime=0,
                max_cacheable_statement_size=0,
                server_settings=self._session(),
            )
        except asyncpg.TargetServerAttributeNotMatched as fault:
            raise NoPrimary("takes no writes") from fault
        return connection

    def _session(self) -> dict[str, str]:
        limit = str(self.timeout_seconds * 1_000)
        return {
            "application_name": "fabro",
            "search_path": self.schema,
            "default_transaction_isolation": "read committed",
            "statement_timeout": limit,
            "lock_timeout": limit,
            "idle_in_transaction_session_timeout": limit,
            # Queries are written for one plan, walks through indexes that end with the page. Statistics of a young
            # table, or of none, would lead to others, and so would guesses about parameters.
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "enable_bitmapscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
            "enable_sort": "off",
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
        }


def _tls(settings: PostgresSettings, address: Address) -> ssl.SSLContext | Literal[False]:
    mode: TlsMode = settings.sslmode or ("disable" if address.is_local else "verify-full")
    if mode == "disable":
        return False
    try:
        context = ssl.create_default_context(cafile=_path(settings.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = mode == "verify-full"
        if mode == "require":
            context.verify_mode = ssl.CERT_NONE
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as fault:  # also for a file that is no certificate
        raise StoreMisconfigured(
            "The certificates for TLS cannot be read; check ca_file, cert_file and key_file of server.store.postgres."
        ) from fault
    return context


def _path(file: Any) -> str | None:
    return None if file is None else str(file)
