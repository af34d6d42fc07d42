"""Whether the store is fenced: asked inside each write transaction, so no process can write past it."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy import bindparam, select

from fabro_core.store import FENCE_COLLECTION, FENCE_KEY
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import DOCUMENTS

_D = DOCUMENTS.c
_FENCE: Final = sql(select(_D.revision).where(_D.collection == bindparam("collection"), _D.key == bindparam("key")))
_PLACE: Final = {"collection": FENCE_COLLECTION, "key": FENCE_KEY}


def is_fenced(connection: sqlite3.Connection) -> bool:
    """Whether there is a fence, in the state that the connection sees."""
    return connection.execute(_FENCE, _PLACE).fetchone() is not None
