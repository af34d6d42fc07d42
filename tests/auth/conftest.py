"""Stores that sign-ins are kept in: two instances on one set of data, as two servers have them."""

from __future__ import annotations

import pytest

from fabro_core.auth.base import Identity
from fabro_core.auth.refresh_tokens import RefreshTokens
from fabro_core.store.base import RunStore
from fabro_core.store.records import DocQuery
from fabro_core.testing.clock import ManualClock
from tests.replicas import replicas as replicas  # a fixture
from tests.replicas import shared_valkey as shared_valkey  # another

TOKENS = RefreshTokens(b"k" * 32)
MONA = Identity(issuer="https://github.com", subject="90210", login="mona", name="Mona L.", email="mona@example.org")
LISA = Identity(issuer="https://github.com", subject="7", login="lisa")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def documents_of(store: RunStore, collection: str, clock: ManualClock) -> list[tuple[str, bytes]]:
    """Key and raw body of every document of a collection."""
    page = await store.list_docs(DocQuery(collection=collection, now_ms=int(clock.now().timestamp() * 1000), limit=100))
    return [(doc.key, doc.body) for doc in page.docs]
