"""The state of the working copy that a run is created from, as git tells it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from fabro_core.models.events import GitContext

TIMEOUT_SECONDS: Final = 10
"""For each question to git; a huge working copy on a slow disk counts as unknown."""


def git_context(directory: Path) -> GitContext | None:
    """Of the repository that a directory is in; None outside of one, without a branch or an origin, and without git."""
    branch = _git(directory, "symbolic-ref", "--short", "HEAD")
    origin = _git(directory, "remote", "get-url", "origin")
    if not branch or not origin:
        return None
    changes = _git(directory, "status", "--porcelain")
    return GitContext(
        origin_url=without_credentials(origin),
        branch=branch,
        sha=_git(directory, "rev-parse", "--verify", "--quiet", "HEAD") or None,
        dirty="unknown" if changes is None else "dirty" if changes else "clean",
    )


def without_credentials(url: str) -> str:
    """A remote's URL without user and password; `git@host:path` has none to hide."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _git(directory: Path, *arguments: str) -> str | None:
    """What git answers; None when it does not."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(directory), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_SECONDS)  # noqa: S603  (ours)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode(errors="replace").strip()
