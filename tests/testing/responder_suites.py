"""The kit's questions to every mutant. Not collected by itself: many of these fail, and the test says how."""

from __future__ import annotations

import pytest

from fabro_core.sessions import SessionResponder
from fabro_core.testing import ResponderConformance
from tests.testing.responder_mutants import CAUGHT_BY, Sound


def suite_of(mutant: type[SessionResponder]) -> type[ResponderConformance]:
    class Suite(ResponderConformance):
        @pytest.fixture
        def responder(self) -> SessionResponder:
            return mutant()

    Suite.__name__ = Suite.__qualname__ = f"Test{mutant.__name__}"
    return Suite


globals().update({f"Test{each.__name__}": suite_of(each) for each in (Sound, *CAUGHT_BY)})
