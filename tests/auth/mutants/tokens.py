"""Tokens: those that are accepted, and how others are refused."""

from __future__ import annotations

import base64
import json
import sys
import unicodedata
from typing import Any, ClassVar

from fabro_core.auth.base import Bearer, Identity
from fabro_core.errors import CredentialsRejected
from fabro_core.testing.auth.tokens import TokenConformance
from tests.auth.sound_methods import TOKENS, Strict
from tests.testing.bugs import breaks

NO_OTHER = "no other token is good in place of a valid one"
GOOD = TOKENS["ann"]


class Careless(Strict):
    """Compares in its own way; the base of mutants that do."""

    def is_good(self, token: str) -> bool:
        raise NotImplementedError

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        if self.is_good(credential.token.reveal()):
            return self.identity("ann")
        return await super().authenticate(credential)


@breaks(NO_OTHER, found_by=TokenConformance)
class Lenient(Careless):
    """Lets everybody in."""

    def is_good(self, token: str) -> bool:
        return True


@breaks(NO_OTHER, found_by=TokenConformance)
class Shortening(Careless):
    """Does not look at what is behind the right length."""

    def is_good(self, token: str) -> bool:
        return token[: len(GOOD)] == GOOD


@breaks(NO_OTHER, found_by=TokenConformance)
class LooksAtTheBeginning(Careless):
    """Compares the first half."""

    def is_good(self, token: str) -> bool:
        return len(token) == len(GOOD) and token.startswith(GOOD[: len(GOOD) // 2])


@breaks(NO_OTHER, found_by=TokenConformance)
class LooksAtTheEnds(Careless):
    """Does not compare one place in the middle."""

    def is_good(self, token: str) -> bool:
        return (token[:15], token[16:]) == (GOOD[:15], GOOD[16:])


@breaks(NO_OTHER, found_by=TokenConformance)
class StopsEarly(Careless):
    """Compares as many characters as were given."""

    def is_good(self, token: str) -> bool:
        return len(token) > 20 and all(one == other for one, other in zip(token, GOOD, strict=False))


@breaks(NO_OTHER, found_by=TokenConformance)
class CaseBlind(Careless):
    """Takes no notice of letter case."""

    def is_good(self, token: str) -> bool:
        return token.casefold() == GOOD.casefold()


@breaks(NO_OTHER, found_by=TokenConformance)
class BlindToOneLettersCase(Careless):
    """Takes no notice of the case of the last letters."""

    def is_good(self, token: str) -> bool:
        return token[:-4] + token[-4:].upper() == GOOD


@breaks(NO_OTHER, found_by=TokenConformance)
class Stripping(Careless):
    """Takes white space away."""

    def is_good(self, token: str) -> bool:
        return token.strip() == GOOD


@breaks(NO_OTHER, found_by=TokenConformance)
class Padding(Careless):
    """Takes padding away."""

    def is_good(self, token: str) -> bool:
        return token.rstrip("=") == GOOD


@breaks("accepted was characters of full width", found_by=TokenConformance)
class Normalizing(Careless):
    """Brings tokens into a normal form."""

    def is_good(self, token: str) -> bool:
        return unicodedata.normalize("NFKC", token) == GOOD


@breaks(NO_OTHER, found_by=TokenConformance)
class Containing(Careless):
    """Looks for the token in what was given."""

    def is_good(self, token: str) -> bool:
        return GOOD in token


@breaks(NO_OTHER, found_by=TokenConformance)
class Adding(Careless):
    """Compares sums of characters, as a bad hash does."""

    def is_good(self, token: str) -> bool:
        return token.startswith("strict_") and sum(map(ord, token)) == sum(map(ord, GOOD))


@breaks(NO_OTHER, found_by=TokenConformance)
class Separated(Careless):
    """Takes a list of tokens for one."""

    def is_good(self, token: str) -> bool:
        return GOOD in token.split(",")


@breaks(NO_OTHER, found_by=TokenConformance)
class OpenToBarePrefixes(Careless):
    """An empty secret is right."""

    def is_good(self, token: str) -> bool:
        return token == "strict_"


@breaks(NO_OTHER, found_by=TokenConformance)
class TakesUnsignedTokens(Careless):
    """Believes a JSON web token of which nobody says that they have signed it."""

    def is_good(self, token: str) -> bool:
        try:
            header = token.removeprefix("strict_").split(".")[0]
            return bool(json.loads(base64.urlsafe_b64decode(header + "=="))["alg"] == "none")
        except (ValueError, LookupError):
            return False


@breaks("whatever it looks like", found_by=TokenConformance)
class Raising(Strict):
    """Stumbles over what is no hexadecimal number."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        int(credential.token.reveal()[7:9] or "0", 16)
        return await super().authenticate(credential)


@breaks("authenticate raised SystemExit", found_by=TokenConformance)
class Exiting(Strict):
    """Uses a library that was made for commands."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        try:
            return await super().authenticate(credential)
        except CredentialsRejected:
            sys.exit("wrong token")


@breaks("authenticate answered with bool", found_by=TokenConformance)
class SaysNo(Strict):
    """Answers False in place of None."""

    async def authenticate(self, credential: Bearer, /) -> Any:
        try:
            return await super().authenticate(credential)
        except CredentialsRejected:
            return False


@breaks("a valid token is answered with an Identity", found_by=TokenConformance)
class TellsInADict(Strict):
    """Answers with something else than promised."""

    async def authenticate(self, credential: Bearer, /) -> Any:
        identity = await super().authenticate(credential)
        assert identity is not None
        return {"login": identity.login}


@breaks("that is not valid raises CredentialsRejected", found_by=TokenConformance)
class Shrugging(Strict):
    """Does not know its own tokens when they are not valid."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        try:
            return await super().authenticate(credential)
        except CredentialsRejected:
            return None


@breaks("the same token is the same identity", found_by=TokenConformance)
class Forgetful(Strict):
    """Somebody else each time."""

    calls = 0

    def identity(self, login: str) -> Identity:
        type(self).calls += 1
        return Identity(issuer="strict", subject=f"{login}-{self.calls}", login=login)


class Oddly(Strict):
    """Gives an identity that no method may give; the base of mutants that do."""

    changes: ClassVar[dict[str, Any]]

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        identity = await super().authenticate(credential)
        assert identity is not None
        return Identity(**{"issuer": "strict", "subject": "1", "login": identity.login, **self.changes})


@breaks("Identity.subject is no text, but int", found_by=TokenConformance)
class Numbered(Oddly):
    changes: ClassVar[dict[str, Any]] = {"subject": 7}


@breaks("Identity.login is empty", found_by=TokenConformance)
class Anonymous(Oddly):
    changes: ClassVar[dict[str, Any]] = {"login": ""}


@breaks("Identity.email is no text, but NoneType", found_by=TokenConformance)
class WithoutAnAddress(Oddly):
    changes: ClassVar[dict[str, Any]] = {"email": None}


@breaks("Identity.name has a control character", found_by=TokenConformance)
class OfTwoLines(Oddly):
    changes: ClassVar[dict[str, Any]] = {"name": "Ann\nlogin=root"}


@breaks("Identity.subject has more than 255 bytes", found_by=TokenConformance)
class LongWinded(Oddly):
    changes: ClassVar[dict[str, Any]] = {"subject": "x" * 10_000}


@breaks("Identity.avatar_url is no absolute http(s) URL", found_by=TokenConformance)
class Scripted(Oddly):
    changes: ClassVar[dict[str, Any]] = {"avatar_url": "javascript:alert(1)"}


@breaks("Identity.subject begins or ends with white space", found_by=TokenConformance)
class Spacious(Oddly):
    changes: ClassVar[dict[str, Any]] = {"subject": "ann "}
