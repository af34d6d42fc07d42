"""Browser sessions (auth.md A14): a record in the store, and a sealed cookie that points at it.

The cookie proves nothing by itself: every request reads the record, so that a session that has ended is over on every
server at once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Literal
from uuid import UUID

import msgspec
from uuid_utils import uuid4

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import SessionRef, User, owner_of
from fabro_core.auth.keys import Purpose, derive_key
from fabro_core.auth.remembered import Remembered
from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents, Stored
from fabro_core.documents.sealing import BadSeal, Seal
from fabro_core.errors import StoreUnavailable
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore

COOKIE: Final = "__fabro_session"
LIFETIME: Final = timedelta(days=30)
"""From the sign-in; never extended."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How often a session's last use is written, at most."""
MAX_USER_AGENT_CHARS: Final = 256
_VERSION: Final = 1


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is stored."""

    identity: Identity
    method: str
    """The auth method's settings name."""
    credential: str | None
    """Keyed hash of what the session depends on; None: of nothing."""
    user_agent: str | None
    created: datetime
    last_seen: datetime
    expires: datetime


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the cookie: enough to find the record and to refuse a wrong one, and nothing else."""

    v: Literal[1]
    sid: str
    issuer: str
    subject: str
    login: str
    auth_method: str
    """The method in its snake spelling."""
    iat: int
    exp: int


class BrowserSessions:
    """The sessions in one store. Every method raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock, session_secret: Secret) -> None:
        self._clock = clock
        self._records = Documents(
            store,
            clock,
            "auth.session",
            SessionRecord,
            owner=lambda _, record: owner_of(record.identity),
            expires=lambda record, _: record.expires,
        )
        self._seal = Seal(derive_key(session_secret, Purpose.COOKIES))
        self._payloads: Remembered[_Payload] = Remembered()
        self._hash_key = derive_key(session_secret, Purpose.DOCUMENTS)

    async def open(self, user: User, *, credential: Secret | None, user_agent: str | None) -> tuple[SessionRef, str]:
        """A new session of a person who has just signed in, and its cookie's value."""
        now = self._clock.now()
        sid, expires = str(uuid4()), now + LIFETIME
        record = SessionRecord(
            identity=user.identity,
            method=user.method,
            credential=None if credential is None else self._hash(credential),
            user_agent=cleaned(user_agent),
            created=now,
            last_seen=now,
            expires=expires,
        )
        await self._records.put(sid, record)
        payload = _Payload(
            v=_VERSION,
            sid=sid,
            issuer=user.identity.issuer,
            subject=user.identity.subject,
            login=user.identity.login,
            auth_method=user.principal.auth_method,
            iat=int(now.timestamp()),
            exp=int(expires.timestamp()),
        )
        return SessionRef("browser", sid), self._seal.seal(msgspec.json.encode(payload), COOKIE)

    async def find(self, cookie: str) -> Stored[SessionRecord] | None:
        """The session behind a cookie's value; None when it is not usable, for whatever reason."""
        payload = self._payload(cookie)
        if payload is None:
            return None
        stored = await self._records.get(payload.sid)
        return stored if stored is not None and _belongs(payload, stored.body) else None

    def depends_on(self, record: SessionRecord, credential: Secret | None) -> bool:
        """Whether the session was opened with the credential that its method has now (auth.md A9)."""
        if credential is None or record.credential is None:
            return credential is None and record.credential is None
        return hmac.compare_digest(self._hash(credential), record.credential)

    async def note_use(self, session: Stored[SessionRecord]) -> None:
        """Write down that the session is in use, now and then. A session that ends meanwhile stays ended, and a store
        that takes no writes still lets its readers in."""
        now = self._clock.now()
        if abs(now - session.body.last_seen) < NOTED_EVERY:
            return
        seen = msgspec.structs.replace(session.body, last_seen=now)
        with suppress(StoreUnavailable):
            await self._records.put(session.key, seen, if_revision=session.revision)

    async def end(self, cookie: str) -> Stored[SessionRecord] | None:
        """End the session behind a cookie's value; None when there was none."""
        session = await self.find(cookie)
        return session if session is not None and await self._records.delete(session.key) else None

    async def of_user(self, identity: Identity) -> AsyncIterator[Stored[SessionRecord]]:
        """The live sessions of a person."""
        async for session in self._records.walk(owner=owner_of(identity)):
            yield session

    async def revoke(self, sid: UUID, identity: Identity) -> bool:
        """End a session by its id; False when the person has no such session."""
        session = await self._records.get(str(sid))
        if session is None or owner_of(session.body.identity) != owner_of(identity):
            return False
        return await self._records.delete(session.key)

    async def is_live(self, sid: str) -> bool:
        """Whether the session has neither ended nor expired."""
        return await self._records.get(sid) is not None

    def _payload(self, cookie: str) -> _Payload | None:
        try:
            digest = self._payloads.digest(cookie)
            payload = self._payloads.get(digest) or self._unsealed(cookie, digest)
        except (BadSeal, UnicodeEncodeError, msgspec.MsgspecError):
            return None
        return payload if self._clock.now().timestamp() < payload.exp else None

    def _unsealed(self, cookie: str, digest: bytes) -> _Payload:
        payload = msgspec.json.decode(self._seal.open(cookie, COOKIE), type=_Payload)
        self._payloads.keep(digest, payload)
        return payload

    def _hash(self, credential: Secret) -> str:
        text = credential.reveal().encode("utf-8", "surrogateescape")
        return hmac.new(self._hash_key, text, hashlib.sha256).hexdigest()


def cleaned(user_agent: str | None) -> str | None:
    """A user agent as it is stored: without control characters, and not too long; None when nothing is left."""
    return "".join(islice(filter(str.isprintable, user_agent or ""), MAX_USER_AGENT_CHARS)) or None


def _belongs(payload: _Payload, record: SessionRecord) -> bool:
    return (payload.issuer, payload.subject, payload.auth_method) == (
        record.identity.issuer,
        record.identity.subject,
        record.method.replace("-", "_"),
    )
