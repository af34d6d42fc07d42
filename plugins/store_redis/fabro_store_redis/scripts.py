"""The Lua scripts that run inside the server, each put together from its own file and those with what it uses.

A script is atomic: nothing else happens in the server while it runs. All decide before the first write, so none ends
halfway. The first line tells the server what a script may do, and with it whether it may run on a replica or without
memory left.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_DIRECTORY: Final = Path(__file__).with_name("lua")

_READS: Final = "#!lua flags=no-writes\n"
_WRITES: Final = "#!lua\n"
_REMOVES: Final = "#!lua flags=allow-oom\n"
"""What frees memory, or is written down right before, must work when there is none left."""


class Script:
    """A script: its text, and the digest by which the server knows it once it has run."""

    def __init__(self, head: str, *parts: str) -> None:
        texts = [(_DIRECTORY / f"{part}.lua").read_text(encoding="utf-8") for part in ("prefix", *parts)]
        self.source: Final = head + "\n".join(texts)
        self.sha1: Final = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


APPEND: Final = Script(_WRITES, "fence", "members", "indexes", "putting", "append")
APPEND_BEFORE_REMOVAL: Final = Script(_REMOVES, "fence", "members", "indexes", "putting", "append")
DELETE_RUN: Final = Script(_REMOVES, "fence", "members", "indexes", "delete_run")
UPGRADE_RUN: Final = Script(_WRITES, "members", "indexes", "upgrade_run")
GET_RUN: Final = Script(_READS, "packing", "hits", "get_run")
PAGE_OF_ORDERS: Final = Script(_READS, "packing", "hits", "members", "page_of_orders")
PAGE_OF_BUCKETS: Final = Script(_READS, "packing", "hits", "page_of_buckets")
SEARCH: Final = Script(_READS, "packing", "hits", "members", "search")
LIST_RUN_IDS: Final = Script(_READS, "list_run_ids")
WORKFLOWS: Final = Script(_READS, "packing", "workflows")
READ: Final = Script(_READS, "packing", "pages", "read")
READ_TAGGED: Final = Script(_READS, "packing", "pages", "read_tagged")
READ_FEED: Final = Script(_READS, "packing", "pages", "read_feed")
PUT_BLOB: Final = Script(_WRITES, "fence", "putting", "put_blob")
DELETE_BLOB: Final = Script(_REMOVES, "fence", "delete_blob")
PUT_DOC: Final = Script(_WRITES, "fence", "forgetting", "put_doc")
DELETE_DOC: Final = Script(_REMOVES, "fence", "forgetting", "delete_doc")
PUT_FENCE: Final = Script(_REMOVES, "forgetting", "put_doc")
"""Also without memory left: whoever moves away may do so for that very reason."""
LIFT_FENCE: Final = Script(_REMOVES, "forgetting", "delete_doc")
LIST_DOCS: Final = Script(_READS, "packing", "list_docs")
PURGE: Final = Script(_REMOVES, "fence", "forgetting", "purge")
