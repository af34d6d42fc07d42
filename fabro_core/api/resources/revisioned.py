"""What resources with a revision have in common over HTTP (resources.md X5)."""

from __future__ import annotations

from fabro_core.http.path import PathParams
from fabro_core.http.preconditions import etag
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.ids import ResourceId
from fabro_core.resources.revisioned import Revisioned


class ResourcePath(PathParams, frozen=True, kw_only=True):
    id: ResourceId


def shown(resource: Revisioned, status: int = 200) -> Reply:
    """The resource, with its revision in the header as well."""
    return json_reply(resource, status, (etag(resource.revision),))
