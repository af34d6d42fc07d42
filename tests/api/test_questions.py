"""Questions and their answers over HTTP (events.md E8, E23), on both stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.seeding import STATUSES, Seed, put
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
REVIEW = {"node_id": "review", "node_label": "Review", "stage_id": "review@1"}
OPTIONS = [{"key": "A", "label": "[A] Approve", "description": "As is"}, {"key": "R", "label": "[R] Revise"}]


async def post(server: Server, run_id: str, name: str, properties: Any = None, **more: Any) -> httpx.Response:
    given = SAMPLES[name] if properties is None else {**SAMPLES[name], **properties}
    event = {"id": name, "ts": "2026-03-02T10:15:30Z", "run_id": run_id, "event": name, "properties": given, **more}
    return await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)


async def asking(server: Server, *questions: dict[str, Any]) -> str:
    """A run that is blocked by questions, `q-1` unless they say otherwise."""
    run_id: str = (await server.create())["id"]
    for name in RUNNING:
        await post(server, run_id, name)
    for question in questions or ({},):
        assert (await post(server, run_id, "interview.started", question, **REVIEW)).status_code == 200
    await post(server, run_id, "run.blocked")
    return run_id


async def answer(server: Server, run_id: str, body: Any, question_id: str = "q-1") -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/questions/{question_id}/answer", json=body)


async def status_of(server: Server, run_id: str) -> dict[str, Any]:
    status: dict[str, Any] = (await server.client.get(f"/api/v1/runs/{run_id}")).json()["lifecycle"]["status"]
    return status


def code(reply: httpx.Response) -> str | None:
    found: str | None = reply.json()["errors"][0].get("code")
    return found


# -- list -----------------------------------------------------------------------------------------------------------


async def test_a_pending_question_is_listed_and_is_the_current_one(server: Server) -> None:
    target = {"label": "Draft", "url": "https://example.com/draft", "kind": "document"}
    question = {
        "question_type": "multiple_choice",
        "options": OPTIONS,
        "allow_freeform": True,
        "timeout_seconds": 3600,
        "context_display": "Draft of the notes",
        "review_target": target,
    }
    run_id = await asking(server, question)
    listed = (await server.client.get(f"/api/v1/runs/{run_id}/questions")).json()
    expected = {"id": "q-1", "text": "Publish?", "stage": "review", **question}
    assert listed == {"data": [expected], "meta": {"has_more": False}}
    assert (await server.client.get(f"/api/v1/runs/{run_id}")).json()["current_question"] == expected


async def test_a_bare_question_leaves_out_what_is_unset_and_reads_an_unknown_type_as_freeform(server: Server) -> None:
    run_id = await asking(server, {"question_type": "riddle"})
    (question,) = (await server.client.get(f"/api/v1/runs/{run_id}/questions")).json()["data"]
    assert question == {
        "id": "q-1",
        "text": "Publish?",
        "stage": "review",
        "question_type": "freeform",
        "options": [],
        "allow_freeform": False,
    }


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ("", range(25), False),
        ("?page[limit]=2", range(2), True),
        ("?page%5Blimit%5D=2&page[offset]=24", range(24, 25), False),
        ("?page[offset]=3", range(3, 23), True),
        ("?page[offset]=99", range(0), False),
    ],
)
async def test_the_list_is_complete_unless_a_page_is_asked_for(
    server: Server, query: str, ids: range, has_more: bool
) -> None:
    run_id = await asking(server, *({"question_id": f"q-{number:02}"} for number in reversed(range(25))))
    page = (await server.client.get(f"/api/v1/runs/{run_id}/questions{query}")).json()
    assert [question["id"] for question in page["data"]] == [f"q-{number:02}" for number in ids]
    assert page["meta"] == {"has_more": has_more}


async def test_a_list_of_no_run_or_with_a_bad_page_is_refused(server: Server) -> None:
    run_id = await asking(server)
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/questions")).status_code == 404
    assert (await server.client.get(f"/api/v1/runs/{run_id}/questions?page[limit]=-1")).status_code == 400


# -- answer ---------------------------------------------------------------------------------------------------------

FITTING: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"question_type": "yes_no"}, {"kind": "yes"}, "yes"),
    ({"question_type": "confirmation"}, {"kind": "no"}, "no"),
    ({"question_type": "multiple_choice", "options": OPTIONS}, {"kind": "selected", "option_key": "A"}, "A"),
    (
        {"question_type": "multi_select", "options": OPTIONS},
        {"kind": "multi_selected", "option_keys": ["R", "A", "R"]},
        "R, A",
    ),
    ({"question_type": "multi_select", "options": OPTIONS}, {"kind": "multi_selected", "option_keys": []}, ""),
    ({"question_type": "freeform"}, {"kind": "text", "text": " As sent \n"}, " As sent \n"),
    ({"question_type": "yes_no", "allow_freeform": True}, {"kind": "text", "text": "Maybe"}, "Maybe"),
]


@pytest.mark.parametrize(("question", "body", "text"), FITTING)
async def test_an_answer_is_recorded_and_lets_the_run_go_on(
    server: Server, question: dict[str, Any], body: dict[str, Any], text: str
) -> None:
    run_id = await asking(server, question)
    server.clock.advance(timedelta(seconds=4))
    reply = await answer(server, run_id, {**body, "beyond": [1]})
    assert (reply.status_code, reply.content) == (204, b"")
    (completed,) = await server.events_of(run_id, "interview.completed")
    assert completed["properties"] == {
        "question_id": "q-1",
        "question": "Publish?",
        "answer": text,
        "duration_ms": 4000,
        "submission": {**body, "beyond": [1]},
    }
    assert {key: completed[key] for key in REVIEW} == REVIEW
    assert completed["actor"]["login"] == "dev"
    assert (await server.log_of(run_id))[-2:] == ["interview.completed", "run.unblocked"]
    assert await status_of(server, run_id) == {"kind": "running"}
    again = await answer(server, run_id, body)
    assert (again.status_code, code(again)) == (409, "question_not_pending")


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ({}, {}),
        ({}, {"kind": "perhaps"}),
        ({}, {"kind": "text", "text": "Maybe"}),
        ({}, {"kind": "selected", "option_key": "A"}),
        ({"question_type": "freeform"}, {"kind": "text", "text": " \n"}),
        ({"question_type": "freeform"}, {"kind": "text"}),
        ({"question_type": "freeform"}, {"kind": "yes"}),
        ({"question_type": "multiple_choice", "options": OPTIONS}, {"kind": "selected", "option_key": "X"}),
        ({"question_type": "multiple_choice", "options": OPTIONS}, {"kind": "selected"}),
        ({"question_type": "multi_select", "options": OPTIONS}, {"kind": "multi_selected", "option_keys": ["A", "X"]}),
        ({"question_type": "multi_select", "options": OPTIONS}, {"kind": "multi_selected", "option_keys": "A"}),
    ],
)
async def test_an_answer_that_does_not_fit_changes_nothing(
    server: Server, question: dict[str, Any], body: dict[str, Any]
) -> None:
    run_id = await asking(server, question)
    assert (await answer(server, run_id, body)).status_code == 400
    assert (await server.log_of(run_id))[-1] == "run.blocked"


async def test_of_two_questions_the_second_answer_unblocks(server: Server) -> None:
    run_id = await asking(server, {"question_id": "q-1"}, {"question_id": "q-2"})
    await answer(server, run_id, {"kind": "yes"}, "q-2")
    assert (await status_of(server, run_id))["kind"] == "blocked"
    await answer(server, run_id, {"kind": "yes"}, "q-1")
    assert await status_of(server, run_id) == {"kind": "running"}


async def test_a_paused_run_is_answered_and_waits_for_its_worker_to_go_on(server: Server) -> None:
    run_id = await asking(server)
    await server.client.post(f"/api/v1/runs/{run_id}/pause")
    assert (await answer(server, run_id, {"kind": "yes"})).status_code == 204
    assert await status_of(server, run_id) == {"kind": "paused", "prior_block": None}
    unpaused = await server.client.post(f"/api/v1/runs/{run_id}/unpause")
    assert unpaused.json()["lifecycle"]["pending_control"] == "unpause"


async def test_a_worker_comes_too_late_with_its_own_answer(server: Server) -> None:
    run_id = await asking(server)
    await answer(server, run_id, {"kind": "yes"})
    late = await post(server, run_id, "interview.completed")
    assert (late.status_code, code(late)) == (409, "question_not_pending")


async def test_a_question_that_timed_out_takes_no_answer(server: Server) -> None:
    run_id = await asking(server)
    await post(server, run_id, "interview.timeout")
    late = await answer(server, run_id, {"kind": "yes"})
    assert (late.status_code, code(late)) == (409, "question_not_pending")


async def test_an_answer_for_a_run_that_takes_none_is_refused_in_the_order_of_checks(server: Server) -> None:
    closed = sorted(STATUSES.keys() - {"running", "blocked", "paused"})
    await put(server.store, *(Seed(status=status, entropy=index) for index, status in enumerate(closed)))
    replies = [await answer(server, Seed(entropy=index).id, {"kind": "yes"}) for index in range(len(closed))]
    assert [(reply.status_code, code(reply)) for reply in replies] == [(409, None)] * len(closed)
    assert (await answer(server, UNKNOWN, {"kind": "perhaps"})).status_code == 400
    assert (await answer(server, UNKNOWN, {"kind": "yes"})).status_code == 404
    archived = (await server.finished())["id"]
    await server.client.post(f"/api/v1/runs/{archived}/archive")
    assert code(await answer(server, archived, {"kind": "yes"})) == "run_archived"
    running = await asking(server)
    assert code(await answer(server, running, {"kind": "yes"}, "q-unknown")) == "question_not_pending"
