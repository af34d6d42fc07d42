"""Opening, closing, and what a store says about itself."""

from __future__ import annotations

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.calls import CALLS, Call
from fabro_core.testing.store.case import NOW_MS, OpenStore, StoreCase, batch, blob, list_all, log_of, row, run_id


class OpeningConformance(StoreCase):
    async def test_an_open_store_names_itself_and_its_engine(self, store: RunStore) -> None:
        info = store.info()
        assert info.name, "info().name is the settings key"
        assert info.version, "info().version is the version of the engine"

    async def test_a_store_that_is_not_open_says_whether_it_can_be_shared(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            shared = store.info().shared
        assert store.info().shared == shared, "info().shared does not depend on whether the store is open"

    async def test_an_open_store_answers_a_ping(self, store: RunStore) -> None:
        await store.ping()

    async def test_a_store_may_be_entered_again_after_it_was_left(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            pass
        async with store.lifespan():
            await store.append(batch(row(run_id(1))))
            assert await store.get_run(run_id(1)) is not None, "a store that was entered again works"

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    async def test_a_store_that_was_left_is_unavailable(self, open_store: OpenStore, call: Call) -> None:
        async with open_store() as store:
            pass
        with pytest.raises(StoreUnavailable):
            await call(store)

    async def test_what_was_acknowledged_is_there_after_reopening(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            if not store.info().durable:
                not_applicable("info().durable is false")
            await store.append(batch(row(run_id(1))))
            await store.put_blob(blob(b"kept"))
        async with open_store() as store:
            assert len(await log_of(store, run_id(1))) == 1, "a durable store keeps the log"
            assert (await list_all(store)).total == 1, "a durable store keeps rows and counts"
            assert await store.get_blob(blob(b"kept").digest) == b"kept", "a durable store keeps blobs"

    async def test_a_store_that_was_opened_has_nothing_left_to_migrate(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            assert list(await store.pending_migrations()) == [], "opening has migrated already"
        assert list(await store.pending_migrations()) == [], "closing leaves the layout as it is"

    async def test_purging_an_empty_store_removes_nothing(self, store: RunStore) -> None:
        assert await store.purge(NOW_MS) == 0
