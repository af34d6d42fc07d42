"""What a server before this one stored: an upgraded server reads it, and writes the same bytes under the same names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import msgspec
import pytest

from fabro_core.auth.caller import User
from fabro_core.auth.chains import Chains
from fabro_core.auth.codes import Codes, Grant
from fabro_core.auth.login_states import LoginStates
from fabro_core.auth.refresh_tokens import RefreshToken
from fabro_core.auth.sessions import BrowserSessions
from fabro_core.auth.sign_in_limit import LimitKind, SignInLimit, TooManyAttempts
from fabro_core.clock import epoch_ms
from fabro_core.errors import InvalidRequest
from fabro_core.models.ids import RunId
from fabro_core.runs.attachments.artifacts import Artifact
from fabro_core.secret import Secret
from fabro_core.store.copy_mark import mark, unfinished_copy_of
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import ANY, Doc, DocQuery, DocWrite
from fabro_core.testing.clock import ManualClock
from tests.api.seeding import Seed, put
from tests.auth.conftest import MONA, TOKENS
from tests.runs.conftest import ANN, new_run, service
from tests.runs.test_artifacts import DRAFT, arrival

pytestmark = pytest.mark.anyio

SESSION_SECRET: Final = Secret("0123456789abcdef" * 4)
BINDING: Final = Secret("b" * 43)
NOW_MS: Final = 1772446530000
"""The instant at which `ManualClock` starts."""
SECOND: Final = 1000
DAY: Final = 86_400 * SECOND

MONAS: Final = "21a6bbe92fd7c9e10c2e007e9dd1ce3a47ff46003198b48b1edacd3a52bddeae"
MONA_JSON: Final = (
    '"identity":{"issuer":"https://github.com","subject":"90210","login":"mona","name":"Mona L.",'
    '"email":"mona@example.org","avatar_url":"","user_url":""},"method":"github"'
)
CHILD, PARENT = Seed(entropy=1), Seed(entropy=2)
SID: Final = "7f7afb5b-9170-499d-97f1-f248fb964740"
CHAIN_ID: Final = "4703263d-8174-404a-a265-23f88d9c306a"
CHAIN_SECRET: Final = Secret("4_4nwd4RH6AkWm2shJvFnRnaSrxjT47W0X609WKxEas")
STATE: Final = Secret("SUgev7HeSnsQB8i_Z2GhqTAqKhaWnGz_6qfPlCIPNT8")
CODE: Final = Secret("cP0oTzy-JPCOlPKuxheHC5sjbPm0ckWGlhqKZ-yaaGc")


class Kept(msgspec.Struct, frozen=True):
    """A document as a store has it, less what the store adds."""

    collection: str
    key: str
    body: str
    owner: str | None
    expires_ms: int | None


SESSION: Final = Kept(
    "auth.session",
    SID,
    f'{{{MONA_JSON},"credential":"9d1d4be2b6b07ba8246eefb1a66f2d123335773afde991ae0765d7d86021741c",'
    '"user_agent":"Mozilla/5.0","created":"2026-03-02T10:15:30Z","last_seen":"2026-03-02T10:15:30Z",'
    '"expires":"2026-04-01T10:15:30Z"}',
    MONAS,
    NOW_MS + 30 * DAY,
)
CHAIN: Final = Kept(
    "auth.chain",
    CHAIN_ID,
    f'{{{MONA_JSON},"user_agent":null,"created":"2026-03-02T10:15:30Z","last_seen":"2026-03-02T10:15:30Z",'
    f'"current":"{CHAIN_SECRET.hexdigest()}","previous":null,"rotated":"2026-03-02T10:15:30Z","revoked":false}}',
    MONAS,
    NOW_MS + 30 * DAY,
)
GRANT: Final = Kept(
    "auth.code",
    "ebd0c54a66d6510aad163d1c303e7136049daca6577d6f1b19e5601d1a270b07",
    f'{{{MONA_JSON},"code_challenge":"{"c" * 43}","redirect_uri":"http://127.0.0.1:41000/callback"}}',
    None,
    NOW_MS + 60 * SECOND,
)
LOGIN: Final = Kept(
    "auth.login",
    "ff5e67cd34aa272da56a14ae621f53226b30cd4451df472a1a8509129d2d5cc1",
    '{"method":"github","binding":"f01b57226261ae3756b93936e1c4e6b849f9a5b0933fa3b91843bf4195b9d964",'
    '"verifier":"sYR1jnSf3valfSCT2-FMxRJ0Ei561UFDIib2ZpPp9qUt57Ij0OPjfKv4YjbzLFxHOdUfQM7UtGaLMeAyNp9X9nmeBzezFbQ",'
    '"kept":"zUsInv7NROZrZxC5zrF-msPNDdxuvDmBUXScuE0-8RaVrSM","return_to":"/runs/X"}',
    None,
    NOW_MS + 600 * SECOND,
)
ATTEMPTS: Final = Kept(
    "auth.attempts",
    "login:37dad677cf0b3997d0f5dd0d7889f84b11002e3ca73b0ae1bdb6d7e9b46fdb8a",
    '{"times":["2026-03-02T10:15:30Z","2026-03-02T10:15:31.500000Z"]}',
    None,
    NOW_MS + 61_500,
)
ARTIFACTS: Final = Kept(
    "runs.artifacts",
    f"{CHILD.id}/draft@1",
    '{"stage_id":"draft@1","artifacts":[{"path":"a/b.txt","retry":0,"size":5,'
    '"digest":"ab5aa97074c454a0632057e704220d9a6678fbf773a0a5806fc09b8173b07309"}]}',
    CHILD.id,
    None,
)
LINKS: Final = Kept(
    "runs.parent-links",
    "in-flight",
    f'{{"intents":[{{"id":"4373c23f-2fb9-4483-acaf-95dfd22d69a2","child":"{CHILD.id}","parent":"{PARENT.id}",'
    f'"expires_ms":{NOW_MS + 60 * SECOND}}}]}}',
    None,
    NOW_MS + 60 * SECOND,
)
COPY: Final = Kept("store.copy", "unfinished", "sqlite", None, None)
EVERY_KIND: Final = (SESSION, CHAIN, GRANT, LOGIN, ATTEMPTS, ARTIFACTS, LINKS, COPY)


@pytest.fixture
async def empty(anyio_backend: str) -> AsyncIterator[MemoryRunStore]:
    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        yield store


@pytest.fixture
async def store(empty: MemoryRunStore) -> MemoryRunStore:
    """Holds what the server before this one has stored."""
    for kept in EVERY_KIND:
        await empty.put_doc(
            DocWrite(
                collection=kept.collection,
                key=kept.key,
                body=kept.body.encode(),
                if_revision=ANY,
                now_ms=NOW_MS,
                owner=kept.owner,
                expires_ms=kept.expires_ms,
            )
        )
    return empty


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock()
    assert epoch_ms(clock.now()) == NOW_MS
    return clock


# -- it is read -----------------------------------------------------------------------------------------------------


async def test_a_session_goes_on(store: MemoryRunStore, clock: ManualClock) -> None:
    sessions = BrowserSessions(store, clock, SESSION_SECRET)
    (session,) = [session async for session in sessions.of_user(MONA)]
    assert (session.key, session.body.identity, session.body.expires) == (SID, MONA, clock.now() + timedelta(days=30))
    assert sessions.depends_on(session.body, Secret("x"))


async def test_a_chain_is_refreshed(store: MemoryRunStore, clock: ManualClock) -> None:
    async def admit(chain: object) -> None:
        pass

    issued = await Chains(store, clock, TOKENS).refresh(RefreshToken(chain_id=CHAIN_ID, secret=CHAIN_SECRET), admit)
    assert (issued.chain.identity, issued.chain.method) == (MONA, "github")


async def test_a_code_is_redeemed(store: MemoryRunStore, clock: ManualClock) -> None:
    grant = await Codes(store, clock).redeem(CODE)
    assert grant is not None
    assert (grant.identity, grant.code_challenge) == (MONA, "c" * 43)


async def test_a_sign_in_under_way_is_finished(store: MemoryRunStore, clock: ManualClock) -> None:
    pending = await LoginStates(store, clock, SESSION_SECRET).find(STATE, method="github", bindings=[BINDING])
    assert pending is not None
    assert pending.code_verifier == Secret("Q6aHezdduDoCUj6Eo_XhrH4T3Csdu-FT6-eqydvssHI")
    assert (pending.kept, pending.return_to) == (Secret("kept ü"), "/runs/X")


async def test_attempts_still_count(store: MemoryRunStore, clock: ManualClock) -> None:
    clock.advance(timedelta(seconds=2))
    with pytest.raises(TooManyAttempts):
        await SignInLimit(store, clock, limit=2).count(LimitKind.LOGIN, "192.0.2.7")


async def test_artifacts_are_listed(store: MemoryRunStore) -> None:
    await put(store, CHILD)
    found = await service(store).artifacts.of_stage(RunId(CHILD.id), DRAFT)
    digest = "ab5aa97074c454a0632057e704220d9a6678fbf773a0a5806fc09b8173b07309"
    assert found == (Artifact(path="a/b.txt", retry=0, size=5, digest=digest),)


async def test_a_link_in_flight_counts(store: MemoryRunStore) -> None:
    await put(store, CHILD, PARENT)
    with pytest.raises(InvalidRequest, match="ancestor"):
        await service(store).link_parent(RunId(PARENT.id), RunId(CHILD.id), actor=ANN)


async def test_an_unfinished_copy_is_known_as_one(store: MemoryRunStore) -> None:
    assert await unfinished_copy_of(store, NOW_MS) == "sqlite"


# -- it is written --------------------------------------------------------------------------------------------------

RANDOM: Final = re.compile(
    r"[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-HJKMNP-TV-Z]{26}"
    r'|(?<="verifier":")[\w-]{95}|(?<="kept":")[\w-]{47}'
)
"""Hashes of what was drawn, ids, and what is sealed, by their lengths."""


def shape(kept: Kept) -> Kept:
    """A document without what is drawn anew with every one."""
    owner = None if kept.owner is None else RANDOM.sub("…", kept.owner)
    return Kept(kept.collection, RANDOM.sub("…", kept.key), RANDOM.sub("…", kept.body), owner, kept.expires_ms)


async def all_of(store: MemoryRunStore) -> list[Kept]:
    docs: list[Doc] = []
    for collection in await store.list_collections():
        docs += (await store.list_docs(DocQuery(collection=collection, now_ms=0, limit=10))).docs
    return [Kept(doc.collection, doc.key, doc.body.decode(), doc.owner, doc.expires_ms) for doc in docs]


async def test_every_document_is_written_as_it_was(empty: MemoryRunStore, clock: ManualClock) -> None:
    store, user = empty, User(identity=MONA, method="github")
    await BrowserSessions(store, clock, SESSION_SECRET).open(user, credential=Secret("x"), user_agent="Mozilla/5.0")
    await Chains(store, clock, TOKENS).open(MONA, "github", user_agent=None)
    grant = Grant(
        identity=MONA, method="github", code_challenge="c" * 43, redirect_uri="http://127.0.0.1:41000/callback"
    )
    await Codes(store, clock).issue(grant)
    states = LoginStates(store, clock, SESSION_SECRET)
    attempt = states.attempt("https://fabro.example/auth/callback/github")
    await states.remember(attempt, method="github", binding=BINDING, kept=Secret("kept ü"), return_to="/runs/X")
    await mark(store, "sqlite", NOW_MS)
    runs = service(store)
    run_id, parent_id = await new_run(runs), await new_run(runs)
    await runs.artifacts.keep(run_id, DRAFT, 0, [arrival("a/b.txt")])
    await runs.link_parent(run_id, parent_id, actor=ANN)
    limit = SignInLimit(store, clock, limit=2)
    await limit.count(LimitKind.LOGIN, "192.0.2.7")
    clock.advance(timedelta(milliseconds=1500))
    await limit.count(LimitKind.LOGIN, "192.0.2.7")

    over = Kept(LINKS.collection, LINKS.key, '{"intents":[]}', None, LINKS.expires_ms)
    expected = [shape(over if kept is LINKS else kept) for kept in EVERY_KIND]
    assert sorted(map(shape, await all_of(store)), key=lambda kept: kept.collection) == sorted(
        expected, key=lambda kept: kept.collection
    )
