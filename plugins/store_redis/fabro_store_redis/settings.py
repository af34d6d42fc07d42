"""The settings table of the plugin, `[server.store.redis]`, and the address that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from fabro_core.settings import Form, Secret, from_env

CREDENTIAL_VARIABLE: Final = "FABRO_REDIS_PASSWORD"

DEFAULT_PORT: Final = 6379
SENTINEL_PORT: Final = 26379


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server listens, or who knows that."""

    host: str = ""
    port: int = DEFAULT_PORT
    tls: bool = False
    socket: str | None = None
    """The path of a Unix socket; None: host and port count."""
    username: str | None = None
    database: int = 0
    sentinels: tuple[tuple[str, int], ...] = ()
    """Hosts and ports of those who know where the primary is; empty: host and port say it."""
    service: str = ""
    """The name by which sentinels know the primary."""


def parse_address(url: str) -> Address:
    """The address that a valid URL names. Raises `ValueError`, whose text repeats nothing of the URL."""
    if "+sentinel://" in url:
        return _through_sentinels(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError from None  # its text repeats the URL, which may hold a password
    if parts.password is not None:
        raise ValueError(f"one with a password, which is read from {CREDENTIAL_VARIABLE}")
    if parts.query or parts.fragment:
        raise ValueError("one with a query or a fragment")
    username = _username(parts.username)
    match parts.scheme:
        case "redis" | "rediss" if parts.hostname:
            return Address(
                host=parts.hostname,
                port=port or DEFAULT_PORT,
                tls=parts.scheme == "rediss",
                username=username,
                database=_database(parts),
            )
        case "unix" if parts.path.startswith("/"):
            return Address(socket=parts.path, username=username)
        case _:
            raise ValueError


def _through_sentinels(url: str) -> Address:
    match = _SENTINELS.fullmatch(url)
    if match is None:
        raise ValueError
    if match["password"] is not None:
        raise ValueError(f"one with a password, which is read from {CREDENTIAL_VARIABLE}")
    hosts = [_split_host(each) for each in match["hosts"].split(",")]
    return Address(
        tls=match["scheme"] == "rediss",
        username=_username(match["username"]),
        database=int(match["database"] or 0),
        sentinels=tuple(hosts),
        service=match["service"],
    )


_SENTINELS: Final = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://((?P<username>[^:@/]+)(:(?P<password>[^@/]*))?@)?(?P<hosts>[^@/?#]+)/(?P<service>[\w.-]+)"
    r"(/(?P<database>[0-9]{1,5}))?"
)


def _username(quoted: str | None) -> str | None:
    return unquote(quoted) if quoted else None


def _split_host(text: str) -> tuple[str, int]:
    """A host and its port, that of sentinels when there is none. Raises `ValueError` without the text."""
    parts = urlsplit(f"//{text}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError from None
    if not host:
        raise ValueError
    return host, port or SENTINEL_PORT


def _database(parts: SplitResult) -> int:
    number = parts.path.removeprefix("/")
    if not re.fullmatch(r"[0-9]{0,5}", number):
        raise ValueError("one whose path is not the number of a database")
    return int(number or 0)


def _url(text: str) -> str:
    parse_address(text)
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(_PREFIX_PATTERN, text):
        raise ValueError
    return text


_PREFIX_PATTERN: Final = r"[A-Za-z0-9_.:-]{1,64}"

REDIS_URL: Final = Form(
    '"redis://HOST:PORT/DATABASE", "rediss://…" for TLS, "unix:///PATH", or "redis+sentinel://HOST:PORT,…/SERVICE"',
    _url,
    schema={"type": "string", "pattern": "^[A-Za-z+]+://"},
)
KEY_PREFIX: Final = Form(
    'letters, digits and "_.:-", at most 64',
    _prefix,
    schema={"type": "string", "pattern": f"^{_PREFIX_PATTERN}$"},
)


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the Redis store."""

    url: Annotated[str, REDIS_URL] = "redis://127.0.0.1:6379/0"
    """Where the primary of Redis or Valkey listens, or the sentinels that know it; a user's name may stand in it, a
    password may not."""
    prefix: Annotated[str, KEY_PREFIX] = "fabro"
    """What the names of all keys start with, in braces. Servers that share it share their runs."""
    ca_file: Path | None = None
    """Certificates of those who may have signed the certificate of a `rediss` server. None: those of the system."""
    max_connections: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 4
    """How many connections a process holds; one more listens. Each carries many requests at a time."""
    wait_for_replicas: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """How many replicas must have received a write before it counts as done, so that one of them can take the place of
    the primary without loss. With fewer, writes are refused as unavailable."""
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 5
    """Seconds that one answer, a connection, or waiting for a free one may take before the store is unavailable."""
    connect_retries: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    """How often a connection that is refused is tried again before the store is unavailable: after 50 ms at most, then
    after twice as long each time, up to a second."""
    password: Annotated[Secret | None, from_env(CREDENTIAL_VARIABLE)] = None
