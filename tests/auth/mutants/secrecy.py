"""Methods that tell secrets."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import sys
import warnings
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx

from fabro_auth_github.provider import GitHubFailed
from fabro_core.auth.base import Bearer, Identity, LoginAttempt, LoginCallback, LoginForm, Redirect
from fabro_core.context import Problem
from fabro_core.errors import CredentialsRejected
from fabro_core.testing.auth.secrecy import SecrecyConformance
from tests.auth.mutants.redirects import ByHand
from tests.auth.sound_methods import TOKENS, Cave, Mint, Strict
from tests.testing.bugs import breaks

IN_THE_LOG = "is in the log"

log = logging.getLogger("talkative")
quiet = logging.getLogger("talkative.quiet")
quiet.propagate = False


class Talkative(Strict):
    """Says something about each token; the base of mutants that do."""

    def say(self, token: str) -> None:
        raise NotImplementedError

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        self.say(credential.token.reveal())
        return await super().authenticate(credential)


@breaks(IN_THE_LOG, found_by=SecrecyConformance)
class Logging(Talkative):
    def say(self, token: str) -> None:
        log.debug("asked about %s", token)


@breaks(IN_THE_LOG, found_by=SecrecyConformance)
class LoggingByTheWay(Talkative):
    def say(self, token: str) -> None:
        log.info("asked about a token", extra={"token": token})


@breaks(IN_THE_LOG, found_by=SecrecyConformance)
class LoggingQuietly(Talkative):
    def say(self, token: str) -> None:
        quiet.warning("asked about %s", token)


@breaks("is in the log, in base64", found_by=SecrecyConformance)
class LoggingAHeader(Talkative):
    def say(self, token: str) -> None:
        log.debug("Authorization: Basic %s", base64.b64encode(f"user:{token}".encode(errors="replace")).decode())


@breaks("is in the log, percent-encoded", found_by=SecrecyConformance)
class LoggingAUrl(Talkative):
    def say(self, token: str) -> None:
        log.debug("GET /introspect?token=%s", "".join(f"%{byte:02x}" for byte in token.encode(errors="replace")))


@breaks("is in the log, in hexadecimal digits", found_by=SecrecyConformance)
class LoggingBytes(Talkative):
    def say(self, token: str) -> None:
        log.debug("%s", token.encode(errors="replace").hex())


@breaks("is in the log, as JSON", found_by=SecrecyConformance)
class LoggingJson(Talkative):
    def say(self, token: str) -> None:
        log.debug(json.dumps({"t": "".join(f"\\u{ord(character):04x}" for character in token)}).replace("\\\\", "\\"))


@breaks("its second half", found_by=SecrecyConformance)
class LoggingTheEnd(Talkative):
    def say(self, token: str) -> None:
        log.debug("a token that ends with %s", token[-16:])


@breaks("but for its end", found_by=SecrecyConformance)
class LoggingTheBeginning(Talkative):
    def say(self, token: str) -> None:
        log.debug("a token that begins with %s", token[:-4])


@breaks("is in what is printed", found_by=SecrecyConformance)
class Printing(Talkative):
    def say(self, token: str) -> None:
        print("asked about", token, file=sys.stderr)


@breaks("is in the repr of the method", found_by=SecrecyConformance)
class Telling(Strict):
    def __repr__(self) -> str:
        return f"Telling({TOKENS})"


@breaks("is in the identity", found_by=SecrecyConformance)
class SubjectIsTheToken(Strict):
    def identity(self, login: str) -> Identity:
        return Identity(issuer="strict", subject=TOKENS[login], login=login)


@breaks("is in the identity", found_by=SecrecyConformance)
class PictureWithAToken(Strict):
    def identity(self, login: str) -> Identity:
        url = f"https://strict.example/{login}.png?token={quote(TOKENS[login])}"
        return Identity(issuer="strict", subject=login, login=login, avatar_url=url)


@breaks("is in a problem", found_by=SecrecyConformance)
class TellsInAProblem(Strict):
    async def check(self) -> Sequence[Problem]:
        return [Problem(path="server.auth.strict.tokens", message=f"{TOKENS['ann']} is weak")]


class Rejecting(Strict):
    """Rejects in its own way; the base of mutants that do."""

    def reject(self, token: str) -> None:
        raise NotImplementedError

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        with contextlib.suppress(CredentialsRejected):
            return await super().authenticate(credential)
        self.reject(credential.token.reveal())
        raise CredentialsRejected


@breaks("is in a rejection", found_by=SecrecyConformance)
class SaysWhatItRejects(Rejecting):
    def reject(self, token: str) -> None:
        raise CredentialsRejected(f"{token!r} is not valid")


@breaks("is in a rejection", found_by=SecrecyConformance)
class RejectsWithACause(Rejecting):
    def reject(self, token: str) -> None:
        raise CredentialsRejected from KeyError(token)


@breaks("is in a rejection", found_by=SecrecyConformance)
class RejectsInAContext(Rejecting):
    def reject(self, token: str) -> None:
        try:
            TOKENS[token]
        except KeyError:
            raise CredentialsRejected  # noqa: B904  (that is the bug)


@breaks("is in a rejection", found_by=SecrecyConformance)
class RejectsWithANote(Rejecting):
    def reject(self, token: str) -> None:
        error = CredentialsRejected()
        error.add_note(f"token: {token}")
        raise error


@breaks("is in a rejection", found_by=SecrecyConformance)
class RejectsWithAnAttribute(Rejecting):
    def reject(self, token: str) -> None:
        error: Any = CredentialsRejected()
        error.token = token
        raise error


@breaks("is in a warning", found_by=SecrecyConformance)
class RejectsWithAWarning(Rejecting):
    def reject(self, token: str) -> None:
        warnings.warn(f"{token} is no token of this year", DeprecationWarning, stacklevel=2)


@breaks("the field words is in the log", found_by=SecrecyConformance)
class Chatty(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        log.debug("somebody said %s", form.fields["words"].reveal())
        return await super().sign_in(form)


@breaks("the field words is in the identity", found_by=SecrecyConformance)
class RepeatsTheWords(Cave):
    def identity(self, login: str) -> Identity:
        words = self._words[login].reveal()
        return Identity(issuer="cave", subject=base64.b64encode(f"{login}:{words}".encode()).decode(), login=login)


@breaks("the field words is in a rejection", found_by=SecrecyConformance)
class ComparesAloud(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        try:
            return await super().sign_in(form)
        except CredentialsRejected as error:
            expected = self._words.get(form.fields["login"].reveal())
            raise CredentialsRejected from ValueError(f"expected {expected and expected.reveal()}, {error}")


@breaks("is in the log", found_by=SecrecyConformance)
class TellsTheCode(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        log.debug("the code is %s", callback.code.reveal())
        return await super().finish_login(callback)


@breaks("is in a failure of the provider", found_by=SecrecyConformance)
class FailsWithTheCode(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        try:
            return await super().finish_login(callback)
        except GitHubFailed as error:
            raise RuntimeError("no luck") from ValueError(f"{error}: code={callback.code.reveal()}")


@breaks("is in a failure of the provider", found_by=SecrecyConformance)
class RepeatsTheProvider(ByHand):
    """Tells what the provider says, which on a bad day is what it was told."""

    def issued(self, answer: httpx.Response) -> str:
        if "access_token" not in answer.text:
            raise RuntimeError(answer.text)
        return super().issued(answer)


@breaks("the client's secret is in the log", found_by=SecrecyConformance)
class TellsTheClientsSecret(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        log.debug("asking with %s", self.settings.client_secret.reveal())
        return await super().finish_login(callback)


@breaks("is in the query of a URL", found_by=SecrecyConformance)
class TokenInAUrl(ByHand):
    async def profile(self, client: httpx.AsyncClient, token: str) -> dict[str, Any]:
        authorization = {"Authorization": f"Bearer {token}"}
        asked = await client.get("/user", params={"access_token": token}, headers=authorization)
        profile: dict[str, Any] = asked.raise_for_status().json()
        return profile


@breaks("the verifier is in the URL that the browser is sent to, in base64", found_by=SecrecyConformance)
class SendsTheVerifierAlong(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        kept = base64.urlsafe_b64encode(attempt.code_verifier.reveal().encode()).decode()
        return Redirect(url=f"{redirect.url}&relay={kept}")


@breaks("the state is in the log", found_by=SecrecyConformance)
class LogsWhereItSendsBrowsers(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        log.info("sending a browser to %s", redirect.url)
        return redirect
