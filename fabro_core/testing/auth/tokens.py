"""Bearer tokens: which are accepted, and that no other is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from secrets import token_bytes
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabro_core.auth.authenticator import Authenticator
from fabro_core.auth.base import AuthMethod, Bearer
from fabro_core.auth.caller import User
from fabro_core.auth.keys import KEY_BYTES
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.testing.auth.answers import accepted, in_time, judged, require_identity
from fabro_core.testing.auth.case import AuthCase
from fabro_core.testing.auth.variations import FOREIGN, Variation, changed, is_same_signature, looking_alike, spaced
from fabro_core.testing.clock import ManualClock
from fabro_core.testing.conformance import not_applicable

MAX_TOKEN_CHARS = 8192
PATIENCE_SECONDS = 20
TOGETHER = 25
"""How many tokens a slow method is asked about at the same time, once patience has ended."""
SHOWN = 5
"""How many of the tokens that were wrongly accepted a failure tells of."""

_VISIBLE_ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80)


class TokenConformance(AuthCase):
    """What `authenticate` promises (auth.md A4)."""

    # -- accepting ----------------------------------------------------------------------------------------------

    async def test_a_valid_token_is_an_identity(self, opened: AuthMethod, claimed_token: str) -> None:
        require_identity(await accepted(opened, claimed_token))

    async def test_the_same_token_is_the_same_identity_every_time(self, opened: AuthMethod, token: str) -> None:
        assert await accepted(opened, token) == await accepted(opened, token)

    async def test_the_core_lets_a_valid_token_in_and_knows_who_it_is(self, opened: AuthMethod, token: str) -> None:
        identity = await accepted(opened, token)
        if not token.startswith(opened.token_prefixes) or not await opened.permits(identity):
            not_applicable("the core asks the method about no such token, which a test of its own says")
        core = Authenticator([opened], WorkerTokens(token_bytes(KEY_BYTES), ManualClock()))
        caller = await core.authenticate([(b"authorization", f"Bearer {token}".encode())])
        assert isinstance(caller, User), "a method's token is a person's"
        assert caller.identity == identity, "the core and the method agree on who it is"

    async def test_the_core_refuses_what_the_method_refuses(self, opened: AuthMethod, token: str) -> None:
        core = Authenticator([opened], WorkerTokens(token_bytes(KEY_BYTES), ManualClock()))
        wrong = f"{token}0"
        if await judged(opened, wrong) is not None:
            not_applicable("the method accepts another token, which a test of its own says")
        with pytest.raises(Unauthenticated):
            await core.authenticate([(b"authorization", f"Bearer {wrong}".encode())])

    # -- refusing -----------------------------------------------------------------------------------------------

    async def test_a_token_that_differs_in_any_place_or_length_is_refused(self, opened: AuthMethod, token: str) -> None:
        prefix = prefix_of(token, opened)
        variations = [*changed(token, from_place=len(prefix)), *spaced(token)]
        others = (each for each in variations if each[1] != token and not is_same_signature(token, each[1], prefix))
        await require_refusals(opened, others)

    async def test_a_token_that_looks_like_a_valid_one_is_refused(self, opened: AuthMethod, token: str) -> None:
        taken = []
        for what, wrong in looking_alike(token):
            if is_same_signature(token, wrong, prefix_of(token, opened)):
                continue
            try:
                taken += [what] if await judged(opened, wrong) is not None else []
            except AssertionError:  # the core lets no such token through, so a method need not expect it
                continue
        assert not taken, f"no other token is good in place of a valid one; accepted was {', '.join(taken)}"

    async def test_a_token_that_is_not_valid_any_more_is_rejected(
        self, opened: AuthMethod, rejected_tokens: Sequence[str]
    ) -> None:
        if not rejected_tokens:
            not_applicable("no rejected_tokens are given")
        for number, rejected in enumerate(rejected_tokens, start=1):
            is_claimed = rejected.startswith(opened.token_prefixes)  # outside of the assertion, which shows its parts
            assert is_claimed, "rejected_tokens begin with a claimed prefix"
            try:
                answer = await in_time(opened.authenticate(Bearer(token=Secret(rejected))))
            except CredentialsRejected:
                continue
            pytest.fail(
                "a token of this method that is not valid raises CredentialsRejected; number "
                f"{number} of rejected_tokens was answered with {type(answer).__name__}"
            )

    async def test_any_other_token_is_refused_and_never_fails(
        self, opened: AuthMethod, valid_token: str | None
    ) -> None:
        prefixes = (*opened.token_prefixes, "")
        known = [(what, prefix + rest) for what, rest in FOREIGN for prefix in prefixes]
        known += [("a token of the greatest length", prefix.ljust(MAX_TOKEN_CHARS, "0")) for prefix in prefixes]
        await require_refusals(opened, known)
        loop = asyncio.get_running_loop()

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(prefix=st.sampled_from(prefixes), rest=_VISIBLE_ASCII)
        def refuses(prefix: str, rest: str) -> None:
            token = prefix + rest
            if token != valid_token:
                answer = asyncio.run_coroutine_threadsafe(judged(opened, token), loop).result()
                assert answer is None, "a token that nobody was given is refused"

        await asyncio.to_thread(refuses)


def prefix_of(token: str, method: AuthMethod) -> str:
    """The longest claimed prefix of a token."""
    return max((each for each in method.token_prefixes if token.startswith(each)), key=len, default="")


async def require_refusals(method: AuthMethod, variations: Iterable[Variation]) -> None:
    """Fail when one of these tokens is accepted, and say which; never the token."""
    taken = []
    began, rest = perf_counter(), iter(variations)
    for what, token in rest:
        taken += [what] if await judged(method, token) is not None else []
        if perf_counter() - began > PATIENCE_SECONDS:
            break
    while together := list(islice(rest, TOGETHER)):
        answers = await asyncio.gather(*(judged(method, token) for _, token in together))
        taken += [what for (what, _), answer in zip(together, answers, strict=True) if answer is not None]
    if taken:
        more = f", and {len(taken) - SHOWN} more" if len(taken) > SHOWN else ""
        pytest.fail(
            "no other token is good in place of a valid one, and one that nobody was given is refused; accepted was: "
            f"{'; '.join(taken[:SHOWN])}{more}"
        )
