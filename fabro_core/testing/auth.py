"""The conformance kit of `AuthMethod`: inherit `AuthConformance`, override two fixtures, and pytest asks the rest.

    class TestMyMethod(AuthConformance):
        @pytest.fixture
        def method(self) -> AuthMethod:
            return MyMethod(Secret("acme_0123456789"))

        @pytest.fixture
        def valid_token(self) -> str:
            return "acme_0123456789"

`method` returns the method as the hook would, not opened; `valid_token` a bearer token that it accepts, or None for a
method that accepts none. A third one, `rejected_tokens`, may add tokens that were good once. A method whose `option()`
offers a form needs `valid_form` too, one that redirects needs `authorize`: see `fabro_core.testing.auth_logins`. Async
tests run with the pytest plugin of anyio, which comes with it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from secrets import token_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabro_core.auth.authenticator import Authenticator
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.auth.caller import User
from fabro_core.auth.keys import KEY_BYTES
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.config.values import PLUGIN_NAME_PATTERN
from fabro_core.context import Problem
from fabro_core.errors import CredentialsRejected
from fabro_core.plugins.claims import RESERVED_PREFIXES
from fabro_core.secret import Secret
from fabro_core.testing.auth_logins import LoginConformance, require_identity
from fabro_core.testing.clock import ManualClock
from fabro_core.testing.conformance import name_subject, not_applicable
from fabro_core.testing.io_watch import CONTACTS, OPENS, watching

__all__ = ["AuthConformance"]

MAX_TOKEN_CHARS = 8192
STAMPED_NAME = "conformance-kit"
"""The core gives a method the name of its entry point before it calls anything."""

REPEATS = 1_000
AT_ONCE = 50

_VISIBLE_ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80)


@pytest.mark.anyio
class AuthConformance(LoginConformance):
    """Every promise of `AuthMethod` (auth.md A4 to A6, A10 to A12, A26), one test each."""

    conformance_kit = "auth"

    # -- fixtures: override the first two, and the third at need -----------------------------------------------

    @pytest.fixture
    def method(self) -> AuthMethod:
        """Override: the method, built and not opened."""
        raise NotImplementedError("override the fixture method")

    @pytest.fixture
    def valid_token(self) -> str | None:
        """Override: a bearer token that the method accepts; None when it accepts none."""
        raise NotImplementedError("override the fixture valid_token")

    @pytest.fixture
    def rejected_tokens(self) -> Sequence[str]:
        """Override: tokens of this method that are not valid (any more), such as an expired and a revoked one."""
        return ()

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def named(self, method: AuthMethod, request: pytest.FixtureRequest) -> AuthMethod:
        """The method with a name: its own, or one that the kit gives it as the core would."""
        method.name = getattr(method, "name", STAMPED_NAME)
        name_subject(request, type(method).__name__ if method.name == STAMPED_NAME else method.name)
        return method

    @pytest.fixture
    async def opened(self, named: AuthMethod, anyio_backend: str) -> AsyncIterator[AuthMethod]:
        async with named.lifespan():
            yield named

    @pytest.fixture
    def token(self, valid_token: str | None) -> str:
        if valid_token is None:
            not_applicable("the method accepts no bearer token")
        return valid_token

    # -- what the method claims ---------------------------------------------------------------------------------

    async def test_its_name_can_be_a_settings_key(self, opened: AuthMethod) -> None:
        assert PLUGIN_NAME_PATTERN.fullmatch(opened.name), (
            "a name is like dev-token: lower case, digits, single hyphens"
        )

    async def test_its_token_prefixes_are_texts_that_nobody_else_claims(self, opened: AuthMethod) -> None:
        prefixes = opened.token_prefixes
        assert isinstance(prefixes, tuple), "token_prefixes is a tuple"
        for prefix in prefixes:
            assert isinstance(prefix, str), "a token prefix is a text"
            assert prefix, "a token prefix is not empty"
            visible = all("!" <= character <= "~" for character in prefix)
            assert visible, "a token is visible ASCII without spaces, and so is its prefix"
            for reserved in RESERVED_PREFIXES:
                clash = prefix.startswith(reserved) or reserved.startswith(prefix)
                assert not clash, f"the prefix {prefix!r} overlaps {reserved!r}, which is the core's"

    async def test_a_valid_token_begins_with_a_claimed_prefix(self, opened: AuthMethod, token: str) -> None:
        assert token.startswith(opened.token_prefixes), "a token without a claimed prefix never reaches the method"

    # -- accepting ----------------------------------------------------------------------------------------------

    async def test_a_valid_token_is_an_identity(self, opened: AuthMethod, token: str) -> None:
        require_identity(await accepted(opened, token))

    async def test_the_same_token_is_the_same_identity_every_time(self, opened: AuthMethod, token: str) -> None:
        assert await accepted(opened, token) == await accepted(opened, token)

    async def test_many_may_ask_at_once(self, opened: AuthMethod, token: str) -> None:
        asked = [accepted(opened, token) for _ in range(AT_ONCE)]
        refused = [judged(opened, changed) for changed in changes_of(token)]
        identities = await asyncio.gather(*asked)
        assert all(identity == identities[0] for identity in identities), "everybody gets their own answer"
        assert not any(await asyncio.gather(*refused)), "a token that is not valid is refused, whoever else asks"

    async def test_it_serves_again_after_it_was_closed(self, named: AuthMethod, token: str) -> None:
        identities = []
        for _ in range(2):
            async with named.lifespan():
                identities.append(await accepted(named, token))
        assert identities[0] == identities[1], "a restart does not make another person of the same token"

    async def test_an_error_of_the_server_leaves_its_lifespan_unchanged(self, named: AuthMethod) -> None:
        with pytest.raises(ServerFailed):
            async with named.lifespan():
                raise ServerFailed

    async def test_a_caller_who_gives_up_disturbs_nobody(self, opened: AuthMethod, token: str) -> None:
        waiting = asyncio.ensure_future(accepted(opened, token))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await accepted(opened, token)

    async def test_the_core_lets_a_valid_token_in_and_nothing_else(self, opened: AuthMethod, token: str) -> None:
        core = Authenticator([opened], WorkerTokens(token_bytes(KEY_BYTES), ManualClock()))
        caller = await core.authenticate([(b"authorization", f"Bearer {token}".encode())])
        assert isinstance(caller, User), "a method's token is a person's"
        assert caller.identity == await accepted(opened, token), "the core and the method agree on who it is"
        with pytest.raises(Unauthenticated):
            await core.authenticate([(b"authorization", f"Bearer {token}0".encode())])

    # -- refusing -----------------------------------------------------------------------------------------------

    async def test_a_token_that_differs_in_one_place_is_refused(self, opened: AuthMethod, token: str) -> None:
        for changed in changes_of(token):
            assert await judged(opened, changed) is None, "no other token is good in place of a valid one"

    async def test_a_token_that_is_not_valid_any_more_is_rejected(
        self, opened: AuthMethod, rejected_tokens: Sequence[str]
    ) -> None:
        if not rejected_tokens:
            not_applicable("no rejected_tokens are given")
        for rejected in rejected_tokens:
            with pytest.raises(CredentialsRejected):
                await opened.authenticate(Bearer(token=Secret(rejected)))

    async def test_a_bare_prefix_is_refused(self, opened: AuthMethod) -> None:
        for prefix in opened.token_prefixes:
            assert await judged(opened, prefix) is None

    async def test_any_other_token_is_refused_and_never_fails(
        self, opened: AuthMethod, valid_token: str | None
    ) -> None:
        loop = asyncio.get_running_loop()
        prefixes = (*opened.token_prefixes, "")

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(prefix=st.sampled_from(prefixes), rest=_VISIBLE_ASCII)
        def refuses(prefix: str, rest: str) -> None:
            token = prefix + rest
            if token != valid_token:
                answer = asyncio.run_coroutine_threadsafe(judged(opened, token), loop).result()
                assert answer is None, "a token that nobody was given is refused"

        await asyncio.to_thread(refuses)

    async def test_a_token_of_the_greatest_length_is_refused(self, opened: AuthMethod) -> None:
        for prefix in (*opened.token_prefixes, "x"):
            assert await judged(opened, prefix.ljust(MAX_TOKEN_CHARS, "0")) is None

    # -- permission ---------------------------------------------------------------------------------------------

    async def test_permission_is_told_as_a_bool_without_waiting(self, opened: AuthMethod, somebody: Identity) -> None:
        for _ in range(REPEATS):
            assert at_once(opened.permits(somebody)) is True, "permits answers True for whoever is let in"

    async def test_permission_is_told_without_opening_anything(self, opened: AuthMethod, somebody: Identity) -> None:
        await opened.permits(somebody)  # whatever is made once, is made here
        with watching(OPENS) as seen:
            await opened.permits(somebody)
        assert seen == [], "permits is asked on every request and does no I/O"

    async def test_a_person_nobody_knows_is_no_reason_to_fail(self, opened: AuthMethod) -> None:
        stranger = Identity(issuer="https://nobody.example", subject="0", login="nobody")
        assert isinstance(await opened.permits(stranger), bool), "permits answers for every identity"

    # -- secrets and start-up -----------------------------------------------------------------------------------

    async def test_a_token_is_in_no_text_that_anybody_reads(
        self, opened: AuthMethod, token: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await accepted(opened, token)
        wrong = f"{token}0"
        texts = [repr(opened), str(opened), *await refusal_texts(opened, wrong)]
        texts += [record.getMessage() + repr(record.__dict__) for record in caplog.records]
        for text in texts:
            assert token not in text, "a token is never shown: not in a repr, a log or an error (auth.md A26)"

    async def test_its_check_returns_problems(self, opened: AuthMethod, valid_token: str | None) -> None:
        with watching(CONTACTS) as seen:
            problems = await opened.check()
        assert seen == [], "check contacts nobody: a provider that is down does not stop the start"
        for problem in problems:
            assert isinstance(problem, Problem), "check returns Problems"
            assert not valid_token or valid_token not in problem.line(), "a problem never repeats a secret"


class ServerFailed(Exception):
    """Stands for any error while the server runs."""


def at_once(asking: Coroutine[object, None, bool]) -> bool:
    """The result of a coroutine that waits for nothing."""
    try:
        asking.send(None)
    except StopIteration as end:
        answer: bool = end.value
        return answer
    asking.close()
    pytest.fail("permits waited for something; it is asked on every request and must do no I/O")


async def accepted(method: AuthMethod, token: str) -> Identity:
    """The identity behind a token that must be good."""
    identity = await method.authenticate(Bearer(token=Secret(token)))
    assert isinstance(identity, Identity), "a valid token is answered with an Identity"
    return identity


async def judged(method: AuthMethod, token: str) -> Identity | None:
    """What the method makes of a token; None when it is refused in one of the two ways there are."""
    try:
        return await method.authenticate(Bearer(token=Secret(token)))
    except CredentialsRejected:
        return None
    except Exception as error:
        raise AssertionError(
            f"authenticate raised {type(error).__name__}; a token is answered with an Identity, None or "
            "CredentialsRejected, whatever it looks like"
        ) from error


async def refusal_texts(method: AuthMethod, token: str) -> list[str]:
    """What can be read of the refusal of a token."""
    try:
        await method.authenticate(Bearer(token=Secret(token)))
    except CredentialsRejected as error:
        return [str(error), repr(error), *traceback.format_exception_only(error)]
    return []


def changes_of(token: str) -> Iterator[str]:
    """Tokens that differ from a valid one in one place."""
    for place in (len(token) // 2, len(token) - 1):
        other = "1" if token[place] == "0" else "0"
        yield token[:place] + other + token[place + 1 :]
    yield token[:-1]
    yield f"{token}0"
    if token.swapcase() != token:
        yield token.swapcase()
