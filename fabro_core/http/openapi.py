"""The API document (OpenAPI 3.1), generated from the operations of the routes and the Structs they name.

Endpoints of the core describe themselves with an `Operation`; routes that a plugin adds are described by Litestar's
own generator and merged in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Router
from msgspec import inspect

from fabro_core.auth.base import LoginOption
from fabro_core.http.endpoint import Endpoint
from fabro_core.http.extensions import PUBLIC_OPT
from fabro_core.http.failures import TITLES, ErrorResponse
from fabro_core.http.forms import FORM
from fabro_core.http.operation import JSON, Either, Operation
from fabro_core.http.path import PathParams, is_checked, path_schemas
from fabro_core.http.preconditions import IF_MATCH
from fabro_core.http.query import QueryParams, enum_choices
from fabro_core.http.routing import described_routes
from fabro_core.http.schemas import BINARY, REFERENCE, JsonObject, Schemas, optional_parameter
from fabro_core.http.sign_in_operations import of_each_method

API_VERSION = "0.2.0"
"""Version of the API itself, not of this server."""

_PHRASES = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 207: "Multi-Status", 303: "See Other"}
_SECURITY_SCHEMES: JsonObject = {
    "BearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "opaque"},
    "SessionCookie": {"type": "apiKey", "in": "cookie", "name": "__fabro_session"},
}
_OF_EVERY_OPERATION = (500,)
_OF_PRIVATE_OPERATIONS = (401, 403, 503)
_OF_OPERATIONS_WITH_A_BODY = (400, 413)
ANYTHING = "*/*"

Described = tuple[str, str, Operation]
"""Path, lower-case method and description of one operation."""


def api_document(
    endpoints: Iterable[Endpoint], *, options: Mapping[str, LoginOption], extensions: Sequence[Router], prefix: str
) -> bytes:
    """The encoded document of the operations among the endpoints, and of extensions' routes.

    `options` are how auth methods sign people in, by their names; `prefix` is the path of the public URL.
    """
    described = sorted(_core_operations(endpoints, options), key=lambda each: each[:2])
    schemas = Schemas([ErrorResponse, *(kind for _, _, operation in described for kind in _types(operation))])
    paths: dict[str, JsonObject] = {}
    for path, method, operation in described:
        paths.setdefault(path, {})[method] = _operation(path, operation, schemas)
    plugins = _plugin_document(extensions)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Fabro Run API", "version": API_VERSION},
        "servers": [{"url": prefix or "/"}],
        "security": [{name: []} for name in _SECURITY_SCHEMES],
        "tags": [{"name": tag} for tag in sorted({operation.tag for _, _, operation in described})],
        "paths": paths | plugins.get("paths", {}),
        "components": {
            "securitySchemes": _SECURITY_SCHEMES,
            "headers": {"XRequestId": {"schema": {"type": "string", "format": "uuid"}}},
            "schemas": plugins.get("components", {}).get("schemas", {}) | schemas.components,
        },
    }
    return msgspec.json.encode(document)


def _core_operations(endpoints: Iterable[Endpoint], options: Mapping[str, LoginOption]) -> Iterator[Described]:
    for each in endpoints:
        if isinstance(each.operation, Operation):
            if each.operation.sign_in is None:
                yield each.path, each.method.lower(), each.operation
            else:
                for path, shown in of_each_method(each.path, each.operation, options):
                    yield path, each.method.lower(), shown


def _types(operation: Operation) -> Iterator[Any]:
    """Everything that it reads and answers."""
    if operation.body is not None:
        yield operation.body
    yield from operation.uploads.values()
    for answer in operation.answers.values():
        if answer is not None:
            yield from answer.kinds if isinstance(answer, Either) else (answer,)


def _plugin_document(extensions: Sequence[Router]) -> JsonObject:
    """What Litestar says about the routes of plugins, and which of them are public."""
    if not extensions:
        return {}
    document, routes = described_routes(extensions, version=API_VERSION)
    for path, methods, options in routes:
        described = document.get("paths", {}).get(path, {})
        for method in methods:
            if options.get(PUBLIC_OPT, False) and method.lower() in described:
                described[method.lower()]["security"] = []
    return document


def _operation(path: str, operation: Operation, schemas: Schemas) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": _responses(operation, schemas),
    }
    if operation.public:
        described["security"] = []
    if parameters := [*_path_parameters(path, operation.path), *_query_parameters(operation), *_headers(operation)]:
        described["parameters"] = parameters
    if operation.body is not None:
        content = {each: {"schema": schemas.of(operation.body)} for each in _media_types(operation)}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    elif operation.uploads:
        described["requestBody"] = {"required": True, "content": _uploads(operation, schemas)}
    return described


def _media_types(operation: Operation) -> tuple[str, ...]:
    if operation.any_media_type:
        return (JSON, ANYTHING)
    return (JSON, FORM) if operation.sign_in == "form" else (JSON,)


def _answer(kind: Any, schemas: Schemas) -> JsonObject:
    if isinstance(kind, Either):
        return {"oneOf": [schemas.of(each) for each in kind.kinds]}
    return schemas.of(kind)


def _uploads(operation: Operation, schemas: Schemas) -> JsonObject:
    """Raw bytes, or a form whose first part is a manifest of the files in the others."""
    content: JsonObject = {}
    for media_type, kind in operation.uploads.items():
        schema = schemas.of(kind)
        if kind is not bytes:
            schema = {
                "type": "object",
                "required": ["manifest"],
                "properties": {"manifest": schema},
                "additionalProperties": BINARY,
            }
        content[media_type] = {"schema": schema}
    return content


def _responses(operation: Operation, schemas: Schemas) -> JsonObject:
    headers = {"x-request-id": {"$ref": "#/components/headers/XRequestId"}}
    responses: JsonObject = {}
    for status, answer in operation.answers.items():
        shown = headers | ({"ETag": {"schema": {"type": "string"}}} if operation.etag else {})
        responses[str(status)] = {"description": _PHRASES[status], "headers": shown}
        if answer is not None:
            responses[str(status)]["content"] = {operation.media_type: {"schema": _answer(answer, schemas)}}
    for status in sorted(_error_statuses(operation)):
        responses[str(status)] = {
            "description": TITLES[status],
            "headers": headers,
            "content": {"application/json": {"schema": schemas.of(ErrorResponse)}},
        }
    return responses


def _error_statuses(operation: Operation) -> set[int]:
    statuses = {*operation.errors, *_OF_EVERY_OPERATION}
    if not operation.public:
        statuses.update(_OF_PRIVATE_OPERATIONS)
    if operation.body is not None:
        statuses.update(_OF_OPERATIONS_WITH_A_BODY)
        if not operation.any_media_type:
            statuses.add(415)
    if operation.unprocessable:
        statuses.add(422)
    if operation.if_match:
        statuses.update((400, 428))
    if operation.uploads:
        statuses.add(413)
    if operation.query is not None or (operation.path is not None and is_checked(operation.path)):
        statuses.add(400)
    return statuses


def _path_parameters(path: str, declared: type[PathParams] | None) -> list[JsonObject]:
    schemas = {} if declared is None else path_schemas(declared)
    return [
        {"name": name, "in": "path", "required": True, "schema": schemas.get(name, {"type": "string"})}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _headers(operation: Operation) -> list[JsonObject]:
    if not operation.if_match:
        return []
    return [{"name": IF_MATCH, "in": "header", "required": True, "schema": {"type": "string"}}]


def _query_parameters(operation: Operation) -> list[JsonObject]:
    if operation.query is None:
        return []
    (_,), components = msgspec.json.schema_components([operation.query], ref_template=REFERENCE)
    declared = components[operation.query.__name__]
    schemas = {**declared["properties"], **_chosen_from_enums(operation.query)}
    required = declared.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": optional_parameter(schema)}
        for name, schema in schemas.items()
    ]


def _chosen_from_enums(kind: type[QueryParams]) -> Mapping[str, JsonObject]:
    """The schemas of parameters that are chosen from an Enum, by what stands for its members in a query."""
    found: dict[str, JsonObject] = {}
    for field in msgspec.structs.fields(kind):
        match inspect.type_info(field.type):
            case inspect.EnumType(cls=enum):
                texts = {member: text for text, member in enum_choices(enum).items()}
                found[field.encode_name] = {"enum": sorted(texts.values()), "default": texts[field.default]}
            case inspect.UnionType(types=[inspect.EnumType(cls=enum), inspect.NoneType()]):
                found[field.encode_name] = {"enum": sorted(enum_choices(enum))}
            case inspect.VarTupleType(item_type=inspect.EnumType(cls=enum)):
                found[field.encode_name] = {
                    "type": "array",
                    "items": {"enum": sorted(enum_choices(enum))},
                }
    return found
