"""The interface of a source of manifests: what knows the workflows of repositories.

The core keeps automations, tells when they are due and creates their runs; a source is told what is to be run, and
answers with the manifest of a run of it (resources.md X10).
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from fabro_core.context import Problem


class ManifestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run."""

    automation_id: str
    trigger_id: str
    """What asks for it: `manual` for the API."""
    repository: str
    """`owner/repo`."""
    ref: str
    """A branch, a tag or a commit; without blanks, `..`, and a leading `/` or `-`."""
    workflow: str
    """Which of the repository's workflows; as `ref`."""


class ManifestSource(abc.ABC):
    """Gets workflows out of repositories. Several calls may be under way at once."""

    @abc.abstractmethod
    async def manifest(self, request: ManifestRequest, /) -> bytes:
        """The manifest of a run, as the JSON that `POST /runs` takes. It is judged as one that a client sends.

        Raises `NoManifest` for what the repository has not, or does not let be made a manifest of, `CodeHostFailed`
        when whoever has the repository cannot be asked. Anything else that it raises, and more than 60 s, counts as the
        latter.
        """

    async def check(self) -> Sequence[Problem]:
        """What is wrong, found without contacting anything; asked once it is open. Must answer within 10 s."""
        return ()

    async def check_online(self) -> Sequence[Problem]:
        """What is wrong with what it depends on; asked by `fabro check --online` alone."""
        return ()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Holds open what it needs while the server runs; entered before the first call."""
        yield
