"""Where a picture leads, apart from what draws it, which a server loads when somebody asks for a picture."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    """Where the edges of a picture lead."""

    TB = "TB"
    LR = "LR"
    BT = "BT"
    RL = "RL"

    @property
    def is_vertical(self) -> bool:
        return self in (Direction.TB, Direction.BT)

    @property
    def is_turned(self) -> bool:
        """Whether it begins at the bottom or at the right."""
        return self in (Direction.BT, Direction.RL)
