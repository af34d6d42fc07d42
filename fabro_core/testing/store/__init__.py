"""The conformance kit of `RunStore`: inherit `StoreConformance`, override two fixtures, and pytest asks every question.

    def open_my_store(path: Path) -> AbstractAsyncContextManager[RunStore]:
        return opened(MyStore(path))

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> OpenStore:
            return partial(open_my_store, tmp_path / "data")

        @pytest.fixture
        def break_driver(self) -> BreakDriver:
            return failing_disk

`open_store` returns a factory. Each call opens a *new instance on the same data*; the kit opens one for most tests, two
at a time when `info().shared`, one after another and in processes of their own when `info().durable`, for which the
factory must be picklable. `break_driver` returns what makes the driver fail, or `NoDriver("why nothing can fail")`.

Async tests run with the pytest plugin of anyio, which comes with it; `anyio_backend` may be overridden as usual.
"""

from __future__ import annotations

from fabro_core.testing.store.appending import AppendConformance
from fabro_core.testing.store.blobs import BlobConformance
from fabro_core.testing.store.case import BreakDriver, NoDriver, OpenStore, StallDriver, StoreCase, opened
from fabro_core.testing.store.clocks import ClockConformance
from fabro_core.testing.store.cost import CostConformance
from fabro_core.testing.store.crashing import CrashConformance
from fabro_core.testing.store.crowds import CrowdConformance
from fabro_core.testing.store.documents import DocumentConformance
from fabro_core.testing.store.faults import FaultConformance
from fabro_core.testing.store.feed import FeedConformance
from fabro_core.testing.store.feed_history import FeedHistoryConformance, SharedFeedConformance
from fabro_core.testing.store.fencing import FencingConformance
from fabro_core.testing.store.hinting import HintConformance
from fabro_core.testing.store.listing import ListConformance
from fabro_core.testing.store.machine import MachineConformance
from fabro_core.testing.store.model import ModelConformance
from fabro_core.testing.store.opening import OpeningConformance
from fabro_core.testing.store.reading import ReadConformance
from fabro_core.testing.store.removing import RemovalConformance
from fabro_core.testing.store.rereading import RereadingConformance
from fabro_core.testing.store.rewriting import RewritingConformance
from fabro_core.testing.store.rivals import RivalConformance
from fabro_core.testing.store.runs import RunConformance
from fabro_core.testing.store.sharing import SharingConformance
from fabro_core.testing.store.sizes import SizeConformance
from fabro_core.testing.store.stalling import StallConformance
from fabro_core.testing.store.texts import TextConformance
from fabro_core.testing.store.watching import WatchConformance

__all__ = ["BreakDriver", "NoDriver", "OpenStore", "StallDriver", "StoreCase", "StoreConformance", "opened"]


class StoreConformance(
    OpeningConformance,
    AppendConformance,
    ReadConformance,
    FeedConformance,
    FeedHistoryConformance,
    SharedFeedConformance,
    RunConformance,
    ListConformance,
    ModelConformance,
    BlobConformance,
    DocumentConformance,
    RemovalConformance,
    TextConformance,
    SizeConformance,
    CrowdConformance,
    WatchConformance,
    FencingConformance,
    SharingConformance,
    RivalConformance,
    RereadingConformance,
    RewritingConformance,
    HintConformance,
    ClockConformance,
    FaultConformance,
    StallConformance,
    CrashConformance,
    MachineConformance,
    CostConformance,
):
    """Every promise of `RunStore` and its records, one test each."""
