"""The hooks that a plugin may implement, as a reference: read from the hookspecs, so it cannot be out of date."""

from __future__ import annotations

import inspect

import msgspec

from fabro_core.plugins.kinds import KINDS, HookSpec, Kinds


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
    groups: tuple[str, ...]
    """The groups whose plugins are asked."""
    required_in: tuple[str, ...]
    """The groups whose plugins must implement it."""
    description: str

    @property
    def signature(self) -> str:
        """As in `fabro_auth_method(ctx: PluginContext) -> AuthMethod`."""
        arguments = ", ".join(f"{argument.name}: {argument.type}" for argument in self.arguments)
        return f"{self.name}({arguments}) -> {self.result}"


def hook_reference(kinds: Kinds = KINDS) -> tuple[Hook, ...]:
    """Every hook: the settings first, then the objects kind by kind, then what plugins add."""
    return tuple(_described(name, spec, kinds) for name, spec in kinds.hookspecs.items())


def _described(name: str, spec: HookSpec, kinds: Kinds) -> Hook:
    signature = inspect.signature(spec)
    return Hook(
        name=name,
        arguments=tuple(
            Argument(name=parameter.name, type=str(parameter.annotation)) for parameter in signature.parameters.values()
        ),
        result=str(signature.return_annotation),
        groups=tuple(kind.group for kind in kinds if kind.asks(name)),
        required_in=tuple(kind.group for kind in kinds for each in kind.objects if each.required and each.name == name),
        description=inspect.cleandoc(spec.__doc__ or ""),
    )
