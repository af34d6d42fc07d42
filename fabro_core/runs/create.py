"""Creating a run from a manifest (runs.md R8): validate, keep what was submitted as blobs, start the log."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
from ulid import ULID
