"""The report of a start that failed (server.md S18): what an operator reads on stderr."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabro_core.context import Problem
from fabro_core.unseen import escaped

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*|--[a-z]+|server\.env line [0-9]+|server\.env")


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Settings in path order, then variables and flags, then plugins; each problem once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (_rank(problem.path), problem.path))


def _rank(path: str) -> int:
    if _VARIABLE.fullmatch(path):
        return 1
    return 2 if path.endswith(")") else 0  # a plugin is named with its distribution: `github (fabro-auth-github 1.0.0)`


def report(problems: Sequence[Problem]) -> str:
    """The whole report, with the tracebacks of plugins after it; ends in a line feed."""
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    lines = [f"fabro: cannot start, {count}", *(f"  {problem.line()}" for problem in in_order(problems))]
    traces = [f"\n{problem.path}:\n{problem.trace.rstrip()}" for problem in in_order(problems) if problem.trace]
    return "\n".join(map(escaped, "\n".join([*lines, *traces]).split("\n"))) + "\n"
