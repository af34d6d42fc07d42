"""How enabled auth methods let people sign in with a browser: asked once at start-up, and judged (auth.md A16, A27)."""

from __future__ import annotations

from collections.abc import Sequence

from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.context import Problem
from fabro_core.plugins.attribution import Attribution


def login_options(
    methods: Sequence[tuple[str, AuthMethod]], *, web_enabled: bool, problems: list[Problem]
) -> dict[str, LoginOption]:
    """The options by method, in the given order; none while there are no pages. `methods` come with the label of
    their plugin."""
    options: dict[str, LoginOption] = {}
    for position, (label, method) in enumerate(methods):
        with Attribution(label, "option() failed", problems):
            option = method.option()
            if option is None:
                continue
            fault = _fault(option)
            if fault is not None:
                problems.append(Problem(path=label, message=f"option(): {fault}"))
            elif option.kind == "redirect" and not web_enabled:
                problems.append(
                    Problem(
                        path=f"server.auth.methods[{position}]",
                        message=f'"{method.name}" signs people in with a browser; it needs server.web.enabled = true',
                    )
                )
            elif web_enabled:
                options[method.name] = option
    return options


def _fault(option: object) -> str | None:
    """What is wrong with an option; None when nothing is."""
    if not isinstance(option, LoginOption):
        return f"expected a LoginOption or None, found {type(option).__name__}"
    kind: str = option.kind  # a Struct does not check what it is made of
    match kind:
        case "form" if not option.fields:
            return "a form needs at least one field"
        case "form" if len({field.name for field in option.fields}) < len(option.fields):
            return "two fields of the form have the same name"
        case "form" if any(field.name == "return_to" for field in option.fields):
            return 'a field cannot be called "return_to"'
        case "form":
            return None
        case "redirect":
            return "a redirect has no fields" if option.fields else None
    return 'kind must be "form" or "redirect"'
