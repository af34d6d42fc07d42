"""The limit on open files, which a thousand connections may reach."""

from __future__ import annotations

import resource


def allow_many_files() -> None:
    """Raise this process's limit as far as it may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
