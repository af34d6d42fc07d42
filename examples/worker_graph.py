"""What a worker reads of a graph: whether it can do it, and which edge it takes (language.md L6, execution.md N3).

Nothing here waits or talks to anybody. `examples/worker.py` does.
"""

from __future__ import annotations

import json
import random
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]
SHAPES = {
    "Mdiamond": "start",
    "Msquare": "exit",
    "box": "agent",
    "tab": "prompt",
    "hexagon": "human",
    "diamond": "conditional",
    "component": "parallel",
    "tripleoctagon": "parallel.fan_in",
    "parallelogram": "command",
    "house": "stack.manager_loop",
    "insulator": "wait",
}
OLDER = {"agent_loop": "agent", "one_shot": "prompt", "tool": "command"}
DOES = ("start", "exit", "command", "human", "conditional")
NOT_DONE = {
    "command": ("language", "stdin_source", "output_schema", "max_retries", "retry_policy"),
    "human": ("timeout", "question_type", "human.default_choice", "review_target", "max_retries", "retry_policy"),
}  # attributes by handler; of a default value they mean nothing
HARMLESS = (None, "", 0, False, "shell", "none", "multiple_choice")
TARGETS = ("retry_target", "fallback_retry_target")
TOKEN = re.compile(r'[ \t\r\n]*(?:"((?:[^"\\]|\\.)*)"|(&&|\|\||!=|>=|<=|[=!><]|[^ \t\r\n=!><&|"]+))', re.DOTALL)
ORDERED = {">": float.__gt__, "<": float.__lt__, ">=": float.__ge__, "<=": float.__le__}
OPERATORS = ("=", "!=", *ORDERED, "contains", "matches")


@dataclass
class Outcome:
    """What a visit to a node has come to."""

    status: str = "succeeded"
    failure: Json | None = None
    label: str | None = None
    """The preferred label: that of the edge that a person chose."""
    suggested: list[str] = field(default_factory=list)
    """Ids of nodes to go to."""


@dataclass
class Step:
    """The way on."""

    target: str
    reason: str
    edge: Json = field(default_factory=dict)
    is_jump: bool = False


class Graph:
    """The compiled graph of a run, without the types of its attributes; durations are in milliseconds."""

    def __init__(self, stored: Json) -> None:
        self.attrs = plain(stored)
        self.nodes = {node_id: plain(node) for node_id, node in stored["nodes"].items()}
        self.edges = [plain(edge) | {"from": edge["from"], "to": edge["to"]} for edge in stored["edges"]]
        self.starts = self._ends("Mdiamond", ("start", "Start"), "start")
        self.exits = self._ends("Msquare", ("exit", "Exit", "end", "End"), "exit")

    def _ends(self, shape: str, ids: tuple[str, ...], kind: str) -> list[str]:
        told = [each for each, node in self.nodes.items() if each in ids or node.get("shape") == shape]
        return told or [each for each, node in self.nodes.items() if node.get("type") == kind]

    def handler(self, node_id: str) -> str:
        """What executes a node."""
        node = self.nodes[node_id]
        if node_id in self.starts:
            return "start"
        if node_id in self.exits:
            return "exit"
        kind = OLDER.get(node.get("type", ""), node.get("type", ""))
        if kind in SHAPES.values():
            return str(kind)
        if "shape" in node or "type" in node or "script" not in node:
            return SHAPES.get(node.get("shape", "box"), "agent")
        return "command"

    def ways(self, node_id: str) -> list[Json]:
        """The edges out of a node."""
        return [edge for edge in self.edges if edge["from"] == node_id]

    def obstacles(self) -> Iterator[str]:
        """Everything that this worker cannot do, or would do otherwise than the graph says."""
        for node_id, node in self.nodes.items():
            handler = self.handler(node_id)
            if handler not in DOES:
                yield f"node {node_id}: it has no {handler}"
            for name in NOT_DONE.get(handler, ()):
                if node.get(name) not in HARMLESS:
                    yield f"node {node_id}: it knows no {name}"
        for edge in self.edges:
            between = f"edge {edge['from']} -> {edge['to']}"
            yield from (f"{between}: it knows no {name}" for name in ("loop_restart", "freeform") if edge.get(name))
            if any(clause.operator == "matches" for each in alternatives(edge.get("condition", "")) for clause in each):
                yield f"{between}: it knows no matches"
        if self.attrs.get("default_max_retries") not in HARMLESS:
            yield "graph: it knows no default_max_retries"

    def way_on(self, node_id: str, outcome: Outcome, facts: Json) -> Step | None:
        """Which edge to take, by the first tier that decides (N3.3, N3.4); None: no edge leads on."""
        ways = self.ways(node_id)
        conditional = [way for way in ways if way.get("condition", "").strip()]
        plain_ways = [way for way in ways if way not in conditional]
        if way := self._pick(node_id, [way for way in conditional if holds(way["condition"], facts)]):
            return Step(way["to"], "condition", way)
        if outcome.label is not None:
            for way in plain_ways:
                if "label" in way and normalised(way["label"]) == normalised(outcome.label):
                    return Step(way["to"], "preferred_label", way)
        for target in outcome.suggested:
            for way in plain_ways:
                if way["to"] == target:
                    return Step(target, "suggested_next", way)
        way = self._pick(node_id, plain_ways)
        if way and (outcome.status != "failed" or conditional or self._falls_through(way)):
            return Step(way["to"], "unconditional", way)
        return self.retry(node_id, "retry_target") if outcome.status == "failed" else None

    def _falls_through(self, way: Json) -> bool:
        return self.attrs.get("failure_fallthrough", True) or self.handler(way["to"]) == "conditional"

    def _pick(self, node_id: str, ways: list[Json]) -> Json | None:
        if not ways:
            return None
        if self.nodes[node_id].get("selection") == "random":
            weights = [max(way.get("weight", 0), 0) or 1 for way in ways]
            return random.choices(ways, weights)[0]  # noqa: S311  (a way, not a secret)
        return min(ways, key=lambda way: (-way.get("weight", 0), way["to"]))

    def retry(self, node_id: str, reason: str) -> Step | None:
        """Where the failure of a node leads when no edge does."""
        named = [each.get(name, "") for each in (self.nodes[node_id], self.attrs) for name in TARGETS]
        return next((Step(each, reason, is_jump=True) for each in named if each in self.nodes), None)

    def unsatisfied(self, statuses: dict[str, str]) -> str | None:
        """The first goal gate, by id, that has not succeeded last (N3.6)."""
        gates = sorted(each for each, node in self.nodes.items() if node.get("goal_gate") is True)
        return next((each for each in gates if statuses.get(each) not in ("succeeded", "partially_succeeded")), None)


def plain(element: Json) -> Json:
    """The attributes of a graph, a node or an edge, without their types."""
    return {name: next(iter(typed.values())) for name, typed in element["attrs"].items()}


def normalised(label: str) -> str:
    """A label as it is compared: without its accelerator."""
    return re.sub(r"^(?:\[\w+\] |\w+\) |\w+ - )", "", label.strip().lower())


def options_of(ways: list[Json]) -> list[Json]:
    """What a person can answer, an option an edge, each with a key of its own (N7)."""
    options: list[Json] = []
    for way in ways:
        label = str(way.get("label", way["to"]))
        found = re.match(r"\[([^\]]+)\]|(\w{1,3})(?=\)| - )", label)
        key, taken = (found[1] or found[2]) if found else label, [option["key"] for option in options]
        numbers = (f"{key}{number}" for number in range(2, len(ways) + 2))
        options.append({"key": key if key not in taken else next(n for n in numbers if n not in taken), "label": label})
    return options


class Clause(NamedTuple):
    """`key op value`, or a key alone, whose operator is empty."""

    key: str
    operator: str
    value: str
    negated: bool


def alternatives(condition: str) -> list[list[Clause]]:
    """What a condition asks for: all clauses of one of the alternatives. It was checked when the run was created."""
    words, found = deque(words_of(condition)), [list[Clause]()]
    while words:
        negated = False
        while words[0] == ("!", False):
            words.popleft()
            negated = not negated
        (key, _), operator, value = words.popleft(), "", ""
        if words and not words[0][1] and words[0][0] in OPERATORS:
            operator = words.popleft()[0]
            value = words.popleft()[0] if words else ""
        found[-1].append(Clause(key, operator, value, negated))
        if words and words.popleft()[0] == "||":
            found.append([])
    return found


def words_of(condition: str) -> Iterator[tuple[str, bool]]:
    """Words and signs, and whether they were quoted."""
    for quoted, bare in TOKEN.findall(condition.strip()):
        yield (bare, False) if bare else (re.sub(r'\\(["\\])', r"\1", quoted), True)


def holds(condition: str, facts: Json) -> bool:
    """Whether a condition holds; `facts` are the run's context with `outcome` and `preferred_label`."""
    return any(all(is_so(clause, facts) != clause.negated for clause in each) for each in alternatives(condition))


def is_so(clause: Clause, facts: Json) -> bool:
    """Whether a clause holds, apart from its negation."""
    short = clause.key.removeprefix("context.")
    value = facts.get(clause.key, facts.get(short))
    text = as_text(value)
    match clause.operator:
        case "":
            return text not in ("", "false", "0")
        case "=":
            return text == clause.value
        case "!=":
            return text != clause.value
        case "contains":
            return clause.value in ([as_text(each) for each in value] if isinstance(value, list) else text)
        case operator:
            try:
                return ORDERED[operator](float(text), float(clause.value))
            except ValueError:
                return False


def as_text(value: Any) -> str:
    """A value as conditions compare it."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
