"""The kit's questions to every mutant, of the class that must find it; and all of them to the sound methods.

Not collected by itself: most of these fail, as `test_auth_kit` expects. The suite of the mutant X is `TestX`.
"""

from __future__ import annotations

from fabro_core.testing import AuthConformance
from tests.auth import mutants
from tests.auth.sound_methods import (
    Cave,
    Fixtures,
    FormFixtures,
    Mint,
    RedirectFixtures,
    Strict,
    TokenFixtures,
    fixtures_of,
)
from tests.testing.bugs import Mutant, mutants_of


class TestStrict(TokenFixtures, AuthConformance):
    make = Strict


class TestCave(FormFixtures, AuthConformance):
    make = Cave


class TestMint(RedirectFixtures, AuthConformance):
    make = Mint


def _suite(mutant: Mutant) -> type[Fixtures]:
    members = {"__module__": __name__, "make": mutant.plugin, "mutant": mutant}
    return type(f"Test{mutant.name}", (fixtures_of(mutant.plugin), mutant.found_by), members)


globals().update({f"Test{mutant.name}": _suite(mutant) for mutant in mutants_of(mutants)})
