"""What the authors of plugins test with: conformance kits, a clock that stands still.

Importing this package imports neither pytest nor Hypothesis; the names that need them load when they are used
(`pip install 'fabro-core[testing]'`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabro_core.testing.clock import ManualClock

if TYPE_CHECKING:
    from fabro_core.testing.store import StoreConformance

__all__ = ["ManualClock", "StoreConformance"]


def __getattr__(name: str) -> object:
    if name == "StoreConformance":
        from fabro_core.testing.store import StoreConformance

        return StoreConformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
