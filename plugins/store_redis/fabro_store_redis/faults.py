"""What a fault of the Redis driver means to whoever asked. The driver's own words stay in the exception's cause."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from redis.exceptions import AuthenticationError, MovedError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import TimeoutError as NoAnswer

from fabro_core.store import StoreError, StoreFenced, StoreMisconfigured, StoreUnavailable
from fabro_store_redis.causes import cause_of, chain
from fabro_store_redis.settings import CREDENTIAL_VARIABLE

DRIVER_FAULTS: Final = (RedisError, OSError, asyncio.TimeoutError)

FENCED: Final = "FENCED"
"""The error with which scripts refuse to write to a fenced store."""


NO_DATABASE: Final = "db index"
"""In what servers say of a database that they do not have."""


class NoPrimary(LostConnection):
    """Nobody who takes writes is where the primary should be, which may pass: a replica is being promoted."""

    def __init__(self, reason: str = "it is a replica and takes no writes") -> None:
        self.reason = reason
        super().__init__(reason)


class TooFewReplicas(RedisError):
    """A write has not reached as many replicas as it was to wait for."""

    def __init__(self, reached: object) -> None:
        self.reason = f"{reached} replicas have received what was written, and more must have it"
        super().__init__(self.reason)


def unavailable(server: str, fault: BaseException | None) -> StoreUnavailable:
    """The error for a running store; `server` is its address. Raise it `from` the driver's fault."""
    if isinstance(fault, ResponseError) and str(fault).startswith(FENCED):
        return StoreFenced()
    if isinstance(fault, NoPrimary | TooFewReplicas):
        return StoreUnavailable(f"The Redis server at {server} cannot answer: {fault.reason}.")
    return StoreUnavailable(f"The Redis server at {server} cannot answer: {cause_of(fault)}.")


def has_waited(fault: BaseException) -> bool:
    """Whether the driver gave up after a timeout, for an answer or for a free connection."""
    return any(isinstance(each, NoAnswer | asyncio.TimeoutError) for each in chain(fault))


def cannot_open(server: str, fault: BaseException | None) -> StoreError:
    """The error for a store that is being opened; raise it `from` the driver's fault."""
    faults = tuple(chain(fault))
    if any(isinstance(each, AuthenticationError) for each in faults):
        return StoreMisconfigured(
            f"The Redis server refuses the credentials; check the name in the URL and set {CREDENTIAL_VARIABLE}."
        )
    if any(isinstance(each, NoPermissionError) for each in faults):
        return StoreMisconfigured("The Redis user lacks permissions; the store's README lists the commands it needs.")
    if any(isinstance(each, MovedError) for each in faults):
        return StoreMisconfigured(
            "The Redis server is one of a cluster, and another one has the keys with this prefix; name that one in the "
            "URL, or a server without a cluster."
        )
    if any(isinstance(each, NoPrimary) for each in faults):
        return StoreMisconfigured("The Redis server is a replica and takes no writes; name its primary in the URL.")
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in faults):
        return StoreMisconfigured(
            "The certificate of the Redis server is not trusted; check the host in the URL, and name its authority in "
            "server.store.redis.ca_file."
        )
    if any(isinstance(each, ResponseError) and NO_DATABASE in str(each).lower() for each in faults):
        return StoreMisconfigured(f"The Redis server at {server} has no database of this number; correct the URL.")
    return unavailable(server, fault)
