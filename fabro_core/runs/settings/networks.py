"""Networks, as settings name them (run-settings.md T6.4)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_PREFIX_LENGTH: Final = re.compile(r"/[0-9]{1,3}")


def is_cidr(text: str) -> bool:
    """Whether it is an address and a prefix length."""
    address, _, _ = text.partition("/")
    if not _PREFIX_LENGTH.fullmatch(text[len(address) :]):
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text
