"""Every credential that a request may carry, and whom it stands for (auth.md A4 to A7, A24)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import User, Worker
from fabro_core.auth.keys import Purpose, derive_key
from fabro_core.auth.worker_tokens import KEY_ID
from fabro_core.secret import Secret
from tests.api.cli_logins import MONA, UNKNOWN, Site
from tests.api.conftest import SESSION_SECRET
from tests.auth.forging import decoded, forged

OWN: Final = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
"""The run in every path. It does not exist, so nobody who is admitted changes anything."""
OTHER: Final = "01KJQ0QEPA7V9X1B2C4D6F8G0J"

BARRED: Final = Identity(issuer=MONA.issuer, subject="7", login="barred")
"""Somebody who is authentic, and not permitted."""

MISSING: Final = 'Bearer realm="fabro"'
INVALID: Final = 'Bearer realm="fabro", error="invalid_token"'


@dataclass(frozen=True)
class Answered:
    """What a guard makes of a request."""

    outcome: str
    """`admitted`, `sent to the login page`, or the status of a refusal."""
    code: str | None = None
    challenge: str | None = None
    """`WWW-Authenticate`."""


ABSENT: Final = Answered("401", None, MISSING)
MALFORMED: Final = Answered("401", "unauthorized", MISSING)
MISUSED: Final = Answered("401", "unauthorized", INVALID)
WRONG: Final = Answered("401", "access_token_invalid", INVALID)
EXPIRED: Final = Answered("401", "access_token_expired", INVALID)
OF_A_METHOD_THAT_IS_OFF: Final = Answered("401", "access_token_invalid", MISSING)
NOT_PERMITTED: Final = Answered("403", "login_not_permitted")

Headers = list[tuple[str, str]]
CallerKind = Literal["own", "own managing", "other", "other managing", "person", "person with a browser"]
"""A worker, by its run and its scope, or a person."""


@dataclass(frozen=True)
class Credential:
    """What a request carries."""

    headers: Headers
    stands_for: Answered | CallerKind
    """The caller; or the refusal of everybody who needs to be somebody."""

    @property
    def authorization(self) -> str | None:
        """The first header of this name."""
        return next((value for name, value in self.headers if name == "Authorization"), None)

    @property
    def has_cookie(self) -> bool:
        """There is a session cookie, whatever it is worth."""
        return any(name == "Cookie" for name, _ in self.headers)

    @property
    def is_foreign(self) -> bool:
        """A page of another site has made the request."""
        return ("Sec-Fetch-Site", "cross-site") in self.headers


@dataclass
class Issuer:
    """Makes credentials of one server."""

    site: Site

    def worker_token(self, run_id: str, *, manages_runs: bool = False) -> str:
        worker = Worker(run_id=run_id, manages_runs=manages_runs)
        return self.site.services.auth.workers.issue(worker).text.reveal()

    async def access_token(self, identity: Identity = MONA) -> str:
        """Of a login that is under way."""
        cli = self.site.services.auth.require_browser().cli
        issued = await cli.chains.open(identity, "sso", user_agent=None)
        return cli.access_tokens.issue(issued.token.chain_id, issued.chain).text.reveal()

    async def revoked_access_token(self) -> str:
        cli = self.site.services.auth.require_browser().cli
        issued = await cli.chains.open(MONA, "sso", user_agent=None)
        await cli.chains.log_out(issued.token)
        return cli.access_tokens.issue(issued.token.chain_id, issued.chain).text.reveal()

    async def cookie(self, identity: Identity = MONA, method: str = "sso") -> str:
        """Of a session that is open."""
        user = User(identity=identity, method=method)
        _, cookie = await self.site.services.auth.require_browser().sessions.open(
            user, credential=None, user_agent=None
        )
        return cookie

    async def revoked_cookie(self) -> str:
        cookie = await self.cookie()
        assert await self.site.services.auth.require_browser().sessions.end(cookie)
        return cookie


async def outlived(issuer: Issuer) -> dict[str, Credential]:
    """Credentials that were good once; afterwards their time is over, and so is the permission of one person."""
    worker, access, cookie = issuer.worker_token(OWN), await issuer.access_token(), await issuer.cookie()
    issuer.site.server.clock.advance(timedelta(days=31))
    issuer.site.method.barred = {BARRED.login}
    return {
        "expired worker token": Credential(bearer(worker), EXPIRED),
        "expired access token": Credential(bearer(access), EXPIRED),
        "expired cookie": Credential(cookies(cookie), ABSENT),
    }


async def issued_now(issuer: Issuer) -> dict[str, Credential]:
    """Every other credential. Made anew for each route, as some routes end sessions."""
    access, worker, cookie = await issuer.access_token(), issuer.worker_token(OWN), await issuer.cookie()
    good_cookie = cookies(cookie)
    dev_token = bearer(issuer.site.server.token)
    ours, foreign = [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "cross-site")]
    return {
        "nothing": Credential([], ABSENT),
        "another scheme": Credential([("Authorization", "Basic ZGV2OmRldg==")], MALFORMED),
        "an empty header": Credential([("Authorization", "")], MALFORMED),
        "two headers": Credential([*dev_token, *dev_token], MALFORMED),
        "another scheme beside a good cookie": Credential([("Authorization", "Basic x"), *good_cookie], MALFORMED),
        "wrong token beside a good cookie": Credential([*bearer("x"), *good_cookie], WRONG),
        "wrong token": Credential(bearer("x"), WRONG),
        "wrong dev token": Credential(bearer("fabro_dev_" + "0" * 64), WRONG),
        "refresh token": Credential(bearer(UNKNOWN), MISUSED),
        "access token without a signature": Credential(bearer(unsigned(access)), WRONG),
        "access token of another secret": Credential(
            bearer(signed_again(access, "t" * 64, Purpose.ACCESS_TOKENS)), WRONG
        ),
        "access token that calls itself a worker's": Credential(
            bearer(signed_again(access, SESSION_SECRET, Purpose.ACCESS_TOKENS, kid=KEY_ID)), WRONG
        ),
        "worker token of another secret": Credential(
            bearer(signed_again(worker, "t" * 64, Purpose.WORKER_TOKENS, kid=KEY_ID)), WRONG
        ),
        "revoked access token": Credential(bearer(await issuer.revoked_access_token()), WRONG),
        "access token of a person who is barred": Credential(bearer(await issuer.access_token(BARRED)), NOT_PERMITTED),
        "tampered cookie": Credential(cookies(tampered(cookie)), ABSENT),
        "revoked cookie": Credential(cookies(await issuer.revoked_cookie()), ABSENT),
        "cookie of a person who is barred": Credential(cookies(await issuer.cookie(BARRED)), NOT_PERMITTED),
        "cookie of a method that is off": Credential(
            cookies(await issuer.cookie(method="gitlab")), OF_A_METHOD_THAT_IS_OFF
        ),
        "worker of the run": Credential(bearer(worker), "own"),
        "worker of the run, managing": Credential(bearer(issuer.worker_token(OWN, manages_runs=True)), "own managing"),
        "worker of another run": Credential(bearer(issuer.worker_token(OTHER)), "other"),
        "worker of another run, managing": Credential(
            bearer(issuer.worker_token(OTHER, manages_runs=True)), "other managing"
        ),
        "dev token": Credential(dev_token, "person"),
        "access token": Credential(bearer(access), "person"),
        "dev token in a foreign page": Credential([*dev_token, *foreign], "person"),
        "dev token beside a tampered cookie": Credential([*dev_token, *cookies(tampered(cookie))], "person"),
        "cookie": Credential(good_cookie, "person with a browser"),
        "cookie in a page of ours": Credential([*good_cookie, *ours], "person with a browser"),
        "cookie in a foreign page": Credential([*good_cookie, *foreign], "person with a browser"),
    }


def bearer(token: str) -> Headers:
    return [("Authorization", f"Bearer {token}")]


def cookies(session: str) -> Headers:
    return [("Cookie", f"__fabro_session={session}")]


def unsigned(token: str) -> str:
    """The same claims under the header `{"alg":"none"}`."""
    return f"eyJhbGciOiJub25lIn0.{token.split('.')[1]}.eA"


def signed_again(token: str, session_secret: str, purpose: Purpose, **header: str) -> str:
    """The same claims, signed as a server with this secret would."""
    _, claims = decoded(token)
    key = derive_key(Secret(session_secret), purpose)
    return forged({"alg": "HS256", **header}, json.dumps(claims).encode(), key)


def tampered(cookie: str) -> str:
    """With one letter in the middle changed."""
    at = len(cookie) // 2
    return cookie[:at] + ("B" if cookie[at] == "A" else "A") + cookie[at + 1 :]
