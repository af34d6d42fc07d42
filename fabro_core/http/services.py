"""What the handlers of one application share; hangs off the application, so two of them never meet."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from fabro_core.auth.assembly import Authentication
from fabro_core.auth.cookies import Cookies
from fabro_core.automation.starting import AutomationRuns
from fabro_core.config.in_force import ServerSettings
from fabro_core.http.failures import Failure
from fabro_core.http.origins import Origin
from fabro_core.http.streams import EventStreams
from fabro_core.resources.assembly import Resources
from fabro_core.resources.catalogue import Catalogue
from fabro_core.runs.service import Runs
from fabro_core.sessions.replies import Replies
from fabro_core.upkeep.diagnostics import Diagnostics
from fabro_core.upkeep.health import StoreHealth
from fabro_core.upkeep.machine import Machine
from fabro_core.upkeep.uptime import Uptime

SERVICES = "fabro_services"
"""Key of the application's state that holds them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Services:
    """The collaborators of the core's routes."""

    version: str
    store_name: str
    """The store's settings name, such as `sqlite`."""
    storage_root: Path
    web_enabled: bool
    server_url: str
    """The public URL, without a trailing slash (server.md S1)."""
    public_origin: Origin | None
    """Of the public URL."""
    public_prefix: str
    """Path of the public URL; normally empty (server.md S1)."""
    discovery: bytes
    """The answer of `GET /` to API clients."""
    api_document: Callable[[], bytes]
    """The encoded API document; made when it is first asked for."""
    auth: Authentication
    cookies: Cookies
    health: StoreHealth
    is_draining: Callable[[], bool]
    """Whether the server takes no new work, as its end has been asked for."""
    uptime: Uptime
    machine: Machine
    diagnostics: Diagnostics
    runs: Runs
    replies: Replies
    resources: Resources
    automation_runs: AutomationRuns
    catalogue: Catalogue
    streams: EventStreams
    max_body_bytes: int
    """Of ordinary bodies (server.md S10)."""
    search_rows: int
    """How many runs a search of the list may look at."""
    error_page: Callable[[Failure, str], bytes] | None
    """The page that shows a failure and the request's id to a person; None without pages."""
    settings_in_force: Callable[[], ServerSettings]
    """What `GET /api/v1/settings` shows."""
