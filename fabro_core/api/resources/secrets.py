"""Secrets over HTTP (resources.md X6)."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.resources.secret_model import SecretMetadata, SecretType
from fabro_core.resources.secrets import SecretValue
from fabro_core.secret import Secret

secrets = partial(operation, tag="Secrets")


class CreateSecretRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    value: str
    type: SecretType
    description: str | UnsetType = UNSET


class DeleteSecretRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class SecretListResponse(msgspec.Struct, frozen=True):
    data: list[SecretMetadata]


@secrets("GET", "/secrets", id="listSecrets", summary="List secrets", answers={200: SecretListResponse})
async def list_secrets(call: Call) -> Reply:
    return json_reply(SecretListResponse(await call.services.resources.secrets.all()))


@secrets("POST", "/secrets", id="createSecret", summary="Set a secret", answers={200: SecretMetadata})
async def create_secret(call: Call[None, None, CreateSecretRequest]) -> Reply:
    body = call.body
    value = SecretValue(name=body.name, type=body.type, value=Secret(body.value), description=body.description)
    return json_reply(await call.services.resources.secrets.put(value))


@secrets("DELETE", "/secrets", id="deleteSecretByName", summary="Delete a secret", answers={204: None}, errors=(404,))
async def delete_secret(call: Call[None, None, DeleteSecretRequest]) -> Reply:
    await call.services.resources.secrets.delete(call.body.name)
    return no_content()


ROUTES: Final = (list_secrets, create_secret, delete_secret)
