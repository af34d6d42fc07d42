"""The API contract that the environment variable FABRO_CONTRACT names, for the tests that compare with it, and our own
document."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fabro_core.api.routes import endpoints
from fabro_core.auth.base import LoginField, LoginOption
from fabro_core.http.openapi import api_document

VARIABLE = "FABRO_CONTRACT"

HAS_CONTRACT = VARIABLE in os.environ
needs_contract = pytest.mark.skipif(not HAS_CONTRACT, reason=f"{VARIABLE} does not name the API contract")


def contract() -> dict[str, Any]:
    """The contract's document."""
    document: dict[str, Any] = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))
    return document


@cache
def own_document() -> dict[str, Any]:
    """The API document of a server of this code, with every kind of sign-in."""
    options = {
        "dev-token": LoginOption(label="Dev token", kind="form", fields=(LoginField(name="token", label="Token"),)),
        "github": LoginOption(label="GitHub", kind="redirect"),
    }
    encoded = api_document(endpoints(web_enabled=True), options=options, extensions=(), prefix="")
    document: dict[str, Any] = json.loads(encoded)
    return document


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A part of an OpenAPI document, or what it refers to."""
    if "$ref" not in part:
        return part
    found: Any = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return resolved(document, found)


def named(schema: dict[str, Any]) -> str | None:
    """The name of the schema that a schema refers to; None when it says itself what it is."""
    reference: str | None = schema.get("$ref")
    return None if reference is None else reference.rpartition("/")[2]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Checks instances of a schema of an OpenAPI document."""
    whole = {**schema, "components": document["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
