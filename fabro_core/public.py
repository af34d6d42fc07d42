"""The public surface: everything of this package that a plugin, or a program that embeds the server, may import.

What is not in here may change in any release. What is in here changes only as `PLUGIN_API` says: an interface grows by
fields with defaults, and a plugin for the previous number is still accepted. A test holds the first-party plugins, the
examples and new packages to it; no code of the server depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

PUBLIC: Final[Mapping[str, tuple[str, ...] | None]] = {
    "fabro_core": None,
    "fabro_core.auth.base": (
        "AuthMethod",
        "Bearer",
        "Identity",
        "LoginAttempt",
        "LoginCallback",
        "LoginField",
        "LoginForm",
        "LoginOption",
        "Redirect",
    ),
    "fabro_core.clock": ("Clock", "SystemClock", "epoch_ms"),
    "fabro_core.config.live_fields": ("LIVE", "LIVE_ALLOW_LIST"),
    "fabro_core.config.secrets": ("from_env",),
    "fabro_core.config.values": (
        "DISTINCT",
        "DISTINCT_NOT_EMPTY",
        "HTTP_URL",
        "PUBLIC_URL",
        "Form",
    ),
    "fabro_core.context": ("Link", "PluginContext", "Problem", "ServerInfo"),
    "fabro_core.errors": (
        "Conflict",
        "CredentialsRejected",
        "FabroError",
        "InvalidRequest",
        "NotFound",
        "Refusal",
        "RevisionConflict",
        "SeqConflict",
        "StartupError",
        "StoreError",
        "StoreMisconfigured",
        "StoreUnavailable",
    ),
    "fabro_core.hooks": ("PLUGIN_API", "hookimpl"),
    "fabro_core.models.status": ("Bucket",),
    "fabro_core.plugins.kinds": ("Group",),
    "fabro_core.secret": ("Secret",),
    "fabro_core.store.base": ("RunStore",),
    "fabro_core.store.records": (
        "ABSENT",
        "ANY",
        "AppendBatch",
        "Blob",
        "BlobDelete",
        "BlobPage",
        "BlobQuery",
        "Doc",
        "DocDelete",
        "DocPage",
        "DocQuery",
        "DocRef",
        "DocWrite",
        "EventPage",
        "EventQuery",
        "EventRecord",
        "Expect",
        "FeedEvent",
        "FeedPage",
        "FeedQuery",
        "Revision",
        "RunHit",
        "RunIdPage",
        "RunIdQuery",
        "RunPage",
        "RunQuery",
        "RunRow",
        "RunSort",
        "StoreInfo",
        "StoredRun",
        "Wakeup",
        "WorkflowHit",
    ),
    "fabro_core.store.wakeups": ("WakeupHub",),
    "fabro_core.testing": None,
    "fabro_core.testing.store": None,
}
"""The public names of each public module; None: those that its `__all__` states."""


def public_names(module: str) -> frozenset[str]:
    """The public names of a module; empty when it is not public."""
    if module not in PUBLIC:
        return frozenset()
    names = PUBLIC[module]
    return frozenset(import_module(module).__all__ if names is None else names)
