"""HTTP to one server, over TCP or a Unix socket. Follows no redirect, so that credentials go nowhere else."""

from __future__ import annotations

import re
from typing import Any, Final, Self, TypeVar

import httpx
import msgspec

from fabro_core import __version__
from fabro_core.client.address import ServerAddress
from fabro_core.client.faults import ClientFailed, Refused
from fabro_core.client.logins import decode_secret
from fabro_core.secret import Secret

TIMEOUT_SECONDS: Final = 30
"""Of each step of a request; a write may wait for the disk of a busy server."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")

_T = TypeVar("_T")


class _Error(msgspec.Struct, frozen=True, kw_only=True):
    detail: str
    code: str | None = None


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Errors of every kind (server.md S5); `error` is there where OAuth asks for it (auth.md A20)."""

    errors: list[_Error]
    error: str | None = None


class Connection:
    """Connections to a server, and how its answers are read. A context manager."""

    def __init__(self, address: ServerAddress) -> None:
        self.address: Final = address
        socket = None if address.socket is None else str(address.socket)
        self._http: Final = httpx.Client(
            base_url=address.base_url,
            transport=None if socket is None else httpx.HTTPTransport(uds=socket),
            headers={"User-Agent": f"fabro-cli/{__version__}", "Accept": "application/json"},
            timeout=TIMEOUT_SECONDS,
            trust_env=not address.is_loopback,  # a proxy has no business between programs of one machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def request(self, method: str, path: str, *, bearer: Secret | None = None, **content: Any) -> httpx.Response:
        """Send a request; `content` is that of `httpx.Client.request`. Raises `ClientFailed` without an answer."""
        headers = {} if bearer is None else {"Authorization": self._authorization(bearer)}
        try:
            return self._http.request(method, path, headers=headers, **content)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ClientFailed(f"cannot reach {self.address.name}: {reason}") from None

    def _authorization(self, bearer: Secret) -> str:
        """Checked here, since the text of httpx's own refusal has the value in it."""
        if not _TOKEN.fullmatch(bearer.reveal()):
            raise ClientFailed(f"the credential for {self.address.name} has characters that no token has")
        return f"Bearer {bearer.reveal()}"

    def read(self, answer: httpx.Response, expected: type[_T]) -> _T:
        """The body of a successful answer. Raises `Refused` for any other, `ClientFailed` for what is no answer."""
        if not answer.is_success:
            raise self.refusal(answer)
        try:
            return msgspec.json.decode(answer.content, type=expected, dec_hook=decode_secret)
        except msgspec.DecodeError:
            raise ClientFailed(f"{self.address.name} does not answer as a Fabro server does") from None

    def refusal(self, answer: httpx.Response) -> Refused:
        """What an answer that reports an error says."""
        try:
            envelope = msgspec.json.decode(answer.content, type=_Envelope)
            entry = envelope.errors[0]
        except (msgspec.DecodeError, IndexError):
            detail = f"answered with status {answer.status_code}"
            return Refused(answer.status_code, None, detail, server=self.address.name)
        detail = "\n".join(each.detail for each in envelope.errors)
        return Refused(answer.status_code, envelope.error or entry.code, detail, server=self.address.name)
