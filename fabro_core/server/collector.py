"""The garbage collector of a process that is the server's own.

Nearly everything that a start makes stays. To look through all of it, several times while it grows and once more before
the first answer, took a fifth of the start.
"""

from __future__ import annotations

import gc


def rest() -> None:
    """Collect nothing while the process starts."""
    gc.disable()


def leave_alone_what_there_is() -> None:
    """Collect from now on, but never look at what the start has made: not even to find that it is still in use, which
    would also copy the memory that several workers share."""
    gc.freeze()
    gc.enable()
