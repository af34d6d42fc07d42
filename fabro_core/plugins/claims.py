"""Claims of plugins that concern each other: hooks that one may have, bearer-token prefixes (auth.md A4) and discovery
links (server.md S6)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TypeGuard
from urllib.parse import urlsplit

from fabro_core.context import Link, Problem
from fabro_core.plugins.host import LoadedPlugin

RESERVED_PREFIXES = ("fabro_refresh_", "eyJ")
"""Refresh tokens, and every JSON web token: the core judges these itself."""


def rival_problems(plugins: Sequence[LoadedPlugin]) -> list[Problem]:
    """Hooks that one of the selected plugins may implement, and several do."""
    problems = []
    for kind in dict.fromkeys(plugin.kind for plugin in plugins):
        for hook in (each.name for each in kind.objects if each.single):
            rivals = [plugin.name for plugin in plugins if plugin.kind is kind and hook in plugin.hooks]
            if len(rivals) > 1:
                message = f"{' and '.join(rivals)} each implement {hook}, which one plugin may; name one of them"
                problems.append(Problem(path=kind.section.names_key, message=message))
    return problems


def prefix_problems(claimed: Sequence[tuple[str, object]]) -> list[Problem]:
    """Faults of the token prefixes; `claimed` pairs the label of each method's plugin with its `token_prefixes`."""
    problems = [
        Problem(path=label, message="token_prefixes must be a tuple of non-empty strings")
        for label, prefixes in claimed
        if not _is_tuple_of_text(prefixes)
    ]
    claims = [(label, prefix) for label, prefixes in claimed if _is_tuple_of_text(prefixes) for prefix in prefixes]
    problems += [
        Problem(path=label, message=f'the token prefix "{prefix}" overlaps the reserved prefix "{reserved}"')
        for label, prefix in claims
        for reserved in RESERVED_PREFIXES
        if _overlap(prefix, reserved)
    ]
    problems += [
        Problem(path=label, message=f'the token prefix "{prefix}" overlaps "{other_prefix}" of {other}')
        for (other, other_prefix), (label, prefix) in combinations(claims, 2)
        if other != label and _overlap(prefix, other_prefix)
    ]
    return problems


def _is_tuple_of_text(prefixes: object) -> TypeGuard[tuple[str, ...]]:
    """A lone string is the likely mistake: it would claim the tokens that begin with any of its letters."""
    return isinstance(prefixes, tuple) and all(isinstance(prefix, str) and prefix for prefix in prefixes)


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def add_links(links: dict[str, str], name: str, label: str, offered: Sequence[Link]) -> list[Problem]:
    """Add a plugin's links under their keys; returns the problems of those that were not added."""
    problems = []
    for link in offered:
        key = f"{name}.{link.rel}"
        if not link.rel or not _is_href(link.href):
            message = f'the link "{link.rel}" needs a name, and an absolute path or http(s) URL'
            problems.append(Problem(path=label, message=message))
        elif key in links:
            problems.append(Problem(path=label, message=f"the link {key} is there already"))
        else:
            links[key] = link.href
    return problems


def _is_href(href: str) -> bool:
    if href.startswith("/"):
        return not href.startswith("//")
    parts = urlsplit(href)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
