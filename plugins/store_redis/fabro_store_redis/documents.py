"""What the scripts are told of documents, and what their answers mean."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.store import ABSENT, Doc, DocDelete, DocPage, DocQuery, DocRef, DocWrite, Revision, RevisionConflict
from fabro_store_redis.packing import argument, lua_string, pack, text_key

PURGED_AT_ONCE: Final = 500
"""Documents that one script removes; nothing else happens in the server meanwhile."""


class _StoredDoc(msgspec.Struct, frozen=True, array_like=True):
    """A document without its revision, which the server assigns."""

    collection: str
    key: str
    body: bytes
    owner: str | None
    expires_ms: int | None
    updated_ms: int


class _ListedDoc(msgspec.Struct, frozen=True, array_like=True):
    revision: int
    doc: _StoredDoc


class _Page(msgspec.Struct, frozen=True, array_like=True):
    has_more: bool
    docs: tuple[_ListedDoc, ...]


_DOC: Final = msgspec.msgpack.Decoder(_StoredDoc)
_PAGE: Final = msgspec.msgpack.Decoder(_Page)


def place(collection: str, key: str) -> bytes:
    """What a document's own key ends with."""
    return text_key(collection) + key.encode()


def document(answer: tuple[bytes | None, bytes | None], ref: DocRef) -> Doc | None:
    """The document of the stored revision and record; None when it is absent or expired."""
    revision, stored = answer
    if revision is None or stored is None:
        return None
    doc = _doc(_DOC.decode(stored), int(revision))
    return doc if doc.expires_ms is None or doc.expires_ms > ref.now_ms else None


def put_argument(write: DocWrite) -> bytes:
    """The argument of the script `put_doc`."""
    stored = _stored(write)
    return argument(
        place=lua_string(place(write.collection, write.key)),
        key=write.key,
        collection=write.collection,
        shelf=_shelf(write.collection),
        owned=None if write.owner is None else lua_string(_owned(write.collection, write.owner)),
        doc=lua_string(pack(stored)),
        expires=write.expires_ms,
        now=write.now_ms,
        absent=write.if_revision is ABSENT,
        revision=_exact(write.if_revision),
    )


def written(answer: int, write: DocWrite) -> Doc:
    """The document that the script `put_doc` has written. Raises `RevisionConflict` when it has not."""
    if answer == 0:
        raise _conflict()
    return _doc(_stored(write), answer)


def delete_argument(delete: DocDelete) -> bytes:
    """The argument of the script `delete_doc`."""
    return argument(
        place=lua_string(place(delete.collection, delete.key)),
        now=delete.now_ms,
        revision=_exact(delete.if_revision),
    )


def deleted(answer: int) -> bool:
    """Whether the script `delete_doc` has deleted. Raises `RevisionConflict` when it met another revision."""
    if answer < 0:
        raise _conflict()
    return answer == 1


def list_argument(query: DocQuery) -> bytes:
    """The argument of the script `list_docs`."""
    if query.owner is None:
        listed: str | msgspec.Raw = _shelf(query.collection)
    else:
        listed = lua_string(_owned(query.collection, query.owner))
    return argument(
        set=listed,
        shelf=lua_string(text_key(query.collection)),
        now=query.now_ms,
        limit=query.limit,
        start="-" if query.after_key is None else "(" + query.after_key,
    )


def document_page(answer: bytes) -> DocPage:
    """The page, from what the script `list_docs` has found."""
    page = _PAGE.decode(answer)
    return DocPage(docs=tuple(_doc(each.doc, each.revision) for each in page.docs), has_more=page.has_more)


def _shelf(collection: str) -> str:
    return f"docs:{collection}"


def _owned(collection: str, owner: str) -> bytes:
    return b"owned:" + text_key(collection) + owner.encode()


def _exact(expected: Revision) -> str | None:
    return expected if isinstance(expected, str) else None


def _conflict() -> RevisionConflict:
    return RevisionConflict("The document has another revision.")


def _stored(write: DocWrite) -> _StoredDoc:
    return _StoredDoc(write.collection, write.key, write.body, write.owner, write.expires_ms, write.now_ms)


def _doc(stored: _StoredDoc, revision: int) -> Doc:
    return Doc(
        collection=stored.collection,
        key=stored.key,
        revision=str(revision),
        body=stored.body,
        owner=stored.owner,
        expires_ms=stored.expires_ms,
        updated_ms=stored.updated_ms,
    )
