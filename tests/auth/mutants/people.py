"""Two people who are taken for one, and one who is taken for two."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from fabro_core.auth.base import Bearer, Identity, LoginForm
from fabro_core.testing.auth.people import PeopleConformance
from tests.auth.mutants.redirects import ByHand
from tests.auth.sound_methods import Cave, Mint, Strict
from tests.testing.bugs import breaks

OWN_SUBJECT = "two people have two subjects"


@breaks(OWN_SUBJECT, found_by=PeopleConformance)
class OneSubject(Strict):
    def identity(self, login: str) -> Identity:
        return Identity(issuer="strict", subject="user", login=login)


@breaks(OWN_SUBJECT, found_by=PeopleConformance)
class ByTheirLength(Cave):
    """Makes subjects of something that is not different for everybody."""

    def identity(self, login: str) -> Identity:
        return Identity(issuer="cave", subject=str(len(login) > 0), login=login)


@breaks(OWN_SUBJECT, found_by=PeopleConformance)
class OneIssuerOneSubject(Mint):
    """Takes whoever is behind the provider for the same."""

    def _identity(self, profile: Any) -> Identity:
        return msgspec.structs.replace(super()._identity(profile), subject="0")


@breaks("also when the provider does not tell their id", found_by=PeopleConformance)
class NobodysNumber(ByHand):
    """Everybody without a number is the person None."""

    def person(self, profile: dict[str, Any]) -> Identity:
        return Identity(issuer=self.settings.oauth_url, subject=str(profile.get("id")), login=profile["login"])


@breaks("also when the provider does not tell their email", found_by=PeopleConformance)
class ByTheirAddress(ByHand):
    """Everybody without an address has the same one."""

    def person(self, profile: dict[str, Any]) -> Identity:
        address = profile.get("email") or "unknown"
        return Identity(issuer=self.settings.oauth_url, subject=address, login=profile["login"])


@breaks("a person has one subject for ever", found_by=PeopleConformance)
class Renamed(ByHand):
    """Takes who has been renamed for another, and who has taken the name over for them."""

    def person(self, profile: dict[str, Any]) -> Identity:
        return Identity(issuer=self.settings.oauth_url, subject=profile["login"], login=profile["login"])


@breaks("however it spells their name", found_by=PeopleConformance)
class Exact(Mint):
    """Compares names letter by letter, where the provider does not."""

    async def permits(self, identity: Identity, /) -> bool:
        return await super().permits(identity) and identity.login == "mona"


@breaks("everybody gets their own answer", found_by=PeopleConformance)
class OneDesk(Cave):
    """Puts down who has come, and looks there again when the words have been checked."""

    async def sign_in(self, form: LoginForm, /) -> Identity:
        await super().sign_in(form)
        self.newest = form.fields["login"].reveal()
        await asyncio.sleep(0)
        return self.identity(self.newest)


@breaks("everybody gets their own answer", found_by=PeopleConformance)
class OneCounter(Strict):
    """The same for tokens."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        self.newest = await super().authenticate(credential)
        await asyncio.sleep(0)
        return self.newest


@breaks("comes back in its callback", found_by=PeopleConformance)
class OneProfile(ByHand):
    """The same for profiles."""

    async def profile(self, client: Any, token: str) -> dict[str, Any]:
        self.newest = await super().profile(client, token)
        await asyncio.sleep(0.05)
        return self.newest
