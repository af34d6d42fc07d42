"""The reference of hooks, from what `fabro hooks` prints."""

from __future__ import annotations

from docs.generate.markdown import code, page, prose, table
from fabro_core.hooks import PLUGIN_API
from fabro_core.plugins.reference import Hook, hook_reference


def write() -> str:
    """The page."""
    introduction = (
        f"The hooks of plugin API {PLUGIN_API}, which `fabro hooks` prints too. A hook is a synchronous function marked"
        " with `@hookimpl`; it may leave out arguments, but not rename them or give them defaults. Each is called once,"
        " at start-up."
    )
    return page("Hooks", introduction, *(_section(hook) for hook in hook_reference()))


def _section(hook: Hook) -> str:
    arguments = table(("Argument", "Type"), [(code(each.name), code(each.type)) for each in hook.arguments])
    return "\n\n".join(
        [
            f"## `{hook.name}`",
            prose(hook.description),
            *([arguments] if hook.arguments else ["It has no arguments."]),
            f"- Returns: `{hook.result}`\n- Groups: {', '.join(_group(hook, group) for group in hook.groups)}",
        ]
    )


def _group(hook: Hook, group: str) -> str:
    return f"`{group}` (required)" if group in hook.required_in else f"`{group}`"
