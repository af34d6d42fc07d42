"""The kit's questions to every mutant. Not collected by itself: many of these fail, and `test_store_kit` says how."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from examples.stores.dict_store import DictStore
from fabro_core.testing.store import BreakDriver, NoDriver, OpenStore, StoreConformance, opened
from tests.testing import driven_mutants, store_mutants
from tests.testing.driven_mutants import DrivenStore, Driver


class DictSuite(StoreConformance):
    """The suite of a store that is made from nothing."""

    make: type[DictStore]

    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda: opened(self.make())

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("everything is a dict of this process")


class DrivenSuite(StoreConformance):
    """The suite of a store with a driver."""

    make: type[DrivenStore]

    @pytest.fixture
    def driver(self) -> Driver:
        return Driver()

    @pytest.fixture
    def open_store(self, driver: Driver) -> OpenStore:
        return lambda: opened(self.make(driver))

    @pytest.fixture
    def break_driver(self, driver: Driver) -> BreakDriver:
        return driver.failing


class TestSoundDict(DictSuite):
    make = DictStore


class TestSoundDriven(DrivenSuite):
    make = DrivenStore


class TestSavedAtTheEnd(StoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return partial(driven_mutants.open_saved, tmp_path / "data")

    @pytest.fixture
    def break_driver(self) -> NoDriver:
        return NoDriver("the file is written by Python itself")


class TestLostEvent(DictSuite):
    make = store_mutants.LostEvent


class TestNonAtomicAppend(DictSuite):
    make = store_mutants.NonAtomicAppend


class TestHalfAppend(DictSuite):
    make = store_mutants.HalfAppend


class TestWriteDespiteConflict(DictSuite):
    make = store_mutants.WriteDespiteConflict


class TestWatchBeforeCommit(DictSuite):
    make = store_mutants.WatchBeforeCommit


class TestSilentAppend(DictSuite):
    make = store_mutants.SilentAppend


class TestRewrittenBytes(DictSuite):
    make = store_mutants.RewrittenBytes


class TestEndlessPage(DictSuite):
    make = store_mutants.EndlessPage


class TestEmptyPage(DictSuite):
    make = store_mutants.EmptyPage


class TestShortPageForTheLast(DictSuite):
    make = store_mutants.ShortPageForTheLast


class TestEndlessFeedPage(DictSuite):
    make = store_mutants.EndlessFeedPage


class TestWrongTieBreak(DictSuite):
    make = store_mutants.WrongTieBreak


class TestRoundedNumbers(DictSuite):
    make = store_mutants.RoundedNumbers


class TestPageForTotal(DictSuite):
    make = store_mutants.PageForTotal


class TestStoppedClock(DictSuite):
    make = store_mutants.StoppedClock


class TestLastIdLost(DictSuite):
    make = store_mutants.LastIdLost


class TestLogThatStays(DictSuite):
    make = store_mutants.LogThatStays


class TestExpiredDocument(DictSuite):
    make = store_mutants.ExpiredDocument


class TestRevisionAgain(DictSuite):
    make = store_mutants.RevisionAgain


class TestDeleteTwice(DictSuite):
    make = store_mutants.DeleteTwice


class TestBlobTwice(DictSuite):
    make = store_mutants.BlobTwice


class TestBlobPutOnce(DictSuite):
    make = store_mutants.BlobPutOnce


class TestBlobThatStays(DictSuite):
    make = store_mutants.BlobThatStays


class TestBlobDeletedAnyway(DictSuite):
    make = store_mutants.BlobDeletedAnyway


class TestAppendWithoutBlobs(DictSuite):
    make = store_mutants.AppendWithoutBlobs


class TestBlobsFirst(DictSuite):
    make = store_mutants.BlobsFirst


class TestLastBlobLost(DictSuite):
    make = store_mutants.LastBlobLost


class TestPurgesPastTheFence(DictSuite):
    make = store_mutants.PurgesPastTheFence


class TestFenceForEver(DictSuite):
    make = store_mutants.FenceForEver


class TestOneCollection(DictSuite):
    make = store_mutants.OneCollection


class TestOpenForever(DictSuite):
    make = store_mutants.OpenForever


class TestRawError(DrivenSuite):
    make = driven_mutants.RawError


class TestRepeatedWords(DrivenSuite):
    make = driven_mutants.RepeatedWords


class TestNeverAgain(DrivenSuite):
    make = driven_mutants.NeverAgain


class TestHalfWritten(DrivenSuite):
    make = driven_mutants.HalfWritten
