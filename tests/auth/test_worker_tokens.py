"""Worker tokens: what they say, how long they are good, and what is refused (events.md E18)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from fabro_core.auth.caller import Worker
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.testing.clock import ManualClock
from tests.auth.forging import decoded, forged, is_signed_with

RUN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
KEY = b"k" * 32
HEADER = {"alg": "HS256", "typ": "JWT", "kid": "fabro-worker"}
NOW = 1_772_446_530
"""2026-03-02T10:15:30Z, where a manual clock stands."""
HOURS_72 = 259_200


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tokens(clock: ManualClock) -> WorkerTokens:
    return WorkerTokens(KEY, clock)


def refusal(tokens: WorkerTokens, token: str) -> str | None:
    """The code with which a token is refused; every refusal says that a token was there."""
    with pytest.raises(Unauthenticated) as refused:
        tokens.worker_of(token)
    assert refused.value.token_was_given
    return refused.value.code


def claims(**changes: Any) -> bytes:
    """Good claims with some changes; None leaves a claim out."""
    whole = {
        "iss": "fabro-server-worker",
        "iat": NOW,
        "exp": NOW + HOURS_72,
        "run_id": RUN,
        "scope": "run:worker",
        "jti": "5f0c8a3e-6a0e-4c57-9a54-0d0c1a7f3b11",
        **changes,
    }
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


@pytest.mark.parametrize(("manages_runs", "scope"), [(False, "run:worker"), (True, "run:worker agent:run_tools")])
def test_a_token_says_who_for_how_long_and_what_for(tokens: WorkerTokens, manages_runs: bool, scope: str) -> None:
    worker = Worker(run_id=RUN, manages_runs=manages_runs)
    issued = tokens.issue(worker)
    header, said = decoded(issued.text.reveal())
    assert header == HEADER
    assert UUID(said.pop("jti")).version == 4
    assert said == {"iss": "fabro-server-worker", "iat": NOW, "exp": NOW + HOURS_72, "run_id": RUN, "scope": scope}
    assert is_signed_with(issued.text.reveal(), KEY)
    assert (issued.scope, issued.expires_at.timestamp()) == (scope, NOW + HOURS_72)
    assert tokens.worker_of(issued.text.reveal()) == worker


def test_no_two_tokens_are_alike(tokens: WorkerTokens) -> None:
    worker = Worker(run_id=RUN)
    assert tokens.issue(worker).text.reveal() != tokens.issue(worker).text.reveal()


def test_a_token_that_was_issued_between_two_seconds_lasts_72_hours_from_the_first(
    tokens: WorkerTokens, clock: ManualClock
) -> None:
    clock.advance(timedelta(milliseconds=999))
    issued = tokens.issue(Worker(run_id=RUN))
    assert decoded(issued.text.reveal())[1]["iat"] == NOW
    assert issued.expires_at.timestamp() == NOW + HOURS_72


def test_a_token_expires_five_seconds_after_its_time(tokens: WorkerTokens, clock: ManualClock) -> None:
    token = tokens.issue(Worker(run_id=RUN)).text.reveal()
    clock.advance(timedelta(hours=72, seconds=4, milliseconds=999))
    assert tokens.worker_of(token).run_id == RUN
    clock.advance(timedelta(milliseconds=1))
    assert refusal(tokens, token) == "access_token_expired"


def test_a_token_never_shows_itself(tokens: WorkerTokens) -> None:
    issued = tokens.issue(Worker(run_id=RUN))
    assert issued.text.reveal() not in f"{issued} {issued!r} {tokens!r}"


def test_another_key_or_key_id_is_refused(tokens: WorkerTokens, clock: ManualClock) -> None:
    worker = Worker(run_id=RUN)
    assert refusal(tokens, WorkerTokens(b"K" * 32, clock).issue(worker).text.reveal()) == "access_token_invalid"
    assert refusal(tokens, forged(HEADER, claims(), b"K" * 32)) == "access_token_invalid"


def test_two_servers_with_one_key_accept_each_others_tokens(tokens: WorkerTokens) -> None:
    other = WorkerTokens(KEY, ManualClock())
    assert other.worker_of(tokens.issue(Worker(run_id=RUN)).text.reveal()) == Worker(run_id=RUN)


@pytest.mark.parametrize(
    ("scope", "manages_runs"),
    [("run:worker", False), ("run:worker agent:run_tools", True), ("agent:run_tools run:worker", True)],
)
def test_the_words_of_a_scope_have_no_order(tokens: WorkerTokens, scope: str, manages_runs: bool) -> None:
    token = forged(HEADER, claims(scope=scope), KEY)
    assert tokens.worker_of(token) == Worker(run_id=RUN, manages_runs=manages_runs)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "fabro-server"},
        {"iss": "https://fabro.example.com"},
        {"iss": None},
        {"scope": ""},
        {"scope": " "},
        {"scope": "agent:run_tools"},
        {"scope": "run:worker admin"},
        {"scope": "run:worker run:worker"},
        {"scope": "run:worker agent:run_tools agent:run_tools"},
        {"scope": "run:worker "},
        {"scope": " run:worker"},
        {"scope": "run:worker  agent:run_tools"},
        {"scope": "run:worker\tagent:run_tools"},
        {"scope": "run:worker,agent:run_tools"},
        {"scope": "Run:Worker"},
        {"scope": ["run:worker"]},
        {"scope": None},
        {"run_id": RUN.lower()},
        {"run_id": RUN[:-1]},
        {"run_id": f"{RUN} "},
        {"run_id": "nope"},
        {"run_id": ""},
        {"run_id": 5},
        {"run_id": None},
        {"iat": "now"},
        {"iat": None},
        {"exp": "never"},
        {"exp": 1e400},
        {"exp": None},
        {"jti": None},
    ],
)
def test_a_well_signed_token_that_says_anything_else_is_refused(tokens: WorkerTokens, changes: dict[str, Any]) -> None:
    assert refusal(tokens, forged(HEADER, claims(**changes), KEY)) == "access_token_invalid"


def test_what_is_wrong_with_a_token_is_told_before_that_its_time_is_over(tokens: WorkerTokens) -> None:
    old = {"iat": 0, "exp": 1}
    assert refusal(tokens, forged(HEADER, claims(**old), KEY)) == "access_token_expired"
    assert refusal(tokens, forged(HEADER, claims(**old, scope="admin"), KEY)) == "access_token_invalid"


@pytest.mark.parametrize("exp", [-1, 0, -(10**400)])
def test_a_time_long_ago_is_over(tokens: WorkerTokens, exp: int) -> None:
    assert refusal(tokens, forged(HEADER, claims(exp=exp), KEY)) == "access_token_expired"


def test_a_time_beyond_every_calendar_is_not_over(tokens: WorkerTokens) -> None:
    assert tokens.worker_of(forged(HEADER, claims(exp=10**400), KEY)).run_id == RUN
