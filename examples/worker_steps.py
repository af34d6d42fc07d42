"""What the example worker can execute: a small part of what a workflow may say. Nothing here speaks to the server.

A node is a start (`shape=Mdiamond`), an exit (`shape=Msquare`), a command (`script`, `timeout`), a question to a person
(`shape=hexagon`, answered by the labels of its edges, such as "[A] Approve") or a choice (`shape=diamond`). A condition
is `outcome=succeeded` or `outcome=failed`, and speaks of the newest command. A run of anything else fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from typing import Any

Json = dict[str, Any]

SHAPES = {"Mdiamond": "start", "Msquare": "exit", "hexagon": "human", "diamond": "conditional"}
"""The handlers of the nodes that are no commands."""
OUTPUT_BYTES = 64 * 1024
"""How much of a command's output is kept: its end."""


class WorkflowFailed(Exception):
    """The workflow cannot reach its exit."""


class Graph:
    """What the compiled graph of a run says to this worker."""

    def __init__(self, graph: Json) -> None:
        self.name: str = graph["name"]
        self.nodes: dict[str, Json] = graph["nodes"]
        self._edges: list[Json] = graph["edges"]

    def handler(self, node_id: str) -> str:
        """What executes a node. Raises `WorkflowFailed` for kinds that this worker does not know."""
        node = self.nodes[node_id]
        handler = SHAPES.get(attribute(node, "shape") or "")
        if handler is None and attribute(node, "script") is None:
            raise WorkflowFailed(f"this worker cannot execute the node {node_id}")
        return handler or "command"

    def start(self) -> str:
        """The node that everything begins with. Raises `WorkflowFailed`."""
        for node_id, node in self.nodes.items():
            if attribute(node, "shape") == "Mdiamond":
                return node_id
        raise WorkflowFailed("this worker finds no start: no node has shape=Mdiamond")

    def options(self, node_id: str) -> list[Json]:
        """The answers that the edges of a question stand for: `[A] Approve` has the key A, another label itself."""
        labels = [attribute(edge, "label") or edge["to"] for edge in self._edges if edge["from"] == node_id]
        return [{"key": option_key(label), "label": label} for label in labels]

    def next_node(self, node_id: str, outcome: str, answer: str | None) -> str:
        """Where to go after a node. A failure leads on along a condition, or into a choice, and nowhere else."""
        for edge in self._edges:
            if edge["from"] != node_id:
                continue
            condition = attribute(edge, "condition")
            if condition not in (None, "outcome=succeeded", "outcome=failed"):
                raise WorkflowFailed(f"this worker does not understand the condition {condition}")
            if answer is not None:
                follow = answer == option_key(attribute(edge, "label") or edge["to"])
            elif condition is not None:
                follow = condition == f"outcome={outcome}"
            else:
                follow = outcome == "succeeded" or "conditional" in (self.handler(node_id), self.handler(edge["to"]))
            if follow:
                return str(edge["to"])
        raise WorkflowFailed(f"{node_id} has ended ({answer or outcome}), and no edge leads on")


def attribute(element: Json, name: str) -> Any:
    """The value of an attribute of a node or an edge, without its type; durations are in milliseconds."""
    typed = element["attrs"].get(name)
    return None if typed is None else next(iter(typed.values()))


def option_key(label: str) -> str:
    """What a person's answer names an edge by."""
    bracketed = re.match(r"\[(\w+)\]", label)
    return bracketed[1] if bracketed else label


async def run_command(script: str, timeout_ms: int | None, directory: str, stopped: asyncio.Future[Any]) -> Json:
    """Run a script in a process group of its own, of which nothing is left behind, until it ends or `stopped` is done.

    Gives the end of its output, and how and with which code it ended, as `command.completed` has them.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FABRO_")}  # no tokens
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", script),
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    ended = asyncio.create_task(process.communicate())
    try:
        seconds = None if timeout_ms is None else timeout_ms / 1000
        waiting: set[asyncio.Future[Any]] = {ended, stopped}
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        termination = "exited" if ended.done() else "cancelled" if stopped.done() else "timed_out"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    output, _ = await ended
    text = output[-OUTPUT_BYTES:].decode(errors="replace")
    exit_code = process.returncode if termination == "exited" else None
    return {"output": text, "termination": termination, "exit_code": exit_code}
