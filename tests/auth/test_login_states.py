"""Sign-ins under way: who can finish them, how often, and what the store knows about them (auth.md A11, A12, A14)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fabro_core.auth.base import LoginAttempt
from fabro_core.auth.login_states import LoginStates, is_binding
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.testing.clock import ManualClock
from tests.auth.conftest import documents_of

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]

SESSION_SECRET = Secret("0123456789abcdef" * 4)
CALLBACK = "https://fabro.example/auth/callback/github"
BINDING = Secret("b" * 43)
KEPT = Secret("what the method wants back")


async def begun(states: LoginStates, *, kept: Secret | None = None, return_to: str | None = None) -> LoginAttempt:
    attempt = states.attempt(CALLBACK)
    await states.remember(attempt, method="github", binding=BINDING, kept=kept, return_to=return_to)
    return attempt


async def test_the_browser_that_began_finds_everything_again_on_another_server(
    replicas: Replicas, clock: ManualClock
) -> None:
    servers = [LoginStates(store, clock, SESSION_SECRET) for store in replicas]
    attempt = await begun(servers[0], kept=KEPT, return_to="/runs/X")
    pending = await servers[1].find(attempt.state, method="github", bindings=[BINDING])
    assert pending is not None
    assert (pending.code_verifier, pending.kept, pending.return_to) == (attempt.code_verifier, KEPT, "/runs/X")


async def test_every_attempt_has_a_state_and_a_verifier_of_its_own(replicas: Replicas, clock: ManualClock) -> None:
    states = LoginStates(replicas[0], clock, SESSION_SECRET)
    one, other = states.attempt(CALLBACK), states.attempt(CALLBACK)
    assert len({one.state, one.code_verifier, other.state, other.code_verifier}) == 4
    assert {len(each.reveal()) for each in (one.state, one.code_verifier)} == {43}


async def test_of_twenty_callbacks_at_once_one_takes_it(replicas: Replicas, clock: ManualClock) -> None:
    servers = [LoginStates(store, clock, SESSION_SECRET) for store in replicas]
    attempt = await begun(servers[0])

    async def take(states: LoginStates) -> bool:
        pending = await states.find(attempt.state, method="github", bindings=[BINDING])
        return pending is not None and await states.take(pending)

    taken = await asyncio.gather(*(take(servers[n % 2]) for n in range(20)))
    assert taken.count(True) == 1
    assert await servers[0].find(attempt.state, method="github", bindings=[BINDING]) is None


async def test_another_browser_another_method_and_another_state_find_nothing_and_spoil_nothing(
    replicas: Replicas, clock: ManualClock
) -> None:
    states = LoginStates(replicas[0], clock, SESSION_SECRET)
    attempt = await begun(states)
    assert await states.find(attempt.state, method="github", bindings=[Secret("c" * 43)]) is None
    assert await states.find(attempt.state, method="gitlab", bindings=[BINDING]) is None
    assert await states.find(Secret("ünknown"), method="github", bindings=[BINDING]) is None
    assert await states.find(attempt.state, method="github", bindings=[BINDING]) is not None


async def test_it_has_ten_minutes(replicas: Replicas, clock: ManualClock) -> None:
    states = LoginStates(replicas[0], clock, SESSION_SECRET)
    attempt = await begun(states)
    clock.advance(timedelta(minutes=10) - timedelta(milliseconds=1))
    assert await states.find(attempt.state, method="github", bindings=[BINDING]) is not None
    clock.advance(timedelta(milliseconds=1))
    assert await states.find(attempt.state, method="github", bindings=[BINDING]) is None


async def test_nothing_in_the_store_finishes_it(replicas: Replicas, clock: ManualClock) -> None:
    attempt = await begun(LoginStates(replicas[0], clock, SESSION_SECRET), kept=KEPT)
    ((key, body),) = await documents_of(replicas[1], "auth.login", clock)
    stored = key + body.decode()
    for secret in (attempt.state, attempt.code_verifier, BINDING, KEPT):
        assert secret.reveal() not in stored


async def test_another_session_secret_ends_it(replicas: Replicas, clock: ManualClock) -> None:
    attempt = await begun(LoginStates(replicas[0], clock, SESSION_SECRET))
    rotated = LoginStates(replicas[1], clock, Secret("another session secret".ljust(32)))
    assert await rotated.find(attempt.state, method="github", bindings=[BINDING]) is None


@pytest.mark.parametrize("text", ["", "b", "b" * 42, "c" * 44, "ü" * 43, "b" * 42 + "=", "d" * 43 + "AA"])
def test_a_binding_of_another_form_is_none(text: str) -> None:
    assert not is_binding(text)


def test_a_random_token_has_the_form_of_a_binding() -> None:
    assert is_binding(Secret.random().reveal())
