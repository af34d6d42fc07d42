"""A driver that fails."""

from __future__ import annotations

from fabro_core.errors import StoreUnavailable
from fabro_core.store import records
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store.faults import FaultConformance
from tests.testing.bugs import breaks
from tests.testing.sound_stores import DrivenStore


@breaks("a fault of the driver surfaces as StoreUnavailable", found_by=FaultConformance)
class RawError(DrivenStore):
    """Lets the driver's own exception out."""

    def _opened(self) -> WakeupHub:
        self._driver.use()
        return super()._opened()


@breaks("the message is free of the driver's words", found_by=FaultConformance)
class RepeatedWords(DrivenStore):
    """Tells whoever asks what the driver said."""

    def _opened(self) -> WakeupHub:
        try:
            return super()._opened()
        except StoreUnavailable as error:
            raise StoreUnavailable(f"The driver failed: {error.__cause__}") from error.__cause__


@breaks("the store does not recover", found_by=FaultConformance)
class NeverAgain(DrivenStore):
    """Does not recover from a fault."""

    def _opened(self) -> WakeupHub:
        try:
            return super()._opened()
        except StoreUnavailable:
            self._hub = None
            raise


@breaks("row and log agree", found_by=FaultConformance)
class HalfWritten(DrivenStore):
    """A fault in the middle of an append leaves the log without its row."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        log = self._logs.get(batch.run_id, [])
        self._logs[batch.run_id] = [*log, *batch.events]
        self._opened()
        self._logs[batch.run_id] = log
        return await super().append(batch)
