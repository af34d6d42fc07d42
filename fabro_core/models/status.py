"""Buckets: the nine groups that run lists filter and sort by (runs.md R6.1)."""

from __future__ import annotations

from enum import IntEnum


class Bucket(IntEnum):
    """A run's place in lists; the value is the rank that `sort=status` uses.

    An archived run is in `ARCHIVED` whatever its status is, so the bucket of a run is one number and every
    visibility rule of runs.md R7.2 is a set of buckets.
    """

    PENDING = 0
    RUNNABLE = 1
    INITIALIZING = 2
    RUNNING = 3
    BLOCKED = 4
    SUCCEEDED = 5
    FAILED = 6
    ARCHIVED = 7
    REMOVING = 8

    @property
    def label(self) -> str:
        """The name on the wire, as in `?status=failed`."""
        return self.name.lower()
