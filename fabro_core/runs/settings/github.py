"""Further repositories that a run may use on GitHub (run-settings.md T6.6)."""

from __future__ import annotations

import re
from typing import Final

from fabro_core.runs.settings.faults import Report, quoted
from fabro_core.runs.settings.model import Github
from fabro_core.runs.settings.toml_places import Path

MAX_REPOSITORIES: Final = 499
PATH: Final[Path] = ("run", "integrations", "github")

_REPOSITORY: Final = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?)/([A-Za-z0-9._-]{1,100})")


def check_repositories(github: Github, report: Report) -> None:
    """Report everything that is wrong with the repositories and the permissions that they need."""
    repositories = github.additional_repositories or ()
    if not repositories:
        return
    path = (*PATH, "additional_repositories")
    if len(repositories) > MAX_REPOSITORIES:
        report(path, f"has {len(repositories)} entries, and at most {MAX_REPOSITORIES} are allowed")
    first_owner: str | None = None
    seen: set[str] = set()
    for index, repository in enumerate(repositories):
        found = _REPOSITORY.fullmatch(repository)
        if not found or found[2] in (".", ".."):
            report((*path, index), f'must be a repository as in "acme/shop", not {quoted(repository)}')
            continue
        first_owner = first_owner or found[1]
        if found[1].lower() != first_owner.lower():
            report(
                (*path, index), f"belongs to {found[1]}; all must belong to one owner, and the first to {first_owner}"
            )
        if repository.lower() in seen:
            report((*path, index), f"names {quoted(repository)} again")
        seen.add(repository.lower())
    contents = (github.permissions or {}).get("contents", "")
    if contents not in ("read", "write") and "{{" not in contents:
        report(path, 'needs permissions.contents = "read" or "write" in [run.integrations.github]')


def sorted_repositories(github: Github) -> list[str]:
    """As the snapshot has them."""
    return sorted(github.additional_repositories or (), key=str.lower)
