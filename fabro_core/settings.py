"""What plugins declare their settings with: secrets, forms that a value must have, and what a running server follows.

class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[str, HTTP_URL]
    allowed: Annotated[tuple[str, ...], LIVE_ALLOW_LIST]
    token: Annotated[Secret, from_env("GATE_TOKEN")]
"""

from __future__ import annotations

from fabro_core.config.live_fields import LIVE, LIVE_ALLOW_LIST
from fabro_core.config.secrets import from_env
from fabro_core.config.values import DISTINCT, DISTINCT_NOT_EMPTY, HTTP_URL, PUBLIC_URL, Form
from fabro_core.secret import Secret

__all__ = [
    "DISTINCT",
    "DISTINCT_NOT_EMPTY",
    "HTTP_URL",
    "LIVE",
    "LIVE_ALLOW_LIST",
    "PUBLIC_URL",
    "Form",
    "Secret",
    "from_env",
]
