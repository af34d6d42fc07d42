"""What people do about the pull request of a run (events.md E16): link one, take the link away, have one made.

Making, merging and closing need an integration with the code host; without one they end where it would be asked. How
events change the link and the record of its making: `runs.pull_requests`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn
from urllib.parse import urlsplit

import msgspec

from fabro_core.errors import Conflict, IntegrationUnavailable, InvalidRequest, NotFound
from fabro_core.models.events import Properties
from fabro_core.models.events.infrastructure import PullRequestLinked, PullRequestUnlinked
from fabro_core.models.ids import RunId
from fabro_core.models.principal import Principal
from fabro_core.models.run import PullRequestCreation, PullRequestLink
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog

_HOST: Final = "github.com"
_NAME: Final = r"(?!\.{1,2}/)[A-Za-z0-9._-]{1,100}"
_URL: Final = re.compile(
    rf"https://{_HOST}/(?P<owner>{_NAME})/(?P<repo>{_NAME})/pull/(?P<number>[1-9][0-9]{{0,17}})", re.ASCII
)


class PullRequests:
    """The pull requests of runs.

    Every method raises `NotFound` for an unknown run. None of them is refused for an archived one (runs.md R6.4).
    """

    def __init__(self, log: RunLog) -> None:
        self._log = log

    async def link_of(self, run_id: RunId) -> PullRequestLink:
        """Raises `NotFound` when the run has no pull request."""
        return _linked(await self._run(run_id))

    async def creation_of(self, run_id: RunId) -> PullRequestCreation:
        """The newest request to make one. Raises `NotFound` when nobody has asked."""
        creation = (await self._run(run_id)).pull_request_creation
        if creation is None:
            raise NotFound("Nobody has asked for a pull request.", code="no_pull_request_creation")
        return creation

    async def link(self, run_id: RunId, link: PullRequestLink, *, actor: Principal) -> None:
        """Make `link` the run's pull request, in place of any other; the same again is no change."""
        await self._log.change(run_id, _link(link), actor=actor)

    async def unlink(self, run_id: RunId, *, actor: Principal) -> PullRequestLink:
        """Take the link away and return it. Raises `NotFound` when there is none."""
        return _linked((await self._log.change(run_id, _unlink, actor=actor)).before)

    async def create(self, run_id: RunId) -> PullRequestCreation:
        """The pending request to make a pull request.

        Raises `Conflict` for a run that has one, `InvalidRequest` for a run whose repository is unknown or on
        another host, and `IntegrationUnavailable`.
        """
        run = await self._run(run_id)
        pending = run.pull_request_creation
        if pending is not None and pending.status == "pending":
            return pending
        _require_creatable(run)
        raise _no_integration()

    async def merge(self, run_id: RunId) -> NoReturn:
        """Raises `NotFound` when the run has no pull request, and `IntegrationUnavailable`."""
        await self.link_of(run_id)
        raise _no_integration()

    async def close(self, run_id: RunId) -> NoReturn:
        """Raises `NotFound` when the run has no pull request, and `IntegrationUnavailable`."""
        await self.link_of(run_id)
        raise _no_integration()

    async def _run(self, run_id: RunId) -> Projection:
        return msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)


def pull_request_link(html_url: str) -> PullRequestLink:
    """The pull request behind the address of its page. Raises `InvalidRequest`."""
    match = _URL.fullmatch(html_url)
    if match is not None:
        return PullRequestLink(owner=match["owner"], repo=match["repo"], number=int(match["number"]), html_url=html_url)
    if _host(html_url) in (None, _HOST):
        raise InvalidRequest(
            f"html_url: must be https://{_HOST}/OWNER/REPO/pull/NUMBER.", code="invalid_pull_request_url"
        )
    raise InvalidRequest(
        f"html_url: only pull requests on {_HOST} can be linked.", code="unsupported_pull_request_provider"
    )


def _host(url: str) -> str | None:
    """The host of a web address; None for what is none."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        return None


def _linked(run: Projection) -> PullRequestLink:
    if run.pull_request is None:
        raise NotFound("The run has no pull request.", code="no_stored_record")
    return run.pull_request


def _link(link: PullRequestLink) -> Callable[[Projection], Sequence[Properties]]:
    def decide(run: Projection) -> Sequence[Properties]:
        return () if run.pull_request == link else (PullRequestLinked(pull_request=link),)

    return decide


def _unlink(run: Projection) -> Sequence[Properties]:
    return (PullRequestUnlinked(pull_request=_linked(run)),)


def _require_creatable(run: Projection) -> None:
    if run.pull_request is not None:
        raise Conflict("The run has a pull request already.", code="pull_request_exists")
    match run.repository.provider:
        case "unknown":
            raise InvalidRequest("The run does not know where its repository is from.", code="missing_repo_origin")
        case "git":
            raise InvalidRequest(f"The repository of the run is not on {_HOST}.", code="unsupported_host")
        case "github":
            return


def _no_integration() -> IntegrationUnavailable:
    return IntegrationUnavailable("No integration with a code host is installed.")
