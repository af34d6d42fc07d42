"""What a fault of the Redis driver means to whoever asked. The driver's own words stay in the exception's cause."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from fabro_core.errors import StoreError, StoreMisconfigured, StoreUnavailable
from fabro_store_redis.settings import CREDENTIAL_VARIABLE

DRIVER_FAULTS: Final = (RedisError, OSError, asyncio.TimeoutError)


def unavailable() -> StoreUnavailable:
    """The error for a running store; raise it `from` the driver's fault."""
    return StoreUnavailable("The Redis server cannot answer.")


def cannot_open(fault: BaseException | None) -> StoreError:
    """The error for a store that is being opened; raise it `from` the driver's fault."""
    if isinstance(fault, AuthenticationError):
        return StoreMisconfigured(
            f"The Redis server refuses the credentials; check the name in the URL and set {CREDENTIAL_VARIABLE}."
        )
    if isinstance(fault, NoPermissionError):
        return StoreMisconfigured("The Redis user lacks permissions; the store's README lists the commands it needs.")
    return unavailable()
