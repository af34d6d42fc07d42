"""All values of a test are tried, and those that fail are one failure, which shows each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fabro_core.errors import StoreError

_SHOWN: Final = 12
"""How many values a failure shows; of the others it tells how many they are."""


class Values:
    """What has become of the values that a test has tried."""

    def __init__(self) -> None:
        self._tried = 0
        self._failed: list[str] = []

    @contextmanager
    def trying(self, value: str) -> Iterator[None]:
        """The part of a test that is about one value, shown as `value`. What fails in it is kept for the end."""
        self._tried += 1
        try:
            yield
        except (AssertionError, StoreError) as error:
            said = str(error).splitlines() or [type(error).__name__]
            self._failed.append(f"{value}: {said[0]}")

    def judge(self) -> None:
        """Fail if any value has failed."""
        if self._failed:
            shown = self._failed[:_SHOWN]
            more = [f"and {len(self._failed) - len(shown)} more"] if len(self._failed) > len(shown) else []
            lines = "\n  ".join([*shown, *more])
            raise AssertionError(f"{len(self._failed)} of {self._tried} values fail:\n  {lines}")
