"""Work that fails, and work that the example of a worker cannot do (execution.md N3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.site import PATIENCE_SECONDS, Gate, Site, ended, example, steps


def test_a_failed_smoke_test_takes_the_other_branch(shared_site: Site) -> None:
    run_id = shared_site.runnable(example("release").replace("grep Revision public/notes.txt", "exit 3"))
    worker = shared_site.worker(run_id)

    shared_site.seen(run_id, "run.blocked")
    shared_site.answer(run_id, "A")

    code, printed = ended(worker)
    assert (code, printed[-4:]) == (
        0,
        ["smoke@1 exit code 3", "healthy@1 succeeded", "withdraw@1 succeeded", "exit@1 succeeded"],
    )
    states = {stage["id"]: stage["status"] for stage in shared_site.get(f"/runs/{run_id}/stages")["data"]}
    assert (states["smoke@1"], states["withdraw@1"]) == ("failed", "succeeded")


@pytest.mark.parametrize(
    ("script", "message", "cause"),
    [
        ("exit 3", "build has ended (failed), and no edge leads on", "exit code 3"),
        ("sleep 600", "build has ended (failed), and no edge leads on", "timed out"),
    ],
    ids=["exit code", "timeout"],
)
def test_a_failure_that_leads_nowhere_fails_the_run(shared_site: Site, script: str, message: str, cause: str) -> None:
    strict = steps(build=script).replace("[script", "[timeout=200ms, script")
    run_id = shared_site.runnable(strict.replace("start [", "failure_fallthrough=false start [", 1))

    code, printed = ended(shared_site.worker(run_id))

    assert (code, printed[-1]) == (1, f"failed: {message}")
    run = shared_site.get(f"/runs/{run_id}")
    assert run["lifecycle"]["status"] == {"kind": "failed", "reason": "workflow_error"}
    assert run["lifecycle"]["error"] == {"message": message}
    (failed,) = [event for event in shared_site.log(run_id) if event["event"] == "run.failed"]
    assert failed["properties"]["failure"]["detail"]["causes"] == [cause]


def test_a_failure_follows_a_plain_edge(shared_site: Site) -> None:
    run_id = shared_site.runnable(steps(build="exit 3", after="true"))

    assert ended(shared_site.worker(run_id))[0] == 0

    assert shared_site.visited(run_id) == ["start@1", "build@1", "after@1", "exit@1"]
    assert selected(shared_site, run_id)[1] == ("build", "after", "unconditional", "failed")
    stage = shared_site.get(f"/runs/{run_id}/stages")["data"][1]
    assert (stage["id"], stage["status"]) == ("build@1", "failed")


def test_a_goal_gate_that_has_failed_is_gone_back_to(shared_site: Site, tmp_path: Path) -> None:
    source = steps(build="true", check=f"test -e {tmp_path}/again || {{ touch {tmp_path}/again; false; }}")
    run_id = shared_site.runnable(source.replace("check [", "check [goal_gate=true, retry_target=build, "))

    assert ended(shared_site.worker(run_id))[0] == 0

    assert shared_site.visited(run_id) == ["start@1", "build@1", "check@1", "build@2", "check@2", "exit@1"]
    assert ("exit", "build", "goal_gate", "failed") in selected(shared_site, run_id)


def test_a_goal_gate_that_leads_nowhere_fails_the_run(shared_site: Site) -> None:
    run_id = shared_site.runnable(steps(check="false").replace("check [", "check [goal_gate=true, "))

    code, printed = ended(shared_site.worker(run_id))

    assert (code, printed[-1]) == (1, "failed: the goal gate check is not satisfied, and no retry_target is named")
    assert shared_site.status(run_id) == {"kind": "failed", "reason": "workflow_error"}


def test_a_loop_ends_at_the_limit_of_visits(shared_site: Site) -> None:
    source = steps(again="true").replace("again [", "again [max_visits=2, ")
    run_id = shared_site.runnable(source.replace(" -> exit", " -> again [weight=1] again -> exit"))

    code, printed = ended(shared_site.worker(run_id))

    assert (code, printed[-1]) == (1, "failed: again has been visited 2 times, which is its limit")
    assert shared_site.visited(run_id) == ["start@1", "again@1", "again@2"]


def selected(site: Site, run_id: str) -> list[tuple[str, ...]]:
    """From where, to where and why each step went, and what had become of the node."""
    told = [event["properties"] for event in site.log(run_id) if event["event"] == "edge.selected"]
    return [tuple(each[name] for name in ("from_node", "to_node", "reason", "stage_status")) for each in told]


# -- what the worker cannot do ----------------------------------------------------------------------------------------


def test_a_run_that_the_worker_cannot_do_is_left_to_another_with_every_reason(shared_site: Site) -> None:
    source = steps(build="true", think="true", ask="true").replace('think [script="true"', "think [shape=tab, prompt=p")
    source = source.replace('ask [script="true"', "ask [shape=hexagon, timeout=5m")
    source = source.replace("build -> think", 'build -> think build -> ask [condition="context.x matches y"] think')
    run_id = shared_site.runnable(source)
    before = shared_site.names(run_id)

    worker = shared_site.worker(run_id)
    printed, complaints = worker.communicate(timeout=PATIENCE_SECONDS)

    assert (worker.returncode, printed) == (1, "")
    assert complaints.splitlines() == [
        "worker: this worker cannot do the run, which waits for another:",
        "  node think: it has no prompt",
        "  node ask: it knows no timeout",
        "  edge build -> ask: it knows no matches",
    ]
    assert shared_site.status(run_id)["kind"] == "runnable"
    assert shared_site.names(run_id) == before


def test_a_worker_whose_event_is_refused_ends_the_run(shared_site: Site, gate: Gate) -> None:
    run_id = shared_site.runnable(steps(build=f"cat {gate.path}"))
    worker = shared_site.worker(run_id)
    shared_site.seen(run_id, "command.started")

    told = {"event": "run.blocked", "properties": {"blocked_reason": "human_input_required"}}
    named = {"id": "somebody-else", "ts": "2026-03-02T10:20:00Z", "run_id": run_id}
    shared_site.post(f"/runs/{run_id}/events", named | told)  # a blocked run cannot be completed
    gate.open()

    code, printed = ended(worker)
    assert code == 1
    assert printed[-1].startswith("failed: the server refused run.completed: ")
    assert shared_site.status(run_id) == {"kind": "failed", "reason": "workflow_error"}


def test_all_that_a_command_writes_is_counted_and_its_end_kept(shared_site: Site) -> None:
    script = r"head -c 200000 /dev/zero | tr '\0' x; printf '\303\244'; head -c 65535 /dev/zero | tr '\0' y"
    run_id = shared_site.runnable(steps(write=script))

    assert ended(shared_site.worker(run_id))[0] == 0

    (told,) = [each["properties"] for each in shared_site.log(run_id) if each["event"] == "command.completed"]
    assert told["output_bytes"] == 200_000 + 2 + 65_535
    assert told["output"] == "y" * 65_535  # half a character is none


def test_a_signal_that_ends_a_command_is_its_exit_code(shared_site: Site) -> None:
    run_id = shared_site.runnable(steps(build="kill -9 $$"))
    ended(shared_site.worker(run_id))
    (told,) = [each["properties"] for each in shared_site.log(run_id) if each["event"] == "command.completed"]
    assert (told["termination"], told["exit_code"]) == ("exited", 128 + 9)


def test_an_edge_with_a_condition_that_the_worker_does_not_know_is_not_followed(shared_site: Site) -> None:
    run_id = shared_site.runnable(
        steps(one="true", two="true").replace(
            "one -> two", 'one -> exit\n  one -> two [condition="preferred_label=go"]\n  two'
        )
    )

    code, printed = ended(shared_site.worker(run_id))

    assert (code, printed[-1]) == (0, "exit@1 succeeded")
    assert not any(line.startswith("two@1") for line in printed)
