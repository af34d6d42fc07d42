"""The fence: what it stops, and what lifts it."""

from __future__ import annotations

from examples.stores.dict_store import DictStore
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store.fencing import FencingConformance
from tests.testing.bugs import breaks


@breaks("a fenced store refuses every write until the fence is lifted", found_by=FencingConformance)
class PurgesPastTheFence(DictStore):
    """Does not count purging among writes."""

    async def purge(self, now_ms: int, /) -> int:
        for place in [place for place, doc in self._docs.items() if (doc.expires_ms or now_ms + 1) <= now_ms]:
            del self._docs[place]
        return 0


@breaks("a fenced store refuses every write until the fence is lifted", found_by=FencingConformance)
class FenceForEver(DictStore):
    """Refuses also what would lift the fence."""

    def _writable(self, collection: str = "") -> WakeupHub:
        return super()._writable()
