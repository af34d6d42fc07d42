"""Checks of the hookimpls of an imported plugin, before any of its hooks is called (server.md S18).

pluggy would accept a hook that is misspelt until `check_pending`, an argument's default value silently, and a
coroutine always; each of these would show much later, and far from its cause.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Final

import pluggy

from fabro_core import hooks
from fabro_core.config.tables import near_name
from fabro_core.plugins.groups import Group

REQUIRED_HOOK: Final = {Group.AUTH: "fabro_auth_method", Group.STORE: "fabro_run_store"}
"""What a plugin of the group must implement; an extension has no single purpose."""


def hook_faults(manager: pluggy.PluginManager, target: object, group: Group) -> list[str]:
    """Everything that is wrong with the plugin's hookimpls; `manager` knows the hookspecs."""
    faults: list[str] = []
    implemented: set[str] = set()
    for attribute, function, options in _hookimpls(manager, target):
        hook = options["specname"] or attribute
        spec = getattr(hooks, hook, None) if hook.startswith(f"{hooks.PROJECT}_") else None
        if spec is None:
            near = near_name(hook, _hook_names())
            faults.append(f"{attribute}: there is no hook {hook}" + (f', did you mean "{near}"?' if near else ""))
            continue
        if hook in implemented:
            faults.append(f"{attribute}: the hook {hook} is implemented twice")
        implemented.add(hook)
        faults += [f"{attribute}: {fault}" for fault in _function_faults(function, spec, options)]
    required = REQUIRED_HOOK.get(group)
    if required is not None and required not in implemented:
        hint = ", it is not marked with @hookimpl" if hasattr(target, required) else ""
        faults.append(f"a plugin of the group {group.value} must implement {required}{hint}")
    return faults


def _hook_names() -> list[str]:
    return [name for name in vars(hooks) if name.startswith(f"{hooks.PROJECT}_")]


def _hookimpls(
    manager: pluggy.PluginManager, target: object
) -> Iterator[tuple[str, Callable[..., object], pluggy.HookimplOpts]]:
    for attribute in dir(target):
        options = manager.parse_hookimpl_opts(target, attribute)
        if options is not None:
            yield attribute, getattr(target, attribute), options


def _function_faults(
    function: Callable[..., object], spec: Callable[..., object], options: pluggy.HookimplOpts
) -> Iterator[str]:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield "a hook must not be async; it builds an object, and the object's methods are async"
    if options["wrapper"] or options["hookwrapper"]:
        yield "hooks are called one plugin at a time, so a wrapper has nothing to wrap"
    known = inspect.signature(spec).parameters
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in known:
            offered = ", ".join(known) or "none"
            yield f"the hook has no argument {parameter.name}; its arguments: {offered}"
        elif parameter.default is not parameter.empty:
            yield f"the argument {parameter.name} must not have a default value"
