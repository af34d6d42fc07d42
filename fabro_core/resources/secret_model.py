"""Secrets as they are shown and as they are stored (resources.md X6)."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from fabro_core.models.instant import Instant
from fabro_core.secret import Secret

SecretType = Literal["token", "oauth", "file"]


class SecretMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is shown of one."""

    name: str
    type: SecretType
    description: str | UnsetType = UNSET
    created_at: Instant
    updated_at: Instant


class KeptSecret(SecretMetadata, frozen=True, kw_only=True):
    """As it is stored."""

    value: Secret
