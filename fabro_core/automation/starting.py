"""Making a run of an automation: the manifest from its source, the run, and its start (resources.md X10)."""

from __future__ import annotations

import logging
from typing import Final

from fabro_core.automation.base import ManifestRequest, ManifestSource
from fabro_core.causes import told
from fabro_core.errors import (
    CodeHostFailed,
    InvalidRequest,
    NoManifest,
    NotFound,
    NotSupported,
    Refusal,
    StoreUnavailable,
)
from fabro_core.models.ids import RunId
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import AutomationRef
from fabro_core.resources.automations import Automation
from fabro_core.runs.service import Runs
from fabro_core.store.records import StoredRun
from fabro_core.within import within

SOURCE_SECONDS: Final = 60
"""What a source may take for a manifest."""

log = logging.getLogger("fabro.automations")


class AutomationRuns:
    """Makes the runs of one server's automations."""

    def __init__(self, runs: Runs, source: ManifestSource | None) -> None:
        """`source` None: nothing here knows the workflows of repositories."""
        self._runs = runs
        self._source = source

    @property
    def has_source(self) -> bool:
        return self._source is not None

    async def create(self, automation: Automation, trigger_id: str, *, provenance: RunProvenance) -> StoredRun:
        """The new run, not started.

        Raises `NotSupported` without a source, `NoManifest` when there is no valid manifest, `CodeHostFailed`, and
        `StoreUnavailable`.
        """
        if self._source is None:
            raise NotSupported("Nothing here gets workflows out of repositories.")
        target = automation.target
        request = ManifestRequest(
            automation_id=automation.id,
            trigger_id=trigger_id,
            repository=target.repository,
            ref=target.ref,
            workflow=target.workflow,
        )
        manifest = await _manifest(self._source, request)
        made_by = AutomationRef(id=automation.id, name=automation.name, trigger_id=trigger_id)
        try:
            return await self._runs.create(manifest, provenance=provenance, automation=made_by)
        except (InvalidRequest, NotFound) as refusal:
            raise NoManifest(f"The manifest of {target.workflow} is not valid: {refusal.detail}") from refusal

    async def start(self, run: StoredRun, *, provenance: RunProvenance) -> None:
        """Start a run that was made; when that fails the run is there all the same, and the log has the reason."""
        try:
            await self._runs.start(RunId(run.id), actor=provenance.subject)
        except Refusal as refusal:
            log.warning("the run %s of an automation was not started: %s", run.id, refusal.detail)
        except StoreUnavailable as fault:
            text = "the run %s of an automation was not started, the store is unavailable: %s"
            log.warning(text, run.id, told(fault))


async def _manifest(source: ManifestSource, request: ManifestRequest) -> bytes:
    try:
        return await within(SOURCE_SECONDS, source.manifest(request))
    except (NoManifest, CodeHostFailed):
        raise
    except TimeoutError:
        raise CodeHostFailed(f"The source of manifests has not answered within {SOURCE_SECONDS} s.") from None
    except Exception as error:
        log.exception("the source of manifests has failed for the automation %s", request.automation_id)
        raise CodeHostFailed("The source of manifests has failed.") from error
