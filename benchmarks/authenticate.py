"""What authentication adds to a request: microseconds of the processor from its headers to its caller, on one thread.

Each credential is one that is good, and sent again and again, as programs and browsers do. A session and the chain
behind an access token are read from the store every time, so that they can end at any moment.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import thread_time
from types import SimpleNamespace
from typing import Final

import uvloop

from fabro_core.app import create_app
from fabro_core.auth.base import AuthMethod, Identity, LoginOption
from fabro_core.auth.caller import User, Worker
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.http.services import SERVICES, Services
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin

STORES: Final = ("memory", "sqlite")
METHOD: Final = "sso"
PERSON: Final = Identity(issuer="https://sso.example", subject="90210", login="mona", name="Mona L.")
RUN: Final = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
COMMON: Final = (
    (b"host", b"localhost:3000"),
    (b"user-agent", b"fabro-cli/1.0.0"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip"),
)
"""Headers that stand before the credential."""

Headers = list[tuple[bytes, bytes]]


class SingleSignOn(AuthMethod):
    """Makes logins on the command line possible; nobody ever signs in with it."""

    def option(self) -> LoginOption:
        return LoginOption(label="Single sign-on", kind="redirect")


@hookimpl
def fabro_auth_method() -> AuthMethod:
    return SingleSignOn()


def measure(work: Path, *, calls: int, rounds: int) -> Iterator[str]:
    """The rows of a Markdown table; each figure is the median of `rounds` rounds of `calls` calls."""
    yield "| credential | memory µs | SQLite µs |"
    yield "|---|---|---|"
    by_store = [uvloop.run(_costs(work / store, store, calls=calls, rounds=rounds)) for store in STORES]
    for credential in by_store[0]:
        yield f"| {credential} | {' | '.join(f'{costs[credential]:.1f}' for costs in by_store)} |"


async def _costs(home: Path, store: str, *, calls: int, rounds: int) -> dict[str, float]:
    """Microseconds for each credential."""
    token = f"fabro_dev_{secrets.token_hex(32)}"
    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_auth_method=fabro_auth_method)
    app = create_app(
        {"server": {"auth": {"methods": ["dev-token", METHOD]}, "store": {"kind": store}}},
        plugins=[InlinePlugin(group=Group.AUTH, name=METHOD, target=target)],
        environ={"FABRO_HOME": str(home), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": secrets.token_hex(32)},
    )
    async with app.lifespan():
        services: Services = app.litestar.state[SERVICES]
        credentials = await _credentials(services, token)
        seen: dict[str, list[float]] = {name: [] for name in credentials}
        for _ in range(rounds):
            for name, headers in credentials.items():
                seen[name].append(await _cost(services, headers, calls))
                await asyncio.sleep(0)
    return {name: statistics.median(costs) for name, costs in seen.items()}


async def _credentials(services: Services, token: str) -> Mapping[str, Headers]:
    auth, browser = services.auth, services.auth.require_browser()
    person = User(identity=PERSON, method=METHOD)
    _, cookie = await browser.sessions.open(person, credential=None, user_agent="Mozilla/5.0")
    issued = await browser.cli.chains.open(PERSON, METHOD, user_agent="fabro-cli/1.0.0")
    access_token = browser.cli.access_tokens.issue(issued.token.chain_id, issued.chain).text
    worker_token = auth.workers.issue(Worker(run_id=RUN)).text
    return {
        "dev token": _bearer(token),
        "session cookie": [*COMMON, (b"cookie", f"__fabro_session={cookie}".encode("ascii"))],
        "access token": _bearer(access_token.reveal()),
        "worker token": _bearer(worker_token.reveal()),
    }


def _bearer(token: str) -> Headers:
    return [*COMMON, (b"authorization", f"Bearer {token}".encode("ascii"))]


async def _cost(services: Services, headers: Headers, calls: int) -> float:
    """Microseconds for one call, whatever else the machine does."""
    authenticate = services.auth.authenticator.authenticate
    began = thread_time()
    for _ in range(calls):
        await authenticate(headers)
    return (thread_time() - began) / calls * 1e6
