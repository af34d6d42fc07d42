"""Command-line logins: rotation, reuse detection, races (auth.md A21, A29 34 to 36)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from fabro_core.auth.chains import Chain, Chains, Issued, RefreshRefused, RefreshReplayed
from fabro_core.auth.refresh_tokens import RefreshToken, RefreshTokens
from fabro_core.auth.refusals import LoginNotPermitted
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, DocWrite
from fabro_core.testing.clock import ManualClock
from tests.auth.conftest import LISA, MONA, TOKENS, documents_of

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]


async def everybody(chain: Chain) -> None:
    """Admits whoever asks."""


async def nobody(chain: Chain) -> None:
    raise LoginNotPermitted


@pytest.fixture
def chains(replicas: Replicas, clock: ManualClock) -> Chains:
    return Chains(replicas[0], clock, TOKENS)


async def opened(chains: Chains) -> RefreshToken:
    return (await chains.open(MONA, "github", user_agent="fabro-cli/1.0.0")).token


async def refreshed(chains: Chains, token: RefreshToken) -> RefreshToken:
    return (await chains.refresh(token, everybody)).token


async def refusal(chains: Chains, token: RefreshToken) -> str | None:
    """The code that a refresh is refused with."""
    with pytest.raises(RefreshRefused) as refused:
        await chains.refresh(token, everybody)
    return refused.value.code


def outcome(result: Issued | BaseException) -> str | None:
    assert isinstance(result, Issued | RefreshRefused), result
    return "issued" if isinstance(result, Issued) else result.code


async def test_of_fifty_refreshes_of_one_token_at_once_one_succeeds_and_its_tokens_go_on(
    replicas: Replicas, clock: ManualClock
) -> None:
    servers = [Chains(store, clock, TOKENS) for store in replicas]
    token = await opened(servers[0])
    results = await asyncio.gather(
        *(servers[n % 2].refresh(token, everybody) for n in range(50)), return_exceptions=True
    )
    assert Counter(map(outcome, results)) == {"issued": 1, "refresh_token_raced": 49}
    (winner,) = (result for result in results if isinstance(result, Issued))
    assert await refreshed(servers[1], winner.token) != winner.token


async def test_of_many_replays_at_once_one_is_the_replay_and_the_others_find_the_chain_revoked(
    replicas: Replicas, clock: ManualClock
) -> None:
    servers = [Chains(store, clock, TOKENS) for store in replicas]
    token = await opened(servers[0])
    await refreshed(servers[0], token)
    clock.advance(timedelta(minutes=1))
    results = await asyncio.gather(
        *(servers[n % 2].refresh(token, everybody) for n in range(20)), return_exceptions=True
    )
    assert Counter(map(type, results)) == {RefreshReplayed: 1, RefreshRefused: 19}
    assert Counter(map(outcome, [*results])) == {"refresh_token_revoked": 20}


async def test_a_note_of_use_does_not_undo_or_fail_a_rotation(replicas: Replicas, clock: ManualClock) -> None:
    servers = [Chains(store, clock, TOKENS) for store in replicas]
    token = await opened(servers[0])
    clock.advance(timedelta(minutes=2))
    stored = await servers[1].find(token.chain_id)
    assert stored is not None
    async with asyncio.TaskGroup() as group:
        rotation = group.create_task(refreshed(servers[0], token))
        for number in range(10):
            group.create_task(servers[number % 2].note_use(stored))
    newest = rotation.result()
    assert await refreshed(servers[1], newest) != newest


async def test_a_replaced_token_is_late_for_ten_seconds(chains: Chains, clock: ManualClock) -> None:
    first = await opened(chains)
    second = await refreshed(chains, first)
    clock.advance(timedelta(seconds=10))
    assert await refusal(chains, first) == "refresh_token_raced"
    assert await refreshed(chains, second) != second


@pytest.mark.parametrize("later", [timedelta(seconds=10, milliseconds=1), timedelta(minutes=1)])
async def test_after_that_it_is_a_replay_which_ends_the_newest_token_too(
    chains: Chains, clock: ManualClock, later: timedelta
) -> None:
    first = await opened(chains)
    second = await refreshed(chains, first)
    clock.advance(later)
    assert await refusal(chains, first) == "refresh_token_revoked"
    assert await refusal(chains, second) == "refresh_token_revoked"
    assert not await chains.is_live(first.chain_id)


async def test_the_token_before_the_previous_one_is_a_replay_at_once(chains: Chains) -> None:
    first = await opened(chains)
    newest = await refreshed(chains, await refreshed(chains, first))
    assert await refusal(chains, first) == "refresh_token_revoked"
    assert await refusal(chains, newest) == "refresh_token_revoked"


async def test_whoever_knows_no_more_than_its_id_does_not_end_a_chain(chains: Chains) -> None:
    first = await opened(chains)
    token = await refreshed(chains, first)
    other = await opened(chains)
    for secret in (Secret.random(), other.secret, RefreshTokens(b"x" * 32).issue(token.chain_id).secret):
        made_up = RefreshToken(chain_id=token.chain_id, secret=secret)
        assert await refusal(chains, made_up) == "refresh_token_expired"
    assert await refreshed(chains, token) != token


async def test_a_token_from_before_tokens_were_authenticated_is_good_and_its_replay_is_one(
    chains: Chains, replicas: Replicas, clock: ManualClock
) -> None:
    token = await opened(chains)
    older = RefreshToken(chain_id=token.chain_id, secret=Secret.random())
    ((_, body),) = await documents_of(replicas[0], "auth.chain", clock)
    stored = body.replace(token.secret.hexdigest().encode(), older.secret.hexdigest().encode())
    await replicas[0].put_doc(
        DocWrite(collection="auth.chain", key=token.chain_id, body=stored, if_revision=ANY, now_ms=0, owner="x")
    )
    newest = await refreshed(chains, older)
    assert TOKENS.has_issued(newest)
    clock.advance(timedelta(minutes=1))
    assert await refusal(chains, older) == "refresh_token_revoked"
    assert await refusal(chains, newest) == "refresh_token_revoked"


async def test_an_unknown_chain_is_as_one_that_has_expired(chains: Chains) -> None:
    unknown = RefreshToken(chain_id=str(uuid4()), secret=Secret.random())
    assert await refusal(chains, unknown) == "refresh_token_expired"


async def test_a_chain_lives_for_thirty_days_after_its_last_rotation(chains: Chains, clock: ManualClock) -> None:
    token = await opened(chains)
    clock.advance(timedelta(days=29))
    issued = await chains.refresh(token, everybody)
    assert issued.chain.expires == clock.now() + timedelta(days=30)
    clock.advance(timedelta(days=30))
    assert await refusal(chains, issued.token) == "refresh_token_expired"


async def test_a_revoked_chain_says_so_until_it_expires(chains: Chains, clock: ManualClock) -> None:
    first = await opened(chains)
    second = await refreshed(chains, first)
    clock.advance(timedelta(minutes=1))
    await refusal(chains, first)
    clock.advance(timedelta(days=29))
    assert await refusal(chains, second) == "refresh_token_revoked"
    clock.advance(timedelta(days=1))
    assert await refusal(chains, second) == "refresh_token_expired"


async def test_who_is_not_permitted_loses_the_chain(chains: Chains) -> None:
    token = await opened(chains)
    with pytest.raises(LoginNotPermitted):
        await chains.refresh(token, nobody)
    assert await refusal(chains, token) == "refresh_token_expired"


async def test_who_is_permitted_is_asked_only_about_the_newest_token(chains: Chains) -> None:
    first = await opened(chains)
    await refreshed(chains, first)
    with pytest.raises(RefreshRefused):
        await chains.refresh(first, nobody)
    assert await chains.is_live(first.chain_id)


@pytest.mark.parametrize("rotations", [0, 1])
async def test_logging_out_takes_the_newest_token_or_the_one_before(chains: Chains, rotations: int) -> None:
    token = await opened(chains)
    for _ in range(rotations):
        await refreshed(chains, token)
    ended = await chains.log_out(token)
    assert ended is not None
    assert ended.identity == MONA
    assert not await chains.is_live(token.chain_id)
    assert await chains.log_out(token) is None


async def test_logging_out_with_an_older_token_changes_nothing(chains: Chains) -> None:
    first = await opened(chains)
    newest = await refreshed(chains, await refreshed(chains, first))
    assert await chains.log_out(first) is None
    assert await refreshed(chains, newest) != newest


async def test_a_refresh_and_a_logout_at_once_leave_no_chain(replicas: Replicas, clock: ManualClock) -> None:
    servers = [Chains(store, clock, TOKENS) for store in replicas]
    for _ in range(10):
        token = await opened(servers[0])
        await asyncio.gather(servers[0].refresh(token, everybody), servers[1].log_out(token), return_exceptions=True)
        assert await refusal(servers[0], token) == "refresh_token_expired"


async def test_a_person_has_the_chains_of_their_identity_and_can_end_those_alone(
    chains: Chains, clock: ManualClock
) -> None:
    kept, ended = await opened(chains), await opened(chains)
    foreign = (await chains.open(LISA, "github", user_agent=None)).token
    replayed = await opened(chains)
    await refreshed(chains, replayed)
    clock.advance(timedelta(minutes=1))
    await refusal(chains, replayed)

    assert not await chains.revoke(UUID(foreign.chain_id), MONA)
    assert not await chains.revoke(UUID(replayed.chain_id), MONA)
    assert await chains.revoke(UUID(ended.chain_id), MONA)
    assert not await chains.revoke(UUID(ended.chain_id), MONA)
    assert [stored.key async for stored in chains.of_user(MONA)] == [kept.chain_id]
    assert [stored.key async for stored in chains.of_user(LISA)] == [foreign.chain_id]


async def test_use_is_noted_once_a_minute(chains: Chains, clock: ManualClock) -> None:
    token = await opened(chains)
    began = clock.now()
    for _ in range(3):
        clock.advance(timedelta(seconds=30))
        stored = await chains.find(token.chain_id)
        assert stored is not None
        await chains.note_use(stored)
    stored = await chains.find(token.chain_id)
    assert stored is not None
    assert stored.body.last_seen - began == timedelta(minutes=1)
    assert stored.body.expires - began == timedelta(days=30)


async def test_nothing_stored_contains_a_secret(chains: Chains, replicas: Replicas, clock: ManualClock) -> None:
    first = await opened(chains)
    second = await refreshed(chains, first)
    ((key, body),) = await documents_of(replicas[1], "auth.chain", clock)
    assert key == first.chain_id
    assert b"90210" in body
    for token in (first, second):
        assert token.secret.reveal().encode() not in body


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fabro_refresh_",
        "fabro_refresh_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11",
        "fabro_refresh_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11." + "x" * 42,
        "fabro_refresh_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11." + "x" * 44,
        "fabro_refresh_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11." + "x" * 42 + "+",
        "fabro_refresh_6F1F0A52-0D2E-4A55-9D0E-3A4F4F3C9B11." + "x" * 43,
        "fabro_refresh_6f1f0a520d2e4a559d0e3a4f4f3c9b11." + "x" * 43,
        "fabro_refresh_6f1f0a52-0d2e-1a55-9d0e-3a4f4f3c9b11." + "x" * 43,
        "fabro_dev_6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11." + "x" * 43,
    ],
)
def test_text_that_is_no_refresh_token(text: str) -> None:
    assert RefreshToken.parse(text) is None


async def test_a_refresh_token_is_read_as_it_was_issued_and_never_shown(chains: Chains) -> None:
    token = await opened(chains)
    assert RefreshToken.parse(token.reveal()) == token
    assert token.secret.reveal() not in repr(token)
