"""The end of a process that has served, and has closed what it could."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn


def end_process() -> NoReturn:
    """End a process that has served. Python would wait for threads that a disk keeps from ending."""
    hangs = any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate())
    if hangs:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    sys.exit(0)
