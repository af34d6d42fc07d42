"""Runs in the words of a page: what is shown of each, and how statuses, ages and durations read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from fabro_core.models.instant import Instant, parse_instant
from fabro_core.models.principal import Principal, PrincipalSlack, PrincipalUser
from fabro_core.models.run import PaginatedRunList, Run

Tone = Literal["waiting", "working", "asking", "good", "bad", "quiet"]
"""How a status is coloured; the words alone say what it is."""

_TONES: Final[dict[str, Tone]] = {
    "submitted": "waiting",
    "pending": "asking",
    "runnable": "waiting",
    "starting": "working",
    "running": "working",
    "paused": "waiting",
    "blocked": "asking",
    "succeeded": "good",
    "failed": "bad",
    "dead": "bad",
    "removing": "quiet",
}


class When(msgspec.Struct, frozen=True):
    """An instant as a person reads it."""

    instant: Instant
    exact: str
    """Such as `2026-08-01 10:00:00 UTC`."""
    age: str
    """Such as `5 min ago`."""


class StatusView(msgspec.Struct, frozen=True):
    words: str
    """Such as `Failed: budget exhausted`."""
    short: str
    """The status alone."""
    tone: Tone


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the list, and the beginning of a run's own page."""

    id: str
    title: str
    workflow: str
    status: StatusView
    archived: bool
    created: When


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a run's page; `when` and `href` say what else than plain text the value is."""

    name: str
    text: str
    when: When | None = None
    href: str | None = None


class RunPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of one run shows."""

    run: RunView
    goal: str
    error: str | None
    question: str | None
    facts: tuple[Fact, ...]


class RunListView(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the list."""

    runs: tuple[RunView, ...]
    total: int
    first: int
    """Position of the first run of this page, from 1."""
    last: int
    number: int
    """Of this page, from 1."""
    has_more: bool


def list_view(body: bytes, *, number: int, page_size: int, now: datetime) -> RunListView:
    """The list's JSON (runs.md R7) as page `number` of it."""
    listed = msgspec.json.decode(body, type=PaginatedRunList)
    before = (number - 1) * page_size
    return RunListView(
        runs=tuple(run_view(run, now) for run in listed.data),
        total=listed.meta.total,
        first=before + 1,
        last=before + len(listed.data),
        number=number,
        has_more=listed.meta.has_more,
    )


def run_view(run: Run, now: datetime) -> RunView:
    return RunView(
        id=run.id,
        title=run.title,
        workflow=run.workflow.display_name,
        status=_status(run),
        archived=run.lifecycle.archived,
        created=when(run.timestamps.created_at, now),
    )


def run_page_view(body: bytes, *, prefix: str, now: datetime) -> RunPageView:
    """A run's JSON (runs.md R5) as its page shows it."""
    run = msgspec.json.decode(body, type=Run)
    return RunPageView(
        run=run_view(run, now),
        goal=run.goal,
        error=run.lifecycle.error.message if run.lifecycle.error else None,
        question=run.current_question.text if run.current_question else None,
        facts=tuple(_facts(run, prefix, now)),
    )


def _status(run: Run) -> StatusView:
    status = msgspec.to_builtins(run.lifecycle.status)
    kind: str = status.pop("kind")
    reasons = [reason.replace("_", " ") for reason in status.values() if reason]
    short = kind.capitalize()
    return StatusView(words=": ".join([short, *reasons]), short=short, tone=_TONES[kind])


def _facts(run: Run, prefix: str, now: datetime) -> list[Fact]:
    times, timing, request = run.timestamps, run.timing, run.pull_request
    found = [
        Fact(name="Workflow", text=run.workflow.display_name),
        Fact(name="Repository", text=run.repository.name),
        Fact(name="Created by", text=_who(run.created_by)),
        _instant("Created", times.created_at, now),
        _instant("Started", times.started_at, now),
        _instant("Ended", times.completed_at, now),
        Fact(name="Wall time", text=duration(timing.wall_time_ms)) if timing else None,
        Fact(name="Place in the queue", text=str(run.lifecycle.queue_position or "")),
        Fact(name="Models", text=", ".join(model.name for model in run.models)),
        Fact(name="Cost", text=_cost(run)),
        Fact(name="Pull request", text=f"{request.owner}/{request.repo}#{request.number}", href=request.html_url)
        if request
        else None,
        _run_link("Parent", run.parent_id or None, prefix),
        _run_link("Retry of", run.retried_from, prefix),
        _run_link("Superseded by", run.superseded_by, prefix),
        Fact(name="Labels", text=", ".join(f"{name}: {value}" for name, value in run.labels.items())),
        Fact(name="Run id", text=run.id),
    ]
    return [fact for fact in found if fact is not None and fact.text]


def _who(principal: Principal) -> str:
    """A name where there is one, else the kind, such as `worker`."""
    match principal:
        case PrincipalUser(login=login):
            return login
        case PrincipalSlack(user_name=str(name)):
            return name
        case _:
            return str(type(principal).__struct_config__.tag)


def _cost(run: Run) -> str:
    micros = run.billing.total_usd_micros if run.billing else None
    return "" if micros is None else f"${micros / 1_000_000:,.2f}"


def _instant(name: str, instant: Instant | None, now: datetime) -> Fact | None:
    return None if instant is None else Fact(name=name, text=instant, when=when(instant, now))


def _run_link(name: str, run_id: str | None, prefix: str) -> Fact | None:
    return None if run_id is None else Fact(name=name, text=run_id, href=f"{prefix}/runs/{run_id}")


def when(instant: Instant, now: datetime) -> When:
    """An instant of the wire as it is read at `now`."""
    parsed = parse_instant(instant)
    return When(instant=instant, exact=f"{parsed:%Y-%m-%d %H:%M:%S} UTC", age=age(parsed, now))


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_DATED_AFTER = timedelta(days=30)


def age(instant: datetime, now: datetime) -> str:
    """How long ago; beyond a month the date, for an instant ahead of the clock `just now`."""
    past = now - instant
    if past < _MINUTE:
        return "just now"
    if past < _HOUR:
        return f"{past // _MINUTE} min ago"
    if past < _DAY:
        return f"{past // _HOUR} h ago"
    if past < _DATED_AFTER:
        days = past // _DAY
        return f"{days} day{'s' if days > 1 else ''} ago"
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def duration(milliseconds: int) -> str:
    """Such as `1 h 5 min` or `42 s`: the two largest units."""
    seconds = milliseconds // 1000
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((index for index, (amount, _) in enumerate(units) if amount), len(units) - 1)
    return " ".join(f"{amount} {unit}" for amount, unit in units[first : first + 2] if amount) or "0 s"
