"""Does the work of one run: an example of the worker protocol (docs/workers.md).

    FABRO_TOKEN=… python examples/worker.py [--url URL | --socket PATH] [RUN_ID]

Takes the oldest runnable run, or the one that is named, and ends with it: exit code 0 when it succeeded. Needs httpx,
and sh for the run's commands, which share an empty directory. Ctrl-C stops the commands and fails the run.

Beside it, worker_log.py appends to a run's log and follows it, and worker_steps.py holds what can be executed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
import uuid
from collections import Counter
from typing import Any

import httpx
from worker_log import RunLog, Stopped
from worker_steps import Graph, WorkflowFailed, attribute, run_command

Json = dict[str, Any]

CATEGORIES = {"workflow_error": "deterministic", "cancelled": "canceled", "terminated": "transient_infra"}
"""Of the reasons for which this worker fails a run."""


class Walk:
    """The way through a graph, from its start or from where the run's newest checkpoint leads, to an exit."""

    def __init__(self, log: RunLog, graph: Graph, state: Json, directory: str) -> None:
        self._log, self._graph, self._directory = log, graph, directory
        newest = state["checkpoints"][-1]["checkpoint"] if state["checkpoints"] else {}
        self._first: str = newest.get("next_node_id") or graph.start()
        self._completed: list[str] = list(newest.get("completed_nodes", ()))
        self._outcome: str = newest.get("context_values", {}).get("outcome", "succeeded")  # of the newest command
        self._output = ""  # likewise
        self._visits: Counter[str] = Counter(stage_id.rpartition("@")[0] for stage_id in state["stages"])
        self._clock = Stopwatch()

    @property
    def timing(self) -> Json:
        """What the walk has taken so far."""
        return self._clock.timing

    async def to_exit(self) -> None:
        """Visit node after node. Raises `WorkflowFailed` and `Stopped`."""
        at: str | None = self._first
        while at is not None:
            await self._pause_if_asked()
            at = await self._visit(at)
        await self._pause_if_asked()

    async def _pause_if_asked(self) -> None:
        log = self._log
        await log.caught_up()
        if log.control == "pause":
            await log.post("run.paused")
            await log.caught_up()
        while log.paused:
            await log.until(lambda: log.control == "unpause" or not log.paused)
            if log.paused:
                await log.post("run.unpaused")
                await log.caught_up()

    async def _visit(self, node_id: str) -> str | None:
        """Execute a node and write a checkpoint; gives the node to go to, None after an exit."""
        handler, clock, answer = self._graph.handler(node_id), Stopwatch(), None
        self._visits[node_id] += 1
        scope = {"node_id": node_id, "stage_id": f"{node_id}@{self._visits[node_id]}"}
        counts = {"index": len(self._completed), "attempt": 1, "max_attempts": 1}
        await self._log.post("stage.started", {**counts, "handler_type": handler}, **scope)
        failure = None
        if handler == "command":
            failure = await self._execute(node_id, clock, scope)
            self._outcome = "failed" if failure else "succeeded"
        elif handler == "human":
            answer = await self._ask(node_id, scope)
        ended = {**counts, "timing": clock.timing}
        if failure is None:
            ended |= {"status": "succeeded", "preferred_label": answer}
            await self._log.post("stage.completed", ended, **scope)
        else:
            ended |= {"will_retry": False, "failure": {"message": failure, "category": "deterministic"}}
            await self._log.post("stage.failed", ended, **scope)
        print(f"{scope['stage_id']} {failure or answer or 'succeeded'}", flush=True)

        target = None if handler == "exit" else self._graph.next_node(node_id, self._outcome, answer)
        self._completed.append(node_id)
        await self._checkpoint(node_id, "failed" if failure else "succeeded", target)
        return target

    async def _execute(self, node_id: str, clock: Stopwatch, scope: dict[str, str]) -> str | None:
        """Execute a command; gives why it failed, None if it did not. Raises `Stopped`, once the command is dead."""
        node = self._graph.nodes[node_id]
        script, timeout_ms = attribute(node, "script"), attribute(node, "timeout")
        started = {"script": script, "command": "sh", "language": "shell", "timeout_ms": timeout_ms}
        await self._log.post("command.started", started, **scope)
        command = await run_command(script, timeout_ms, self._directory, self._log.stopped)
        tool_ms = clock.milliseconds
        clock.tool_ms += tool_ms
        self._clock.tool_ms += tool_ms
        self._output = command["output"]
        await self._log.post("command.completed", {**command, "duration_ms": tool_ms}, **scope)
        self._log.raise_if_stopped()
        if command["termination"] == "timed_out":
            return "timed out"
        return f"exit code {command['exit_code']}" if command["exit_code"] else None

    async def _ask(self, node_id: str, scope: dict[str, str]) -> str:
        """Ask a person and wait for the answer, however long that takes; gives the chosen key."""
        log, text = self._log, attribute(self._graph.nodes[node_id], "label") or node_id
        question_id = str(uuid.uuid4())
        question = {
            "question_id": question_id,
            "question": text,
            "stage": node_id,
            "question_type": "multiple_choice",
            "allow_freeform": False,
            "options": self._graph.options(node_id),
            "context_display": self._output,
        }
        await log.post("interview.started", question, **scope)
        blocked = await log.post("run.blocked", {"blocked_reason": "human_input_required"})
        print(f"{scope['stage_id']} waits for an answer", flush=True)
        await log.until(lambda: question_id in log.answers)
        answered = log.answers[question_id]
        if answered["seq"] < blocked:  # nobody else takes back a block that came after the answer
            await log.post("run.unblocked")
        return str(answered["properties"]["answer"])

    async def _checkpoint(self, node_id: str, status: str, target: str | None) -> None:
        checkpoint = {
            "status": status,
            "current_node": node_id,
            "next_node_id": target,
            "completed_nodes": self._completed,
            "node_visits": self._visits,
            "node_retries": {},
            "node_outcomes": {node_id: {"status": status}},
            "context_values": {"outcome": self._outcome},
        }
        await self._log.post("checkpoint.completed", checkpoint)


class Stopwatch:
    """What something has taken, as events say it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.tool_ms = 0

    @property
    def milliseconds(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    @property
    def timing(self) -> Json:
        """A timing: no model was asked, so the time of commands is all that was active."""
        tool = {"tool_time_ms": self.tool_ms, "active_time_ms": self.tool_ms}
        return {"wall_time_ms": self.milliseconds, "inference_time_ms": 0, **tool}


async def work(log: RunLog, directory: str) -> bool:
    """Do the work of a run from the claim to the end; whether it succeeded. Raises `Stopped` if it became another's."""
    state = await log.state()
    if state["status"]["kind"] != "runnable":
        raise Stopped(None, f"the run is {state['status']['kind']}, not runnable")
    follower = asyncio.create_task(log.follow())
    try:
        succeeded = await from_claim_to_end(log, state, directory)
        await follower
    finally:
        follower.cancel()
    return succeeded


async def from_claim_to_end(log: RunLog, state: Json, directory: str) -> bool:
    """Post everything between `run.starting` and the one event that ends the run."""
    walk = None
    try:
        await take(log)
        graph = Graph(state["spec"]["graph"])
        await log.post("run.started", {"name": graph.name})
        await log.post("run.running")
        walk = Walk(log, graph, state, directory)
        await walk.to_exit()
        succeeded = {"artifact_count": 0, "status": "succeeded", "reason": "completed"}
        await log.post("run.completed", {**succeeded, "timing": walk.timing})
        return True
    except (WorkflowFailed, Stopped) as failure:
        reason = failure.reason if isinstance(failure, Stopped) else "workflow_error"
        if reason is None:
            raise
        detail = {"message": str(failure), "category": CATEGORIES[reason]}
        failed = {"failure": {"reason": reason, "detail": detail}, "timing": (walk or Stopwatch()).timing}
        await log.post("run.failed", failed)
        print(f"failed: {failure}", flush=True)
        return False


async def take(log: RunLog) -> None:
    """Take the run. There are no leases: of two workers, the one whose event comes first in the log has it."""
    taken = await log.post("run.starting")
    await log.caught_up()
    if log.taken_at != taken:
        raise Stopped(None, "another worker has taken the run")


async def main(user_token: str, url: str, socket: str | None, run_id: str | None) -> int:
    """Find a run, get a token for it, do its work; gives the exit code."""

    def client(token: str) -> httpx.AsyncClient:
        transport = None if socket is None else httpx.AsyncHTTPTransport(uds=socket)
        return httpx.AsyncClient(base_url=url, transport=transport, headers={"Authorization": f"Bearer {token}"})

    async with client(user_token) as user:
        if run_id is None:
            oldest = "/api/v1/runs?status=runnable&sort=created_at&direction=asc&page[limit]=1"
            runs = (await user.get(oldest)).raise_for_status().json()["data"]
            if not runs:
                print("no run is runnable")
                return 0
            run_id = str(runs[0]["id"])
        issued = (await user.post(f"/api/v1/runs/{run_id}/worker-token")).raise_for_status().json()

    # From here on the worker can do nothing but this run's work.
    async with client(issued["token"]) as worker:
        log, loop = RunLog(worker, issued["run_id"]), asyncio.get_running_loop()

        def interrupted(number: int) -> None:
            loop.remove_signal_handler(number)  # a second one does not wait for a server that is away
            log.stop("terminated", "the worker was interrupted")

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupted, number)
        with tempfile.TemporaryDirectory(prefix="fabro-run-") as directory:
            return 0 if await work(log, directory) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Do the work of one run. FABRO_TOKEN is a user's token.")
    parser.add_argument("run_id", nargs="?", help="the oldest runnable run by default")
    parser.add_argument("--url", default="http://127.0.0.1:32276", help="of the server (%(default)s)")
    parser.add_argument("--socket", help="Unix socket of the server, used in place of the host of --url")
    chosen = parser.parse_args()
    if not (token := os.environ.get("FABRO_TOKEN")):
        parser.error("FABRO_TOKEN is not set")
    try:
        sys.exit(asyncio.run(main(token, chosen.url, chosen.socket, chosen.run_id)))
    except (httpx.HTTPError, Stopped) as failure:
        sys.exit(f"worker: {str(failure).splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit(130)
