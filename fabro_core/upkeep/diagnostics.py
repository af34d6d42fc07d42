"""What works of a running server and what does not, found out when somebody asks (resources.md X14).

Nothing that is told has a secret: where a check fails with an exception, the log has the cause and the answer has not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.context import Problem
from fabro_core.errors import Refusal
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.store.probe import try_a_write

LIMIT_SECONDS: Final = 25.0
"""For all checks together, which run at the same time."""

LEAST_SECRET_BYTES: Final = 32

_SEE_LOG: Final = "The log of the server has the cause."

log = logging.getLogger("fabro.diagnostics")

CheckMethod = Callable[[], Awaitable[Sequence[Problem]]]


class DiagnosticsTimeout(Refusal):
    """The checks have not ended in their time: 504 `diagnostics_timeout`."""

    def __init__(self) -> None:
        super().__init__("The checks have not ended in their time.", code="diagnostics_timeout")


class DiagnosticsDetail(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    warn: bool


class DiagnosticsCheck(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    status: Literal["pass", "warning", "error"]
    summary: str
    details: Sequence[DiagnosticsDetail] = ()
    remediation: str | None = None
    """The way out; None: there is none to tell, or the details say it."""


class DiagnosticsSection(msgspec.Struct, frozen=True):
    title: str
    checks: Sequence[DiagnosticsCheck]


class Diagnostics:
    """The checks of one server; `methods` are those of its auth methods, by name."""

    def __init__(
        self, store: RunStore, clock: Clock, *, session_secret: Secret | None, methods: Mapping[str, CheckMethod]
    ) -> None:
        self._store = store
        self._clock = clock
        self._session_secret = session_secret
        self._methods = methods

    async def run(self) -> list[DiagnosticsSection]:
        """Everything that was found. Raises `DiagnosticsTimeout`."""
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                of_store, of_methods = await asyncio.gather(
                    asyncio.gather(
                        self._check_store("ping", self._store.ping), self._check_store("write", self._write)
                    ),
                    asyncio.gather(*(_check_method(*each) for each in self._methods.items())),
                )
        except TimeoutError:
            raise DiagnosticsTimeout from None
        return [
            DiagnosticsSection("Store", of_store),
            DiagnosticsSection("Session secret", [_check_secret(self._session_secret)]),
            DiagnosticsSection("Authentication", of_methods),
        ]

    async def _check_store(self, name: str, work: Callable[[], Awaitable[None]]) -> DiagnosticsCheck:
        store = self._store.info().name
        began = time.monotonic()
        try:
            await work()
        except Exception:
            log.exception("the store %s fails the check %s", store, name)
            return DiagnosticsCheck(name=name, status="error", summary=f"{store} does not do it.", remediation=_SEE_LOG)
        taken = DiagnosticsDetail(text=f"{(time.monotonic() - began) * 1000:.0f} ms", warn=False)
        done = "answers" if name == "ping" else "takes writes"
        return DiagnosticsCheck(name=name, status="pass", summary=f"{store} {done}.", details=[taken])

    async def _write(self) -> None:
        await try_a_write(self._store, epoch_ms(self._clock.now()))


def _check_secret(secret: Secret | None) -> DiagnosticsCheck:
    if secret is None:
        return DiagnosticsCheck(
            name="session secret",
            status="warning",
            summary="SESSION_SECRET is not set.",
            remediation=f"Set it to at least {LEAST_SECRET_BYTES} bytes: without it nobody signs in with a browser, and"
            " tokens of workers end with the server.",
        )
    if len(secret.reveal().encode("utf-8", "surrogateescape")) < LEAST_SECRET_BYTES:
        return DiagnosticsCheck(
            name="session secret",
            status="error",
            summary="SESSION_SECRET is too short.",
            remediation=f"Set it to at least {LEAST_SECRET_BYTES} bytes.",
        )
    return DiagnosticsCheck(name="session secret", status="pass", summary="SESSION_SECRET is set, and long enough.")


async def _check_method(name: str, check: CheckMethod) -> DiagnosticsCheck:
    try:
        problems = await check()
    except Exception:
        log.exception("the check of the auth method %s fails", name)
        return DiagnosticsCheck(name=name, status="error", summary="It cannot be checked.", remediation=_SEE_LOG)
    if not problems:
        return DiagnosticsCheck(name=name, status="pass", summary="It finds nothing wrong.")
    details = [DiagnosticsDetail(text=each.line(), warn=True) for each in problems]
    return DiagnosticsCheck(name=name, status="error", summary="It finds something wrong.", details=details)
