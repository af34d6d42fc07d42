"""The conformance kit of `RunStore`: inherit `StoreConformance`, override one fixture, and pytest asks every question.

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def open_store(self, tmp_path: Path) -> OpenStore:
            return lambda: opened(MyStore(tmp_path / "data"))

The fixture returns a factory. Each call opens a *new instance on the same data*; the kit opens one for most tests,
two at a time when `info().shared`, and one after another when `info().durable`. Async tests run with the pytest plugin
of anyio, which comes with it; `anyio_backend` may be overridden as usual.
"""

from __future__ import annotations

from fabro_core.testing.store.appending import AppendConformance
from fabro_core.testing.store.blobs import BlobConformance
from fabro_core.testing.store.case import OpenStore, StoreCase, opened
from fabro_core.testing.store.documents import DocumentConformance
from fabro_core.testing.store.listing import ListConformance
from fabro_core.testing.store.model import ModelConformance
from fabro_core.testing.store.opening import OpeningConformance
from fabro_core.testing.store.reading import ReadConformance
from fabro_core.testing.store.runs import RunConformance
from fabro_core.testing.store.sharing import SharingConformance
from fabro_core.testing.store.watching import WatchConformance

__all__ = ["OpenStore", "StoreCase", "StoreConformance", "opened"]


class StoreConformance(
    OpeningConformance,
    AppendConformance,
    ReadConformance,
    RunConformance,
    ListConformance,
    ModelConformance,
    BlobConformance,
    DocumentConformance,
    WatchConformance,
    SharingConformance,
):
    """Every promise of `RunStore` and its records, one test each."""
