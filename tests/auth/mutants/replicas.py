"""Servers that do not know of each other."""

from __future__ import annotations

from typing import Any, ClassVar

from fabro_core.auth.base import Identity, LoginAttempt, LoginCallback, LoginField, LoginOption, Redirect
from fabro_core.secret import Secret
from fabro_core.testing.auth.replicas import ReplicaConformance
from tests.auth.sound_methods import Cave, Mint, Strict
from tests.testing.bugs import breaks

SAME = "everybody is the same person on every server"


class Salted(Strict):
    """Has something of its own."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.salt = Secret.random().reveal()


@breaks(SAME, found_by=ReplicaConformance)
class OwnIssuer(Salted):
    def identity(self, login: str) -> Identity:
        return Identity(issuer=f"strict-{self.salt}", subject=login, login=login)

    async def permits(self, identity: Identity, /) -> bool:
        return identity.login in self._listed


@breaks(SAME, found_by=ReplicaConformance)
class OwnSubjects(Salted):
    def identity(self, login: str) -> Identity:
        return Identity(issuer="strict", subject=f"{login}-{self.salt}", login=login)


@breaks(f"{SAME}, also in a process of its own: the token is not", found_by=ReplicaConformance)
class HashedSubjects(Strict):
    """Makes subjects with a hash that is another in every process."""

    def identity(self, login: str) -> Identity:
        return Identity(issuer="strict", subject=str(hash(login)), login=login)


@breaks(f"{SAME}, also in a process of its own: the form is not", found_by=ReplicaConformance)
class NumberedInOrder(Cave):
    """Numbers people in the order of a set."""

    def identity(self, login: str) -> Identity:
        number = hash(login) % 1_000_003
        return Identity(issuer="cave", subject=str(number), login=login)


@breaks("credential_of is the same on every server", found_by=ReplicaConformance)
class OwnCredentials(Cave):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.salt = Secret.random().reveal()

    def credential_of(self, identity: Identity, /) -> Secret | None:
        return Secret(f"{self.salt}{identity.login}")


@breaks("credential_of is the same in every process", found_by=ReplicaConformance)
class HashedCredentials(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        return Secret(str(hash(identity.login)))


@breaks("another server finishes what this one began", found_by=ReplicaConformance)
class KeepsVerifiers(Mint):
    """Keeps what it needs again on this server."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.begun: set[str] = set()

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        self.begun.add(attempt.code_verifier.reveal())
        return await super().start_login(attempt)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        if callback.code_verifier.reveal() not in self.begun:
            raise LookupError("the sign-in was not begun here")
        return await super().finish_login(callback)


@breaks("another process lets whoever agreed at the provider in", found_by=ReplicaConformance)
class KeepsVerifiersInTheClass(Mint):
    """Keeps what it needs again in this process."""

    begun: ClassVar[set[str]] = set()

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        self.begun.add(attempt.code_verifier.reveal())
        return await super().start_login(attempt)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        if callback.code_verifier.reveal() not in self.begun:
            raise LookupError("the sign-in was not begun here")
        return await super().finish_login(callback)


@breaks("the option is the same on every server", found_by=ReplicaConformance)
class OwnFields(Cave):
    numbers: ClassVar[list[int]] = []

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.numbers.append(1)
        self.number = len(self.numbers)

    def option(self) -> LoginOption | None:
        return LoginOption(
            label=f"Cave {self.number}",
            kind="form",
            fields=(LoginField(name="login", label="Name"), LoginField(name="words", label="Words", secret=True)),
        )


@breaks("one list for every server", found_by=ReplicaConformance)
class OwnList(Strict):
    """Puts whoever has come in on a list of its own."""

    async def permits(self, identity: Identity, /) -> bool:
        return identity.login in self.seen or identity.login == "x" * 255

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: set[str] = set()

    def identity(self, login: str) -> Identity:
        self.seen.add(login)
        return super().identity(login)
