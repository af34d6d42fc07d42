"""Checks of the hookimpls of an imported plugin, before any of its hooks is called (server.md S18).

pluggy would accept a hook that is misspelt until `check_pending`, an argument's default value silently, and a
coroutine always; each of these would show much later, and far from its cause.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping

import pluggy

from fabro_core.near import near_match
from fabro_core.plugins.kinds import HookSpec, Kind


def hook_faults(
    manager: pluggy.PluginManager, target: object, kind: Kind, hookspecs: Mapping[str, HookSpec]
) -> list[str]:
    """Everything that is wrong with the plugin's hookimpls. `hookspecs` are those of all kinds: a module may serve as
    plugins of several."""
    faults: list[str] = []
    implemented: set[str] = set()
    for attribute, function, options in _hookimpls(manager, target):
        hook = options["specname"] or attribute
        spec = hookspecs.get(hook)
        if spec is None:
            near = near_match(hook, hookspecs)
            faults.append(f"{attribute}: there is no hook {hook}" + (f', did you mean "{near}"?' if near else ""))
            continue
        if hook in implemented:
            faults.append(f"{attribute}: the hook {hook} is implemented twice")
        implemented.add(hook)
        faults += [f"{attribute}: {fault}" for fault in _function_faults(function, spec, options)]
    for name in (each.name for each in kind.objects if each.required):
        if name not in implemented:
            hint = ", it is not marked with @hookimpl" if hasattr(target, name) else ""
            faults.append(f"a plugin of the group {kind.group} must implement {name}{hint}")
    return faults


def _hookimpls(
    manager: pluggy.PluginManager, target: object
) -> Iterator[tuple[str, Callable[..., object], pluggy.HookimplOpts]]:
    for attribute in dir(target):
        options = manager.parse_hookimpl_opts(target, attribute)
        if options is not None:
            yield attribute, getattr(target, attribute), options


def _function_faults(function: Callable[..., object], spec: HookSpec, options: pluggy.HookimplOpts) -> Iterator[str]:
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
