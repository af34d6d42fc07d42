"""Several servers: whoever comes in here is the same person there, and what one begins another finishes."""

from __future__ import annotations

import asyncio
import os
import pickle
import random
import sys
from collections.abc import Mapping
from typing import Final

import msgspec
import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginCallback
from fabro_core.config.secrets import child_environment
from fabro_core.testing.auth import elsewhere
from fabro_core.testing.auth.answers import accepted, agreed, signed_in, vouched_for
from fabro_core.testing.auth.case import AuthCase, Authorize, BuildMethod, provider_of
from fabro_core.testing.auth.elsewhere import Questions, Told
from fabro_core.testing.auth.permission import STRANGERS
from fabro_core.testing.auth.rebuilding import Recipe, pickled
from fabro_core.testing.conformance import not_applicable

PROCESS_SECONDS: Final = 60

SAME: Final = "everybody is the same person on every server"


class ReplicaConformance(AuthCase):
    """What a second instance and a second process say, as those behind a load balancer do."""

    @pytest.fixture
    def second(self, opened: AuthMethod, another: BuildMethod) -> AuthMethod:
        second = another()
        second.name = opened.name
        assert second is not opened, "another builds a new method with each call"
        return second

    async def test_another_server_claims_and_offers_the_same(self, opened: AuthMethod, second: AuthMethod) -> None:
        assert second.token_prefixes == opened.token_prefixes, "token_prefixes are the same on every server"
        assert second.option() == opened.option(), "the option is the same on every server"

    async def test_another_server_knows_a_token_as_the_same_person(
        self, opened: AuthMethod, second: AuthMethod, token: str
    ) -> None:
        async with second.lifespan():
            assert await accepted(second, token) == await accepted(opened, token), SAME

    async def test_another_server_knows_a_form_as_the_same_person(
        self, opened: AuthMethod, second: AuthMethod, form: Mapping[str, str]
    ) -> None:
        async with second.lifespan():
            assert await signed_in(second, form) == await signed_in(opened, form), SAME

    async def test_another_server_finishes_what_this_one_began(
        self, opened: AuthMethod, second: AuthMethod, agree: Authorize
    ) -> None:
        expected = await vouched_for(opened, await agreed(opened, agree))
        async with second.lifespan():
            try:
                assert await vouched_for(second, await agreed(opened, agree)) == expected, SAME
            except Exception as error:
                raise AssertionError(
                    f"another server finishes what this one began; it raised {type(error).__name__}"
                ) from error
            assert await vouched_for(opened, await agreed(second, agree)) == expected, SAME

    async def test_another_server_permits_the_same_people(
        self, opened: AuthMethod, second: AuthMethod, somebody: Identity
    ) -> None:
        async with second.lifespan():
            for identity in (somebody, *STRANGERS):
                assert await second.permits(identity) == await opened.permits(identity), "one list for every server"

    async def test_sessions_of_another_server_depend_on_the_same(
        self, opened: AuthMethod, second: AuthMethod, somebody: Identity
    ) -> None:
        async with second.lifespan():
            for identity in (somebody, *STRANGERS):
                assert second.credential_of(identity) == opened.credential_of(identity), (
                    "credential_of is the same on every server and after a restart, or sessions end by themselves"
                )

    async def test_another_process_says_the_same(
        self,
        opened: AuthMethod,
        another: BuildMethod,
        somebody: Identity,
        valid_token: str | None,
        request: pytest.FixtureRequest,
    ) -> None:
        option = opened.option()
        form: Mapping[str, str] | None = None
        callback: LoginCallback | None = None
        agreeing: Identity | None = None
        may_differ = isinstance(another, Recipe)
        if option is not None and option.kind == "form":
            form = request.getfixturevalue("valid_form")
        elif option is not None:
            authorize: Authorize = request.getfixturevalue("authorize")
            agreeing = await vouched_for(opened, await agreed(opened, authorize))
            callback = await agreed(opened, authorize)
            may_differ &= provider_of(authorize) is None
        people = (somebody, *STRANGERS)
        asked = Questions(name=opened.name, token=valid_token, form=form, callback=callback, people=people)
        told = await _told(another, asked)
        here = await elsewhere.answers_of(opened, msgspec.structs.replace(asked, callback=None))
        if may_differ and not (told.of_token or told.of_form or told.of_callback):
            # Not the method's fault: a module of tests that is imported anew may know other people than here.
            not_applicable("another process that imports the tests knows nobody, and another is not overridden")
        for what, theirs, ours in (
            ("the token", told.of_token, here.of_token),
            ("the form", told.of_form, here.of_form),
            ("whoever agreed at the provider", told.of_callback, agreeing),
        ):
            if ours is not None:
                assert theirs is not None, f"another process lets {what} in as this one does"
                assert theirs == ours, f"{SAME}, also in a process of its own: {what} is not"
        assert told.option == here.option, "the option is the same in every process"
        assert told.permitted == here.permitted, "one list for every process"
        assert told.credentials == here.credentials, (
            "credential_of is the same in every process and after a restart, or sessions end by themselves"
        )


async def _told(another: BuildMethod, questions: Questions) -> Told:
    """What the method says in a process of its own. Ends the test when it cannot be had there."""
    fresh = another()
    try:
        job = pickled((fresh, questions))
    except (pickle.PicklingError, AttributeError, TypeError):
        try:
            job = pickled((another, questions))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            not_applicable(f"the method cannot be sent to another process ({error}), nor what another calls")
    # The author's modules must be found there as they are here; what depends on hashes of texts differs.
    environment = child_environment(
        PYTHONPATH=os.pathsep.join(filter(None, sys.path)), PYTHONHASHSEED=str(random.randrange(1, 2**32))
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        elsewhere.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        async with asyncio.timeout(PROCESS_SECONDS):
            out, err = await process.communicate(job)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = err.decode(errors="replace").strip().rpartition("\n")[2]
        not_applicable(f"the method cannot be had in another process ({reason})")
    told: Told = pickle.loads(out)
    return told
