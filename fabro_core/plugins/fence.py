"""The fence of `PLUGIN_API`: for which plugin APIs a plugin may have been written to be loaded (server.md S18).

A server offers one number and still accepts the one before, with a warning, so that server and plugins need not be
upgraded on the same day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fabro_core.hooks import PLUGIN_API

FIRST_API: Final = 1
ATTRIBUTE: Final = "FABRO_PLUGIN_API"
"""Where a plugin states the API that it was written for."""


@dataclass(frozen=True, slots=True)
class ApiFence:
    """What a server that offers one plugin API accepts."""

    offered: int

    @property
    def accepted(self) -> range:
        """The accepted numbers: the offered one and its predecessor, if there was one."""
        return range(max(FIRST_API, self.offered - 1), self.offered + 1)

    def fault(self, target: object) -> str | None:
        """Why the plugin cannot be loaded, and the way out; None when it can."""
        stated = getattr(target, ATTRIBUTE, None)
        if stated is None:
            return f"does not state the plugin API it was written for; it must set {ATTRIBUTE} = {self.offered}"
        if not isinstance(stated, int) or isinstance(stated, bool):
            return f"{ATTRIBUTE} must be an integer; this server offers {self.offered}"
        if stated > self.offered:
            return f"was written for plugin API {stated}, this server offers {self.offered}; upgrade fabro-core"
        if stated not in self.accepted:
            return f"was written for plugin API {stated}, this server needs {self._needed}; upgrade the plugin"
        return None

    def warning(self, stated: int) -> str | None:
        """What to tell the operator about an accepted number; None for the offered one."""
        if stated == self.offered:
            return None
        return (
            f"was written for plugin API {stated}, this server offers {self.offered};"
            " upgrade the plugin before the next upgrade of fabro-core"
        )

    @property
    def _needed(self) -> str:
        return " or ".join(str(number) for number in self.accepted)


FENCE: Final = ApiFence(PLUGIN_API)
"""That of this server."""
