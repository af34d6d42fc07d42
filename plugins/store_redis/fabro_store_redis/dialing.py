"""How a connection to the primary is made: found, dialled, greeted, and asked whether it is one."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from redis.asyncio import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import EqualJitterBackoff, NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoPermissionError

from fabro_store_redis.faults import DRIVER_FAULTS, NoPrimary, has_waited
from fabro_store_redis.link import Command, Link
from fabro_store_redis.settings import Address, RedisSettings, parse_address

BACK_OFF: Final = EqualJitterBackoff(base=0.05, cap=1.0)
"""Seconds before each further attempt to connect: servers that lost their Redis together do not come back together."""

ASK_ROLE: Final[Command] = ("INFO", "replication")


class Dial:
    """Makes connections to the server that settings name, or to the one that sentinels name."""

    def __init__(self, settings: RedisSettings) -> None:
        self._address = parse_address(settings.url)
        self._retries = settings.connect_retries
        self._arguments = _arguments(settings, self._address)

    @property
    def server(self) -> str:
        """The address, as it may stand in logs: without a user's name."""
        address = self._address
        if address.socket is not None:
            return address.socket
        hosts = address.sentinels or ((address.host, address.port),)
        return ",".join(f"{host}:{port}" for host, port in hosts)

    async def link(self) -> Link:
        """A new connection to a primary. Refusals are tried again after pauses, as nothing has been sent yet.

        Raises a fault of the driver, or `NoPrimary`.
        """
        failures = 0
        while True:
            try:
                return await self._attempt()
            except LostConnection as fault:
                if failures == self._retries or has_waited(fault):
                    raise
            await asyncio.sleep(BACK_OFF.compute(failures))
            failures += 1

    async def _attempt(self) -> Link:
        address = self._address if not self._address.sentinels else await self._primary()
        link = _link(address, self._arguments)
        try:
            await link.connect()
            if not await _is_primary(link):
                raise NoPrimary
        except BaseException:
            await link.close()
            raise
        return link

    async def _primary(self) -> Address:
        """Where the sentinels say that the primary is; the first that knows it is believed."""
        unauthenticated = self._arguments | {"username": None, "password": None, "db": 0}
        for host, port in self._address.sentinels:
            sentinel = _link(Address(host=host, port=port, tls=self._address.tls), unauthenticated)
            try:
                await sentinel.connect()
                await sentinel.send(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service))
                found = await sentinel.answer()
            except DRIVER_FAULTS:
                continue
            finally:
                await sentinel.close()
            if found is not None:
                return Address(host=found[0].decode(), port=int(found[1]), tls=self._address.tls)
        raise NoPrimary(f"no sentinel that answers knows the primary of {self._address.service}")


async def _is_primary(link: Link) -> bool:
    """Whether the server at the other end takes writes, as far as it may be asked."""
    try:
        await link.send(ASK_ROLE)
        return is_of_primary(await link.answer())
    except NoPermissionError:
        return True


def is_of_primary(answer: Any) -> bool:
    """Whether a primary has answered `ASK_ROLE`; who may not ask is told nothing else."""
    return isinstance(answer, NoPermissionError) or b"role:master" in answer


def _arguments(settings: RedisSettings, address: Address) -> dict[str, Any]:
    return {
        "db": address.database,
        "username": address.username,
        "password": settings.password.reveal() if settings.password else None,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "retry": Retry(NoBackoff(), 0),  # the driver's own does not tell a refused connection from a hanging server
        "protocol": 2,
        "ssl_ca_certs": str(settings.ca_file) if settings.ca_file else None,
    }


def _link(address: Address, arguments: dict[str, Any]) -> Link:
    return Link(_driver(address, arguments))


def _driver(address: Address, arguments: dict[str, Any]) -> Connection | UnixDomainSocketConnection:
    own = {name: value for name, value in arguments.items() if name != "ssl_ca_certs"}
    if address.socket is not None:
        return UnixDomainSocketConnection(path=address.socket, **own)
    own |= {"host": address.host, "port": address.port, "socket_keepalive": True}
    if not address.tls:
        return Connection(**own)
    return SSLConnection(
        **own,
        ssl_ca_certs=arguments["ssl_ca_certs"],
        ssl_cert_reqs="required",
        ssl_check_hostname=True,
        ssl_min_version=ssl.TLSVersion.TLSv1_2,
    )
