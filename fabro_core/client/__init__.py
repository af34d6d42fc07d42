"""What a program needs to make manifests of workflows on disk, as `fabro manifest` does.

The other modules here are what the command line needs to talk to a server: its address, credentials that are kept,
requests. Every name loads when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabro_core.lazy import lazy

if TYPE_CHECKING:
    from fabro_core.client.manifest import build_manifest, encode_manifest
    from fabro_core.client.run_options import RunOptions
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "fabro_core.client.manifest": ("build_manifest", "encode_manifest"),
            "fabro_core.client.run_options": ("RunOptions",),
        },
    )

__all__ = ["RunOptions", "build_manifest", "encode_manifest"]
