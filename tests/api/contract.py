"""The API contract that the environment variable FABRO_CONTRACT names, for the tests that compare with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

VARIABLE = "FABRO_CONTRACT"

needs_contract = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} does not name the API contract")


def contract() -> dict[str, Any]:
    """The contract's document."""
    document: dict[str, Any] = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))
    return document


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A part of an OpenAPI document, or what it refers to."""
    if "$ref" not in part:
        return part
    found: Any = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return resolved(document, found)


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Checks instances of a schema of an OpenAPI document."""
    whole = {**schema, "components": document["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
