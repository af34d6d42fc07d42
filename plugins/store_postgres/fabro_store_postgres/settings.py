"""The settings table of the plugin, `[server.store.postgres]`, and the address that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from fabro_core.settings import Form, Secret, from_env

CREDENTIAL_VARIABLE: Final = "FABRO_POSTGRES_PASSWORD"

DEFAULT_PORT: Final = 5432

TlsMode = Literal["disable", "require", "verify-ca", "verify-full"]
"""How much of TLS is asked for, in the words of PostgreSQL's own `sslmode`."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the servers of a database listen."""

    hosts: tuple[tuple[str, int], ...]
    """Hosts, or directories of Unix sockets, with their ports. One of them takes writes."""
    username: str
    database: str

    @property
    def is_local(self) -> bool:
        """Whether nothing that is said to the servers leaves this machine."""
        return all(host.startswith("/") or _LOOPBACK.fullmatch(host) for host, _ in self.hosts)


_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9.]+|::1")

_URL: Final = re.compile(
    r"postgres(ql)?://((?P<username>[^:@/?#]+)(?P<password>:[^@/?#]*)?@)?(?P<hosts>[^@/?#]*)/(?P<database>[^/?#]+)"
    r"(\?(?P<query>[^#]*))?"
)


def parse_address(url: str) -> Address:
    """The address that a valid URL names. Raises `ValueError`, whose text repeats nothing of the URL."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError
    if found["password"] is not None:
        raise ValueError(f"one with a password, which is read from {CREDENTIAL_VARIABLE}")
    if found["username"] is None:
        raise ValueError("one without the name of a user")
    return Address(
        hosts=_socket(found["query"]) if found["query"] else _hosts(found["hosts"]),
        username=unquote(found["username"]),
        database=unquote(found["database"]),
    )


def _hosts(text: str) -> tuple[tuple[str, int], ...]:
    return tuple(_split_host(each) for each in text.split(","))


def _split_host(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError from None  # its text repeats the URL
    if not host:
        raise ValueError("one without a host")
    return host, port or DEFAULT_PORT


def _socket(query: str) -> tuple[tuple[str, int], ...]:
    asked = dict(parse_qsl(query))
    directory, port = asked.pop("host", ""), asked.pop("port", str(DEFAULT_PORT))
    if asked or not directory.startswith("/") or not re.fullmatch("[0-9]{1,5}", port):
        raise ValueError("one with a query that says more than the directory and the port of a socket")
    return ((directory, int(port)),)


def _url(text: str) -> str:
    parse_address(text)
    return text


def _schema(text: str) -> str:
    if not re.fullmatch(_SCHEMA_PATTERN, text) or text.startswith("pg_"):
        raise ValueError
    return text


_SCHEMA_PATTERN: Final = r"[a-z_][a-z0-9_]{0,49}"

POSTGRES_URL: Final = Form(
    '"postgresql://USER@HOST:PORT,HOST:PORT/DATABASE", or "postgresql://USER@/DATABASE?host=/DIRECTORY" for a socket',
    _url,
    schema={"type": "string", "pattern": "^postgres(ql)?://"},
)
SCHEMA_NAME: Final = Form(
    'lower-case letters, digits and "_", at most 50, not beginning with "pg_"',
    _schema,
    schema={"type": "string", "pattern": f"^{_SCHEMA_PATTERN}$"},
)


class PostgresSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the PostgreSQL store."""

    url: Annotated[str, POSTGRES_URL] = "postgresql://fabro@127.0.0.1:5432/fabro"
    """Where the servers of the database listen; of several, the one that takes writes is used. The user's name stands
    in it, a password may not."""
    schema: Annotated[str, SCHEMA_NAME] = "fabro"
    """The schema that has the tables; made when it is missing. Servers that share it share their runs."""
    sslmode: TlsMode | None = None
    """`verify-full` asks for a trusted certificate of the host, `verify-ca` for a trusted one, `require` for any, and
    `disable` speaks without TLS. None: `disable` where the address is of this machine, otherwise `verify-full`."""
    ca_file: Path | None = None
    """Certificates of those who may have signed the certificate of the server. None: those of the system."""
    cert_file: Path | None = None
    """The certificate that this server shows, with its key unless `key_file` has that. None: it shows none."""
    key_file: Path | None = None
    """The key of `cert_file`."""
    max_connections: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 4
    """How many connections a process uses at a time; one more writes runs, and one listens."""
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 5
    """Seconds that one statement, a connection, or waiting for a free one may take before the store is unavailable. The
    server gives a statement up after as long."""
    password: Annotated[Secret | None, from_env(CREDENTIAL_VARIABLE)] = None
