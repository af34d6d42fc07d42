"""Instants as they stand on the wire: RFC 3339 in UTC with `Z` and 0, 3 or 6 fraction digits (runs.md R1.6)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec

Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A date-time in canonical form, kept as text: it is compared, stored and shown far more often than computed with."""

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def format_instant(instant: datetime) -> Instant:
    """The canonical text of an aware instant."""
    utc = instant.astimezone(UTC)
    if utc.microsecond == 0:
        return utc.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
    timespec = "microseconds" if utc.microsecond % 1000 else "milliseconds"
    return utc.isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


def parse_instant(text: str) -> datetime:
    """An RFC 3339 date-time with any offset and up to nine fraction digits, cut to microseconds, in UTC.

    Raises `ValueError` for anything else.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 date-time")
    date, time, fraction, offset = match.groups()
    micros = (fraction or "")[:6].ljust(6, "0")
    return datetime.fromisoformat(f"{date}T{time}.{micros}{'+00:00' if offset in 'Zz' else offset}").astimezone(UTC)


@lru_cache(maxsize=4096)
def ms_of_instant(text: str) -> int:
    """Whole milliseconds since the epoch of a date-time, rounded down. Raises `ValueError` for anything else.

    The instants of a run, of its start above all, are asked for with each of its events.
    """
    return (parse_instant(text) - _EPOCH) // _MILLISECOND


def instant_of_ms(epoch_ms: int) -> datetime:
    """The instant of a number of milliseconds since the epoch, exactly."""
    return _EPOCH + timedelta(milliseconds=epoch_ms)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
