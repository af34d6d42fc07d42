"""What must not be seen, where each of it may be seen all the same, and everything that clients got to see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fabro_core.http.asgi import ASGIApp, Message, Receive, Scope, Send

Place = tuple[str, str]
"""A request without its query, such as `POST /auth/cli/token`, and a header of the answer, or `body`."""


@dataclass(frozen=True)
class Secret:
    """Something that must not be seen."""

    name: str
    text: str
    places: frozenset[Place]


@dataclass
class Ledger:
    """The secrets of a server and its clients."""

    secrets: list[Secret] = field(default_factory=list)

    def keep(self, name: str, text: str, *places: Place) -> str:
        """Enter a secret, which belongs in the given places alone; returns it."""
        assert len(text) >= 16, "short texts may occur anywhere"
        self.secrets.append(Secret(name, text, frozenset(places)))
        return text

    def found_in(self, text: str) -> set[str]:
        """The names of the secrets that a text has."""
        return {secret.name for secret in self.secrets if secret.text in text}


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    request: str
    headers: list[tuple[str, str]]
    body: str

    def parts(self) -> Iterator[tuple[Place, str]]:
        """Each header and the body, by its place."""
        for name, value in self.headers:
            yield (self.request, name), value
        yield (self.request, "body"), self.body


class Recording:
    """Wraps an application, and keeps what it answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.answers: list[Answer] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[str, str]] = []
        body = bytearray()

        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers.extend((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
            body.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, recorded)
        self.answers.append(Answer(f"{scope['method']} {scope['path']}", headers, body.decode("latin-1")))


def leaks(ledger: Ledger, answers: list[Answer]) -> set[tuple[str, Place]]:
    """Secrets that were answered in places where they do not belong."""
    return {
        (secret.name, place)
        for answer in answers
        for place, text in answer.parts()
        for secret in ledger.secrets
        if secret.text in text and place not in secret.places
    }


def unseen(ledger: Ledger, answers: list[Answer]) -> set[str]:
    """Secrets that were never answered in any place where they belong: nothing was learned about them."""
    seen = {
        secret.text
        for answer in answers
        for place, text in answer.parts()
        for secret in ledger.secrets
        if place in secret.places and secret.text in text
    }
    return {secret.name for secret in ledger.secrets if secret.places and secret.text not in seen}
