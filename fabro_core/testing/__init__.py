"""What the authors of plugins test with: conformance kits, a clock that stands still, a real server, a fake provider.

Every name loads when it is used (`pip install 'fabro-core[testing]'`): pytest imports this package in every project
where it is installed, see `fabro_core.testing.pytest_plugin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabro_core.lazy import lazy

if TYPE_CHECKING:
    from fabro_core.testing.auth import AuthConformance
    from fabro_core.testing.auth.answers import Authorize
    from fabro_core.testing.clock import ManualClock
    from fabro_core.testing.conformance import deviates
    from fabro_core.testing.identity_provider import FakeIdentityProvider
    from fabro_core.testing.responders import ResponderConformance
    from fabro_core.testing.servers import RunningServer, running
    from fabro_core.testing.store import StoreConformance
    from fabro_core.testing.store.case import BreakDriver, NoDriver, OpenStore, StallDriver, opened
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "fabro_core.testing.auth": ("AuthConformance",),
            "fabro_core.testing.auth.answers": ("Authorize",),
            "fabro_core.testing.clock": ("ManualClock",),
            "fabro_core.testing.conformance": ("deviates",),
            "fabro_core.testing.identity_provider": ("FakeIdentityProvider",),
            "fabro_core.testing.responders": ("ResponderConformance",),
            "fabro_core.testing.servers": ("RunningServer", "running"),
            "fabro_core.testing.store": ("StoreConformance",),
            "fabro_core.testing.store.case": ("BreakDriver", "NoDriver", "OpenStore", "StallDriver", "opened"),
        },
    )

__all__ = [
    "AuthConformance",
    "Authorize",
    "BreakDriver",
    "FakeIdentityProvider",
    "ManualClock",
    "NoDriver",
    "OpenStore",
    "ResponderConformance",
    "RunningServer",
    "StallDriver",
    "StoreConformance",
    "deviates",
    "opened",
    "running",
]
