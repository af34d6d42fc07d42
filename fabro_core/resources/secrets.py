"""Secrets, which are set and never shown again (resources.md X6). The store sees them sealed."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.documents.sealing import BadSeal, Seal
from fabro_core.errors import InvalidRequest, NotFound, SecretsUnavailable
from fabro_core.models.instant import format_instant
from fabro_core.redaction import Redaction
from fabro_core.resources.secret_model import KeptSecret, SecretMetadata, SecretType
from fabro_core.resources.secret_values import SecretValues
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PRIVATE_KEY: Final = "GITHUB_APP_PRIVATE_KEY"
"""The one file that is known by a name and not by its path."""
_RESERVED: Final = frozenset({"SESSION_SECRET", "FABRO_DEV_TOKEN"})
_RESERVED_PREFIX: Final = "AWS_"


class SecretValue(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody sets; a description that is left out stays as it is."""

    name: str
    type: SecretType
    value: Secret
    description: str | UnsetType = UNSET


class Secrets:
    """The secrets of a server. Every method raises `StoreUnavailable`.

    What is shown is read beside what is sealed, so that it can be read without any key.
    """

    def __init__(self, store: RunStore, clock: Clock, seal: Seal | None, *, reserved: frozenset[str]) -> None:
        """`seal`: None when there is no key, and then nothing can be set. `reserved` are names that the server has
        from elsewhere, beside those that are always."""
        self._clock = clock
        self._reserved = reserved | _RESERVED
        self._shown = Documents(store, clock, "secrets", SecretMetadata)
        self.sealed = None if seal is None else Documents(store, clock, "secrets", KeptSecret, seal=seal)
        self._values = SecretValues(self._shown, self.sealed)

    async def all(self) -> list[SecretMetadata]:
        """All of them, by name."""
        return [stored.body async for stored in self._shown.walk()]

    async def put(self, given: SecretValue) -> SecretMetadata:
        """Set a secret, which is created if there is none. Raises `InvalidRequest` or `SecretsUnavailable`."""
        if not is_name_of(given.type, given.name):
            raise InvalidRequest(f"A secret of the type {given.type} cannot have this name.")
        if given.name in self._reserved or given.name.startswith(_RESERVED_PREFIX):
            raise InvalidRequest(f"The name {given.name} is reserved.")
        if given.type == "oauth" and not _is_object(given.value):
            raise InvalidRequest("The value of a secret of the type oauth must be a JSON object.")
        if self.sealed is None:
            raise SecretsUnavailable

        async def decide(before: KeptSecret | None) -> KeptSecret:
            now = format_instant(self._clock.now())
            kept = UNSET if before is None else before.description
            return KeptSecret(
                name=given.name,
                type=given.type,
                value=given.value,
                description=kept if given.description is UNSET else given.description,
                created_at=now if before is None else before.created_at,
                updated_at=now,
            )

        try:
            written = await self.sealed.update(given.name, decide)
        except BadSeal as error:
            raise SecretsUnavailable(f"Another session secret sealed {given.name}; delete it first.") from error
        self._values.changed()
        return SecretMetadata(**{name: getattr(written, name) for name in SecretMetadata.__struct_fields__})

    async def redaction(self) -> Redaction:
        """Takes the values out of what is shown (events.md E2); those that no key opens are nobody's any more."""
        return await self._values.redaction()

    async def delete(self, name: str) -> None:
        """Raises `InvalidRequest` for what is no name, and `NotFound`."""
        if not (is_name_of("token", name) or is_name_of("file", name)):
            raise InvalidRequest("No secret can have this name.")
        if not await self._shown.delete(name):
            raise NotFound("There is no secret of this name.")
        self._values.changed()


def is_name_of(kind: SecretType, name: str) -> bool:
    """Whether a secret of this type can have the name: that of a variable, or the path of a file."""
    if kind != "file":
        return _NAME.fullmatch(name) is not None
    if name == _PRIVATE_KEY:
        return True
    return name.startswith("/") and not name.endswith("/") and ".." not in name.split("/") and name.isprintable()


def _is_object(value: Secret) -> bool:
    try:
        msgspec.json.decode(value.reveal(), type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
