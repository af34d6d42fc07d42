"""The settings table of the plugin, `[server.store.redis]`, and the address that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from fabro_core.config.secrets import from_env
from fabro_core.config.values import Form
from fabro_core.secret import Secret

CREDENTIAL_VARIABLE: Final = "FABRO_REDIS_PASSWORD"

DEFAULT_PORT: Final = 6379


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server listens."""

    host: str = ""
    port: int = DEFAULT_PORT
    tls: bool = False
    socket: str | None = None
    """The path of a Unix socket; None: host and port count."""
    username: str | None = None
    database: int = 0


def parse_address(url: str) -> Address:
    """The address that a valid URL names. Raises `ValueError`, whose text repeats nothing of the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError from None  # its text repeats the URL, which may hold a password
    if parts.password is not None:
        raise ValueError(f"one with a password, which is read from {CREDENTIAL_VARIABLE}")
    if parts.query or parts.fragment:
        raise ValueError("one with a query or a fragment")
    username = parts.username or None
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
    '"redis://HOST:PORT/DATABASE", "rediss://…" for TLS, or "unix:///PATH"',
    _url,
    schema={"type": "string", "pattern": "^[A-Za-z]+://"},
)
KEY_PREFIX: Final = Form(
    'letters, digits and "_.:-", at most 64',
    _prefix,
    schema={"type": "string", "pattern": f"^{_PREFIX_PATTERN}$"},
)


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the Redis store."""

    url: Annotated[str, REDIS_URL] = "redis://127.0.0.1:6379/0"
    """Where Redis or Valkey listens; a user's name may stand in it, a password may not."""
    prefix: Annotated[str, KEY_PREFIX] = "fabro"
    """What the names of all keys start with, in braces. Servers that share it share their runs."""
    ca_file: Path | None = None
    """Certificates of those who may have signed the certificate of a `rediss` server. None: those of the system."""
    max_connections: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 32
    """How many connections a process holds; one more listens. What finds none free waits."""
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 5
    """Seconds that one answer, a connection, or waiting for a free one may take before the store is unavailable."""
    password: Annotated[Secret | None, from_env(CREDENTIAL_VARIABLE)] = None
