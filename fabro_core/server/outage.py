"""Something that may fail for a while: told when it begins and when it ends, not at every attempt in between."""

from __future__ import annotations

import logging


class Outage:
    """What is logged of one kind of failure; `over` is the line that ends it."""

    def __init__(self, log: logging.Logger, over: str) -> None:
        self._log = log
        self._over = over
        self._lasting = False

    def lasts(self, message: str, *arguments: object) -> None:
        """It has failed, for the reason that is logged unless it had failed before."""
        if not self._lasting:
            self._lasting = True
            self._log.error(message, *arguments)

    def ended(self) -> None:
        """It works."""
        if self._lasting:
            self._lasting = False
            self._log.warning("%s", self._over)
