"""How a run names the repository it works on (runs.md R5.3)."""

from __future__ import annotations

from typing import Literal

from fabro_core.models.run import RepositoryRef

_GITHUB_ORIGINS = ("git@github.com:", "http://github.com/", "https://github.com/", "ssh://git@github.com/")


def repository_ref(origin_url: str | None, source_directory: str | None) -> RepositoryRef:
    """The repository of a run from its git origin, else from the directory it was submitted from."""
    return RepositoryRef(
        name=_name(origin_url, source_directory), origin_url=origin_url, provider=_provider(origin_url)
    )


def _name(origin_url: str | None, source_directory: str | None) -> str:
    if origin_url:
        segments = [
            part for part in origin_url.removesuffix("/").removesuffix(".git").replace(":", "/").split("/") if part
        ]
        if segments:
            return "/".join(segments[-2:])
    if source_directory:
        segments = [part for part in source_directory.replace("\\", "/").split("/") if part]
        if segments:
            return segments[-1]
    return "unknown"


def _provider(origin_url: str | None) -> Literal["github", "git", "unknown"]:
    if origin_url is None or not origin_url.strip():
        return "unknown"
    return "github" if origin_url.startswith(_GITHUB_ORIGINS) else "git"
