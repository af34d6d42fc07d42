"""What is told of a store that does not work: the message of its author and what caused it, and no secret."""

from __future__ import annotations

import pytest

from fabro_core.causes import MOST_CHARS, errors_of_stores, told
from fabro_core.errors import SeqConflict, StoreError, StoreMisconfigured, StoreUnavailable

DSN = "postgres://fabro:hunter2@db7.internal:5432/fabro"


def raised(error: StoreError, *causes: Exception) -> StoreError:
    """The error as it arrives that was raised from the first of these causes, that from the second, and so on."""
    current: Exception = error
    for cause in causes:
        current.__cause__ = cause
        current = cause
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (raised(StoreUnavailable("The engine is away.")), "The engine is away."),
        (raised(StoreUnavailable()), "It does not say why."),
        (raised(StoreMisconfigured()), "It does not say why."),
        (
            raised(StoreUnavailable("The engine is away."), ConnectionRefusedError(111, DSN)),
            "The engine is away. Cause: ConnectionRefusedError ECONNREFUSED.",
        ),
        (
            raised(StoreUnavailable(), RuntimeError(DSN), RuntimeError(DSN), OSError(28, DSN)),
            "It does not say why. Cause: RuntimeError, OSError ENOSPC.",
        ),
        (raised(StoreUnavailable(f"Nothing at {DSN}.")), "Nothing at postgres://…@db7.internal:5432/fabro."),
        (
            raised(StoreUnavailable("Nothing at host=db7 user=fabro Password=hunter2 port=5432.")),
            "Nothing at host=db7 user=fabro Password=… port=5432.",
        ),
    ],
)
def test_the_text_is_the_message_and_the_kinds_of_causes(error: StoreError, text: str) -> None:
    assert told(error) == text


def test_causes_that_go_in_a_circle_end() -> None:
    away, broken = StoreUnavailable("The engine is away."), RuntimeError()
    away.__cause__, broken.__cause__ = broken, away
    assert told(away) == "The engine is away. Cause: RuntimeError."


def test_a_long_message_is_cut() -> None:
    assert len(told(StoreUnavailable("x" * 1_000_000))) == MOST_CHARS


def broken_driver() -> None:
    raise ValueError(DSN)


def test_what_no_store_may_raise_becomes_what_it_should_have_been_and_says_where() -> None:
    with pytest.raises(StoreUnavailable) as found, errors_of_stores():
        broken_driver()
    text = told(found.value)
    assert text.startswith("It breaks its promise to raise nothing but StoreUnavailable: test_causes.py:")
    assert "in broken_driver" in text
    assert text.endswith(" Cause: ValueError.")
    assert "hunter2" not in text


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreMisconfigured("wrong path"), SeqConflict(1, 2)])
def test_what_a_store_may_raise_stays_what_it_is(error: StoreError) -> None:
    with pytest.raises(type(error)) as found, errors_of_stores():
        raise error
    assert found.value is error
