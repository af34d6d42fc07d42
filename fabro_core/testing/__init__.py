"""What the authors of plugins test with: conformance kits, a clock that stands still, a real server, a fake provider.

Every name loads when it is used (`pip install 'fabro-core[testing]'`): pytest imports this package in every project
where it is installed, see `fabro_core.testing.pytest_plugin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fabro_core.testing.auth import AuthConformance
    from fabro_core.testing.auth_logins import Authorize
    from fabro_core.testing.clock import ManualClock
    from fabro_core.testing.conformance import deviates
    from fabro_core.testing.identity_provider import FakeIdentityProvider
    from fabro_core.testing.servers import running
    from fabro_core.testing.store import StoreConformance

__all__ = [
    "AuthConformance",
    "Authorize",
    "FakeIdentityProvider",
    "ManualClock",
    "StoreConformance",
    "deviates",
    "running",
]

_HOMES = {
    "AuthConformance": "fabro_core.testing.auth",
    "Authorize": "fabro_core.testing.auth_logins",
    "FakeIdentityProvider": "fabro_core.testing.identity_provider",
    "ManualClock": "fabro_core.testing.clock",
    "StoreConformance": "fabro_core.testing.store",
    "deviates": "fabro_core.testing.conformance",
    "running": "fabro_core.testing.servers",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
