"""Which runs a process remembers, and how many."""

from __future__ import annotations

from msgspec.structs import replace

from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.recent import RecentRuns
from tests.runs.folding import after

SIZE = 1_000


def run(number: int, seq: int) -> Projection:
    return replace(after(), id=f"run {number}", seq=seq)


def write(recent: RecentRuns, number: int, *seqs: int) -> None:
    for seq in seqs:
        recent.wrote(run(number, seq), SIZE, on_top_of=seq - 1)


def test_a_run_is_remembered_from_the_second_batch_in_a_row_on() -> None:
    recent = RecentRuns()
    write(recent, 1, 3)
    assert recent.get("run 1") is None
    write(recent, 1, 4)
    assert recent.get("run 1") == (run(1, 4), SIZE)
    write(recent, 1, 6)
    assert recent.get("run 1") is None, "somebody else wrote event 5"
    write(recent, 1, 7)
    assert recent.get("run 1") == (run(1, 7), SIZE)


def test_a_run_that_is_forgotten_begins_anew() -> None:
    recent = RecentRuns()
    write(recent, 1, 3, 4)
    recent.forget("run 1")
    recent.forget("run 2")
    assert recent.get("run 1") is None
    write(recent, 1, 5)
    assert recent.get("run 1") is None


def test_what_is_remembered_is_bounded_in_bytes_and_the_oldest_goes_first() -> None:
    recent = RecentRuns(max_bytes=5_000)
    for number in range(1, 7):
        write(recent, number, 3, 4)
    assert [number for number in range(1, 7) if recent.get(f"run {number}")] == [3, 4, 5, 6]
    write(recent, 3, 5)
    write(recent, 7, 3, 4)
    assert [number for number in range(1, 8) if recent.get(f"run {number}")] == [3, 5, 6, 7]


def test_a_run_that_is_too_large_is_not_remembered() -> None:
    recent = RecentRuns(max_bytes=5_000)
    write(recent, 1, 3, 4)
    recent.wrote(run(2, 3), 10_000, on_top_of=2)
    recent.wrote(run(2, 4), 10_000, on_top_of=3)
    assert recent.get("run 2") is None
