"""Seals anew, when a server starts, what the session secret before has sealed (auth.md A28)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from fabro_core.causes import told
from fabro_core.errors import StoreUnavailable

log = logging.getLogger("fabro.auth")


class Sealed(Protocol):
    """Documents with sealed fields."""

    async def reseal(self) -> int:
        """Seal anew what an older key has sealed; how many documents that were. Raises `StoreUnavailable`."""


async def seal_anew(collections: Iterable[Sealed]) -> None:
    """Seal all of them with the newest key, and say in the log what has become of the previous one."""
    try:
        resealed = sum([await each.reseal() for each in collections])
    except StoreUnavailable as fault:
        log.warning("SESSION_SECRET_PREVIOUS is still needed: the store is unavailable: %s", told(fault))
        return
    log.warning(
        "SESSION_SECRET_PREVIOUS seals nothing any more, %s documents were sealed anew; remove it once every server on "
        "this store was started with the new SESSION_SECRET",
        resealed,
    )
