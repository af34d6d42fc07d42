"""Forms: those that are right, and how others are rejected."""

from __future__ import annotations

import unicodedata
from typing import Any

from fabro_core.auth.base import Identity, LoginForm
from fabro_core.errors import CredentialsRejected
from fabro_core.testing.auth.forms import FormConformance
from tests.auth.sound_methods import WORDS, Cave
from tests.testing.bugs import breaks

NO_OTHER = "no other form is good in place of a valid one"


class Careless(Cave):
    """Compares the words in its own way; the base of mutants that do."""

    def are_right(self, given: str, words: str) -> bool:
        raise NotImplementedError

    async def sign_in(self, form: LoginForm, /) -> Identity:
        login = form.fields["login"].reveal()
        if login in WORDS and self.are_right(form.fields["words"].reveal(), WORDS[login]):
            return self.identity(login)
        return await super().sign_in(form)


@breaks(NO_OTHER, found_by=FormConformance)
class Truncating(Careless):
    """Looks at the first eight characters, as old password files did."""

    def are_right(self, given: str, words: str) -> bool:
        return given[:8] == words[:8]


@breaks(NO_OTHER, found_by=FormConformance)
class EndsAtNul(Careless):
    """Hands the words to something that takes a NUL for their end."""

    def are_right(self, given: str, words: str) -> bool:
        return given.partition("\0")[0] == words


@breaks(NO_OTHER, found_by=FormConformance)
class TidiesUp(Careless):
    """Takes white space at the end away."""

    def are_right(self, given: str, words: str) -> bool:
        return given.rstrip() == words


@breaks(NO_OTHER, found_by=FormConformance)
class FullOfWidth(Careless):
    """Takes what looks alike for the same."""

    def are_right(self, given: str, words: str) -> bool:
        return unicodedata.normalize("NFKC", given) == words


@breaks(NO_OTHER, found_by=FormConformance)
class Shouting(Careless):
    """Takes no notice of letter case."""

    def are_right(self, given: str, words: str) -> bool:
        return given.upper() == words.upper()


@breaks(NO_OTHER, found_by=FormConformance)
class OneTypingError(Careless):
    """Forgives one wrong character."""

    def are_right(self, given: str, words: str) -> bool:
        return len(given) == len(words) and sum(one != other for one, other in zip(given, words, strict=True)) < 2


@breaks(NO_OTHER, found_by=FormConformance)
class Wordless(Careless):
    """An empty password is right, as it is for a directory that is asked without one."""

    def are_right(self, given: str, words: str) -> bool:
        return not given


@breaks(NO_OTHER, found_by=FormConformance)
class Generous(Cave):
    """Does not look at the name."""

    async def sign_in(self, form: LoginForm, /) -> Identity:
        found = [login for login, words in self._words.items() if words.matches(form.fields["words"])]
        if not found:
            raise CredentialsRejected
        return self.identity(found[0])


@breaks("whatever is in its fields", found_by=FormConformance)
class Stumbling(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        form.fields["words"].reveal().encode("ascii")
        return await super().sign_in(form)


@breaks("whoever fills in valid_form is permitted", found_by=FormConformance)
class Choosy(Cave):
    async def permits(self, identity: Identity, /) -> bool:
        return identity.login == "baba"


@breaks("sign_in answered with NoneType", found_by=FormConformance)
class AnswersNobody(Cave):
    """Answers None, as `authenticate` may."""

    async def sign_in(self, form: LoginForm, /) -> Any:
        try:
            return await super().sign_in(form)
        except CredentialsRejected:
            return None


@breaks("one person has one subject, however their name is spelled", found_by=FormConformance)
class AsTheySpellIt(Cave):
    """Finds people in any letter case, and calls each spelling another person."""

    async def sign_in(self, form: LoginForm, /) -> Identity:
        given = form.fields["login"].reveal()
        words = self._words.get(given.lower())
        if words is None or not words.matches(form.fields["words"]):
            raise CredentialsRejected
        return self.identity(given)


@breaks("each field is compared with its own", found_by=FormConformance)
class AnyOrder(Cave):
    """Compares what was filled in, wherever it was."""

    async def sign_in(self, form: LoginForm, /) -> Identity:
        given = {field.reveal() for field in form.fields.values()}
        for login, words in self._words.items():
            if given == {login, words.reveal()}:
                return self.identity(login)
        raise CredentialsRejected


@breaks(NO_OTHER, found_by=FormConformance)
class Trustful(Cave):
    """Knows people once they have come in."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.known: set[str] = set()

    async def sign_in(self, form: LoginForm, /) -> Identity:
        login = form.fields["login"].reveal()
        if login in self.known:
            return self.identity(login)
        identity = await super().sign_in(form)
        self.known.add(login)
        return identity
