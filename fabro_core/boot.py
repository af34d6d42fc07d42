"""The boot pipeline: from settings to the objects a server is made of, or to every problem at once (server.md S18)."""

from __future__ import annotations
