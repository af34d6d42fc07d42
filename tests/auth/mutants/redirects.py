"""Sign-ins at a provider: where browsers go, and whom a code stands for."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import msgspec

from fabro_core.auth.base import Identity, LoginAttempt, LoginCallback, Redirect
from fabro_core.testing.auth.redirects import RedirectConformance
from tests.auth.sound_methods import Mint
from tests.testing.bugs import breaks

NOBODY = "whatever the provider does not vouch for"

log = logging.getLogger("mint")


class Rewriting(Mint):
    """Changes where browsers go; the base of mutants that do."""

    def rewritten(self, url: str, attempt: LoginAttempt) -> str:
        raise NotImplementedError

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        return Redirect(url=self.rewritten(redirect.url, attempt))


@breaks("the provider is given the state", found_by=RedirectConformance)
class Stateless(Rewriting):
    def rewritten(self, url: str, attempt: LoginAttempt) -> str:
        return url.replace("&state=", "&session=")


@breaks("only a hash of the verifier leaves the server", found_by=RedirectConformance)
class Revealing(Rewriting):
    def rewritten(self, url: str, attempt: LoginAttempt) -> str:
        return f"{url}&code_verifier={attempt.code_verifier.reveal()}"


@breaks("the URL is an absolute http(s) URL", found_by=RedirectConformance)
class Relative(Rewriting):
    def rewritten(self, url: str, attempt: LoginAttempt) -> str:
        return url.partition(":")[2]


@breaks("the challenge is the hash of the verifier", found_by=RedirectConformance)
class HashesTheState(Rewriting):
    def rewritten(self, url: str, attempt: LoginAttempt) -> str:
        return url.replace("code_challenge=", "code_challenge=x")


@breaks("the provider is given the callback_url", found_by=RedirectConformance)
class ComesBackElsewhere(Rewriting):
    def rewritten(self, url: str, attempt: LoginAttempt) -> str:
        return url.replace("conformance-kit", "mint")


@breaks("what is kept is a Secret, or None", found_by=RedirectConformance)
class KeepsAText(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        kept: Any = "a nonce"
        return Redirect(url=redirect.url, keep=kept)


@breaks(NOBODY, found_by=RedirectConformance)
class Trusting(Mint):
    """Whoever comes back is somebody."""

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        try:
            return await super().finish_login(callback)
        except Exception:
            log.exception("it will be all right")
            return Identity(issuer="mint", subject="guest", login="guest")


@breaks(NOBODY, found_by=RedirectConformance)
class KnowsCodes(Mint):
    """Remembers whom a code stood for."""

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        known: dict[str, Identity] = vars(self).setdefault("known", {})
        code = callback.code.reveal()
        if code not in known:
            known[code] = await super().finish_login(callback)
        return known[code]


@breaks(NOBODY, found_by=RedirectConformance)
class OwnVerifier(Mint):
    """Sends the verifier that the code was issued for, and not the one of this browser."""

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        redirect = await super().start_login(attempt)
        return Redirect(url=redirect.url, keep=attempt.code_verifier)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        assert callback.kept is not None
        return await super().finish_login(msgspec.structs.replace(callback, code_verifier=callback.kept))


class ByHand(Mint):
    """Asks the provider without a library; the base of mutants that do."""

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        form = {
            "grant_type": "authorization_code",
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret.reveal(),
            "code": callback.code.reveal(),
            "redirect_uri": callback.callback_url,
            "code_verifier": callback.code_verifier.reveal(),
        }
        async with httpx.AsyncClient(base_url=self.settings.oauth_url, timeout=5) as client:
            answer = await client.post("/login/oauth/access_token", data=form)
            return self.person(await self.profile(client, self.issued(answer)))

    def issued(self, answer: httpx.Response) -> str:
        return str(answer.raise_for_status().json()["access_token"])

    async def profile(self, client: httpx.AsyncClient, token: str) -> dict[str, Any]:
        asked = await client.get("/user", headers={"Authorization": f"Bearer {token}"})
        profile: dict[str, Any] = asked.raise_for_status().json()
        return profile

    def person(self, profile: dict[str, Any]) -> Identity:
        return Identity(issuer=self.settings.oauth_url, subject=str(profile["id"]), login=profile["login"])


@breaks("it was disowning", found_by=RedirectConformance)
class TakesAnyStatus(ByHand):
    """Does not look whether the provider knows its own token."""

    async def profile(self, client: httpx.AsyncClient, token: str) -> dict[str, Any]:
        asked = await client.get("/user", headers={"Authorization": f"Bearer {token}"})
        return {"id": 0, "login": "unknown", **asked.json()}


@breaks("it was anonymous", found_by=RedirectConformance)
class MakesItUp(ByHand):
    """Gives whoever the provider does not tell anything about a name."""

    def person(self, profile: dict[str, Any]) -> Identity:
        return super().person({"id": 0, "login": "unknown", **profile})


@breaks("a sign in outlasts a restart", found_by=RedirectConformance)
class Nonced(Mint):
    """Has forgotten after a restart what was begun."""

    def lifespan(self) -> Any:
        self.begun: set[str] = set()
        return super().lifespan()

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        self.begun.add(attempt.code_verifier.reveal())
        await asyncio.sleep(0)
        return await super().start_login(attempt)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        self.begun.remove(callback.code_verifier.reveal())
        return await super().finish_login(callback)


@breaks("Identity.subject is empty", found_by=RedirectConformance)
class Nameless(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        return msgspec.structs.replace(await super().finish_login(callback), subject="")
