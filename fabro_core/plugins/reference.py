"""The hooks that a plugin may implement, as a reference: read from the hookspecs, so it cannot be out of date."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from fabro_core import hooks
from fabro_core.plugins.groups import Group
from fabro_core.plugins.verify import REQUIRED_HOOK

_OF_ONE_GROUP: Final[Mapping[str, Group]] = {
    **{hook: group for group, hook in REQUIRED_HOOK.items()},
    "fabro_app_init": Group.EXT,
}
"""The hooks that are called only in one group; the others are called in each."""


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook is called with; a function may leave it out, but not rename it."""

    name: str
    type: str


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """One hookspec."""

    name: str
    arguments: tuple[Argument, ...]
    result: str
    """What it must return."""
    groups: tuple[Group, ...]
    """The groups whose plugins are asked."""
    required_in: tuple[Group, ...]
    """The groups whose plugins must implement it."""
    description: str

    @property
    def signature(self) -> str:
        """As in `fabro_auth_method(ctx: PluginContext) -> AuthMethod`."""
        arguments = ", ".join(f"{argument.name}: {argument.type}" for argument in self.arguments)
        return f"{self.name}({arguments}) -> {self.result}"


def hook_reference() -> tuple[Hook, ...]:
    """Every hook, in the order of `fabro_core.hooks`."""
    return tuple(_described(name, spec) for name, spec in vars(hooks).items() if name.startswith(f"{hooks.PROJECT}_"))


def _described(name: str, spec: Callable[..., object]) -> Hook:
    signature = inspect.signature(spec)
    only = _OF_ONE_GROUP.get(name)
    return Hook(
        name=name,
        arguments=tuple(
            Argument(name=parameter.name, type=str(parameter.annotation)) for parameter in signature.parameters.values()
        ),
        result=str(signature.return_annotation),
        groups=(only,) if only else tuple(Group),
        required_in=tuple(group for group, hook in REQUIRED_HOOK.items() if hook == name),
        description=inspect.cleandoc(spec.__doc__ or ""),
    )
