"""How values are packed: MessagePack for whole records, bytes whose order is the order of what they stand for in keys.

The format of stored data; a change of it is a new layout.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_STR32: Final = b"\xdb"
_BIAS: Final = 2**63

pack: Final = msgspec.msgpack.Encoder().encode


def lua_string(value: bytes) -> msgspec.Raw:
    """Bytes as a script's unpacker takes them, which knows strings of bytes but not MessagePack's binary type."""
    return msgspec.Raw(_STR32 + len(value).to_bytes(4, "big") + value)


def number_key(number: int) -> bytes:
    """Eight bytes, in the order of the numbers. Raises `OverflowError` beyond 64 bits."""
    return (number + _BIAS).to_bytes(8, "big")


def text_key(text: str) -> bytes:
    """The text, in the order of its code points, with an end that no other key goes on after."""
    return text.encode().replace(b"\x00", b"\x00\xff") + b"\x00\x00"


def argument(**fields: Any) -> bytes:
    """The one argument of a script."""
    return pack(fields)
