"""A secret value that cannot leak by being printed, logged or encoded."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final, NoReturn, Self

RANDOM_BYTES: Final = 32


class Secret:
    """Text that must not be shown (auth.md A26). Only `reveal()` gives it away, so its uses can be searched for."""

    __slots__ = ("_digest", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    @classmethod
    def random(cls) -> Self:
        """32 random bytes as base64url, which are 43 characters: states, codes and the like."""
        return cls(secrets.token_urlsafe(RANDOM_BYTES))

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def hexdigest(self) -> str:
        """SHA-256 of the secret, for a store that must not see it. Hides only what nobody can guess."""
        return self._digest.hex()

    def matches(self, other: Secret) -> bool:
        """Whether both are equal, in a time that depends on neither content nor length (auth.md A1)."""
        return hmac.compare_digest(self._digest, other._digest)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")
