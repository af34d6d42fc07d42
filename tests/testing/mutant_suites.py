"""The kit's questions to every mutant, of the class that must find it; and all of them to the sound stores.

Not collected by itself: most of these fail, as `test_store_kit` expects. The suite of the mutant X is `TestX`.
"""

from __future__ import annotations

from examples.stores.dict_store import DictStore
from fabro_core.testing.store import StoreConformance
from fabro_core.testing.store.machine import MachineConformance
from fabro_core.testing.store.model import ModelConformance
from tests.testing import mutants
from tests.testing.bugs import Mutant, mutants_of
from tests.testing.mutants import blobs, documents, lists
from tests.testing.sound_stores import DictFixtures, DrivenFixtures, DrivenStore, MadeOf, fixtures_of


class TestSoundDict(DictFixtures, StoreConformance):
    make = DictStore


class TestSoundDriven(DrivenFixtures, StoreConformance):
    make = DrivenStore


class TestRandomlyTiedLists(DictFixtures, MachineConformance):
    make = lists.WrongTieBreak


class TestModelOfTiedLists(DictFixtures, ModelConformance):
    make = lists.WrongTieBreak


class TestRandomlyRepeatedRevisions(DictFixtures, MachineConformance):
    make = documents.RevisionAgain


class TestRandomlyDeletedBlobs(DictFixtures, MachineConformance):
    make = blobs.BlobDeletedAnyway


def _suite(mutant: Mutant) -> type[MadeOf]:
    members = {"__module__": __name__, "make": mutant.plugin, "mutant": mutant}
    return type(f"Test{mutant.name}", (fixtures_of(mutant.plugin), mutant.found_by), members)


globals().update({f"Test{mutant.name}": _suite(mutant) for mutant in mutants_of(mutants)})
