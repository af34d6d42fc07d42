"""What is remembered is bounded in bytes, and what was used last stays longest."""

from __future__ import annotations

from fabro_core.runs.create.remembered import ENTRY_BYTES, Remembered, key_of

ROOM_FOR_TWO = 2 * (ENTRY_BYTES + 10)


def test_what_was_used_last_stays_longest() -> None:
    remembered: Remembered[str] = Remembered(ROOM_FOR_TWO)
    for key in (b"a", b"b"):
        remembered.put(key, key.decode(), 10)
    assert remembered.get(b"a") == "a"
    remembered.put(b"c", "c", 10)
    assert [remembered.get(key) for key in (b"a", b"b", b"c")] == ["a", None, "c"]


def test_a_result_that_has_no_room_is_not_remembered() -> None:
    remembered: Remembered[str] = Remembered(ROOM_FOR_TWO)
    remembered.put(b"a", "a", ROOM_FOR_TWO)
    assert remembered.get(b"a") is None


def test_a_result_that_is_put_twice_takes_its_room_once() -> None:
    remembered: Remembered[str] = Remembered(ROOM_FOR_TWO)
    for key in (b"a", b"b", b"b", b"b"):
        remembered.put(key, key.decode(), 10)
    assert remembered.get(b"a") == "a"


def test_texts_have_another_key_wherever_they_are_cut() -> None:
    keys = [
        key_of("ab", "c"),
        key_of("a", "bc"),
        key_of("abc"),
        key_of(["ab", "c"]),
        key_of("ab", None),
        key_of("", ""),
    ]
    assert len(set(keys)) == len(keys)
