"""Automations: workflows of repositories, and what makes runs of them (resources.md X10)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from cronsim import CronSim, CronSimError
from msgspec.structs import replace

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.models.ids import ResourceId
from fabro_core.resources.revisioned import Closed, Kept, RevisionedDocuments, defined
from fabro_core.store.base import RunStore

MANUAL: Final = "manual"
"""The id of the trigger that is the API, whatever it was called when it was set."""

CRON_FIELDS: Final = 5

MAX_EXPRESSION_CHARS: Final = 256
"""Of a cron expression: what is read of it is proportional to that."""

_REPOSITORY: Final = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]+/(?!\.{1,2}\Z)[A-Za-z0-9._-]+")

_SOME_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""An expression is read for a beginning; whether it can be read does not depend on it."""

TriggerId = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9_-]{0,62}\Z")]


class AutomationTarget(Closed, frozen=True, kw_only=True):
    """What is run."""

    repository: str
    """`owner/repo`."""
    ref: str
    """A branch, a tag or a commit."""
    workflow: str
    """Which of the repository's workflows."""

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise ValueError("repository must be owner/repo")
        for name, text in (("ref", self.ref), ("workflow", self.workflow)):
            if not text or text.startswith(("/", "-")) or ".." in text or any(map(str.isspace, text)):
                raise ValueError(f"{name} must be a name without blanks and '..', and begin with neither / nor -")


class ApiTrigger(Closed, frozen=True, kw_only=True, tag="api", tag_field="type"):
    """Somebody asks for a run."""

    id: TriggerId
    enabled: bool


class ScheduleTrigger(Closed, frozen=True, kw_only=True, tag="schedule", tag_field="type"):
    """The time has come."""

    id: TriggerId
    enabled: bool
    expression: str
    """Five fields of cron, in UTC."""

    def __post_init__(self) -> None:
        if not is_cron(self.expression):
            raise ValueError("expression must have the five fields of cron, as in 0 3 * * *")


Trigger = ApiTrigger | ScheduleTrigger


class AutomationDefinition(Closed, frozen=True, kw_only=True):
    """What somebody sets."""

    name: str
    description: str | None = None
    target: AutomationTarget
    triggers: tuple[Trigger, ...]

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name must not be blank")
        if sum(isinstance(trigger, ApiTrigger) for trigger in self.triggers) > 1:
            raise ValueError("triggers must have at most one of the type api")
        for ids in ([each.id for each in self.triggers], [each.id for each in settled(self.triggers)]):
            if len({*ids}) < len(ids):
                raise ValueError("triggers must have different ids; manual is that of the API")


class Automation(AutomationDefinition, frozen=True, kw_only=True):
    """As it is kept and shown."""

    id: ResourceId
    description: str | None
    revision: str

    @property
    def is_for_the_api(self) -> bool:
        """Whether somebody may ask for a run."""
        return any(isinstance(trigger, ApiTrigger) and trigger.enabled for trigger in self.triggers)


class Automations:
    """The automations of a server. Every method raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        kept = Documents(store, clock, "automations", Kept[Automation])
        self._kept: RevisionedDocuments[Automation] = RevisionedDocuments(kept, "Automation")

    async def all(self) -> list[Automation]:
        """All of them, by id."""
        return await self._kept.all()

    async def get(self, id_: str) -> Automation:
        """Raises `NotFound`."""
        return await self._kept.get(id_)

    async def create(self, id_: str, definition: AutomationDefinition) -> Automation:
        """Raises `Conflict` when there is one with this id."""
        return await self._kept.create(Kept(shown=_automation(id_, definition)))

    async def replace(self, id_: str, definition: AutomationDefinition, revision: str) -> Automation:
        """Replace the one with this revision. Raises `NotFound` or `Conflict`."""
        return await self._kept.replace(Kept(shown=_automation(id_, definition)), revision)

    async def delete(self, id_: str, revision: str) -> None:
        """Delete the one with this revision. Raises `NotFound` or `Conflict`."""
        await self._kept.delete(id_, revision)


def is_cron(expression: str) -> bool:
    """Whether a text has the five fields of cron."""
    if len(expression) > MAX_EXPRESSION_CHARS or len(expression.split()) != CRON_FIELDS:
        return False
    try:
        CronSim(expression, _SOME_DAY)
    except CronSimError:
        return False
    return True


def settled(triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    """As triggers are kept: by id; the one of the API is called `manual`, and is not there when it is disabled."""
    kept = (
        replace(trigger, id=MANUAL) if isinstance(trigger, ApiTrigger) else trigger
        for trigger in triggers
        if trigger.enabled or not isinstance(trigger, ApiTrigger)
    )
    return tuple(sorted(kept, key=lambda trigger: trigger.id))


def _automation(id_: str, definition: AutomationDefinition) -> Automation:
    kept = AutomationDefinition(
        name=definition.name,
        description=definition.description,
        target=definition.target,
        triggers=settled(definition.triggers),
    )
    return Automation(**defined(AutomationDefinition, id_, kept))
