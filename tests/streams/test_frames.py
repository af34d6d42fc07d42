"""The window of the newest frames that followers share."""

from __future__ import annotations

import random

import pytest

from fabro_core.runs.follow.frames import CHUNK_BYTES, WINDOW_BYTES, WINDOW_FRAMES, Frame, Window, frame

A, B = "A", "B"


def frames(first: int, count: int, size: int = 10, run_id: str = A) -> list[Frame]:
    return [Frame(position, run_id, b"%d" % position * size) for position in range(first, first + count)]


def everything(window: Window, position: int) -> bytes:
    """What a follower at `position` is handed until there is nothing."""
    found = b""
    while position < window.end:
        chunk = window.since(position)
        assert chunk.position > position, "a chunk leads on"
        found += chunk.frames
        position = chunk.position
    return found


def test_who_is_at_one_place_gets_the_very_same_bytes() -> None:
    window = Window(0)
    window.extend(frames(1, 5), 5)
    assert window.since(2) == (b"".join(each.encoded for each in frames(3, 3)), 5)
    assert window.since(2).frames is window.since(2).frames


def test_what_was_joined_before_more_came_is_not_handed_out_as_everything() -> None:
    window = Window(0)
    window.extend(frames(1, 1), 1)
    assert window.since(0).position == 1
    window.extend(frames(2, 1), 2)
    assert window.since(0) == (b"".join(each.encoded for each in frames(1, 2)), 2)


def test_a_window_is_bounded_in_number_and_bytes() -> None:
    window = Window(0)
    window.extend(frames(1, WINDOW_FRAMES + 10, size=1), WINDOW_FRAMES + 10)
    assert window.start == 10
    window.extend([Frame(2_000, A, b"x" * (WINDOW_BYTES - 1))], 2_000)
    assert window.start == WINDOW_FRAMES + 10, "with the large frame there is no room for a small one"


def test_the_newest_frame_stays_however_large_it_is() -> None:
    window = Window(0)
    large = b"x" * 2 * WINDOW_BYTES
    window.extend([*frames(1, 3), Frame(4, A, large)], 4)
    assert (window.start, window.end) == (3, 4)
    assert window.since(3).frames is large, "whoever reads slowly holds no copy of it"


def test_a_large_frame_is_a_chunk_of_its_own() -> None:
    window = Window(0)
    large = b"x" * (CHUNK_BYTES + 1)
    window.extend([*frames(1, 2), Frame(3, A, large), *frames(4, 1)], 4)
    assert window.since(0).position == 2
    assert window.since(2) == (large, 3)
    assert window.since(2).frames is large
    assert window.since(3).position == 4


def test_a_chunk_is_not_larger_than_what_a_server_buffers() -> None:
    window = Window(0)
    window.extend([Frame(position, A, b"x" * 1_000) for position in range(1, 201)], 200)
    chunk = window.since(0)
    assert CHUNK_BYTES - 1_000 < len(chunk.frames) <= CHUNK_BYTES
    assert chunk.position == len(chunk.frames) // 1_000


def test_an_end_without_frames_leads_followers_past_what_was_deleted() -> None:
    window = Window(0)
    window.extend([], 7)
    assert window.since(0) == (b"", 7)


def test_a_filter_passes_over_the_frames_of_other_runs() -> None:
    window = Window(0)
    window.extend([*frames(1, 2), *frames(3, 2, run_id=B), *frames(5, 2)], 6)
    assert window.since_of(0, frozenset({B})) == (b"".join(each.encoded for each in frames(3, 2)), 6)
    assert window.since_of(4, frozenset({B})) == (b"", 6)


@pytest.mark.parametrize("seed", range(5))
def test_from_every_place_inside_a_window_the_rest_is_handed_out_whole(seed: int) -> None:
    chance = random.Random(seed)
    window, log, position = Window(0), list[Frame](), 0
    for _ in range(20):
        batch = []
        for _ in range(chance.randint(0, 30)):
            position += chance.randint(1, 3)
            batch.append(Frame(position, A, b"%d|" % position * chance.randint(1, 800)))
        log += batch
        window.extend(batch, position)
        for start in {window.start, window.end, chance.randint(window.start, window.end)}:
            assert everything(window, start) == b"".join(each.encoded for each in log if each.position > start)


@pytest.mark.parametrize("body", [b'{"a":1}', b'{\n"a":\r\n1}', b'{"text":"\\n"}'])
def test_a_frame_has_the_body_on_one_line(body: bytes) -> None:
    lines = frame(12, body).split(b"\n")
    assert lines[0] == b"id: 12"
    assert lines[1].replace(b" ", b"") == b"data:" + body.replace(b"\n", b"").replace(b"\r", b"")
    assert lines[2:] == [b"", b""]
