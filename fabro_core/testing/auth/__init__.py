"""The conformance kit of `AuthMethod`: inherit `AuthConformance`, override two fixtures, and pytest asks the rest.

    class TestMyMethod(AuthConformance):
        @pytest.fixture
        def method(self) -> AuthMethod:
            return MyMethod(Secret("acme_0123456789"))

        @pytest.fixture
        def valid_token(self) -> str:
            return "acme_0123456789"

`method` returns the method as the hook would, not opened; `valid_token` a bearer token that it accepts, or None for a
method that accepts none. A method whose `option()` offers a form needs `valid_form` too, one that redirects needs
`authorize`. The other fixtures say what the kit cannot know, and each adds promises that are asked: see `AuthCase`.

The kit sees what a method answers, says and waits for. It cannot see everything: docs/write-an-auth-method.md has the
list. Async tests run with the pytest plugin of anyio, which comes with it.
"""

from __future__ import annotations

from fabro_core.testing.auth.case import AuthCase, Authorize
from fabro_core.testing.auth.claims import ClaimsConformance
from fabro_core.testing.auth.forms import FormConformance
from fabro_core.testing.auth.overlaps import OverlapConformance
from fabro_core.testing.auth.people import PeopleConformance
from fabro_core.testing.auth.permission import PermissionConformance
from fabro_core.testing.auth.redirects import RedirectConformance
from fabro_core.testing.auth.replicas import ReplicaConformance
from fabro_core.testing.auth.secrecy import SecrecyConformance
from fabro_core.testing.auth.times import TimeConformance
from fabro_core.testing.auth.tokens import TokenConformance

__all__ = ["AuthCase", "AuthConformance", "Authorize"]


class AuthConformance(
    ClaimsConformance,
    TokenConformance,
    FormConformance,
    RedirectConformance,
    PermissionConformance,
    PeopleConformance,
    OverlapConformance,
    ReplicaConformance,
    SecrecyConformance,
    TimeConformance,
):
    """Every promise of `AuthMethod` (auth.md A4 to A6, A9 to A12, A16, A26), one test each."""
