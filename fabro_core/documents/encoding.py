"""How the body of a document is stored: as JSON, in which the fields that are secrets are sealed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, get_args

import msgspec

from fabro_core.documents.sealing import Seal
from fabro_core.secret import Secret

Body = TypeVar("Body", bound=msgspec.Struct)


class Encoding(Generic[Body]):
    """Encodes the bodies of one collection. `seal`: None for those without secrets."""

    def __init__(self, collection: str, body: type[Body], seal: Seal | None) -> None:
        self._collection = collection
        self._decoder = msgspec.json.Decoder(body, dec_hook=_still_sealed)
        self._secrets = tuple(field.name for field in msgspec.structs.fields(body) if _is_secret(field.type))
        if self._secrets and seal is None:
            raise TypeError(f"{collection}: {', '.join(self._secrets)} cannot be stored without a key that seals")
        self._seal = seal

    def encode(self, key: str, body: Body) -> bytes:
        """The stored body of the document with this key."""
        if self._seal is not None:
            sealed = {
                name: self._seal.seal(secret.reveal().encode("utf-8", "surrogatepass"), self._place(key, name))
                for name, secret in self._secrets_of(body)
            }
            body = msgspec.structs.replace(body, **sealed)
        return msgspec.json.encode(body)

    def decode(self, key: str, stored: bytes) -> Body:
        """The body that was stored with this key. Raises `BadSeal`, and `msgspec.MsgspecError` for foreign bytes."""
        body = self._decoder.decode(stored)
        if self._seal is not None:
            opened = {
                name: self._seal.open(sealed.reveal(), self._place(key, name)).decode("utf-8", "surrogatepass")
                for name, sealed in self._secrets_of(body)
            }
            body = msgspec.structs.replace(body, **{name: Secret(text) for name, text in opened.items()})
        return body

    def is_newest(self, key: str, stored: bytes) -> bool:
        """Whether the newest key opens all that is sealed in the document. Raises as `decode` does."""
        seal = self._seal
        return seal is None or all(
            seal.is_newest(sealed.reveal(), self._place(key, name))
            for name, sealed in self._secrets_of(self._decoder.decode(stored))
        )

    def _secrets_of(self, body: Body) -> list[tuple[str, Secret]]:
        found = ((name, getattr(body, name)) for name in self._secrets)
        return [(name, secret) for name, secret in found if secret is not None]

    def _place(self, key: str, field: str) -> str:
        """Names a field among all others, as neither collections nor fields have a slash in their names. Otherwise a
        sealed value could be put where another belongs."""
        return f"{self._collection}/{key}/{field}"


def _is_secret(annotation: object) -> bool:
    return annotation is Secret or Secret in get_args(annotation)


def _still_sealed(kind: type, value: Any) -> Secret:
    """A secret as it is read: what it was sealed to."""
    if kind is not Secret or not isinstance(value, str):
        raise TypeError(f"{kind.__name__} is not stored as {type(value).__name__}")
    return Secret(value)
