"""API keys and the file that remembers them: how a key looks, how a line looks, reading and adding.

A line is the key's id, its user's login and the SHA-256 of the whole key, in hex. A key has 32 random bytes, so its
plain digest is as hard to reverse as the key is to guess; a slow hash, made for passwords, would only slow requests.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "apikey_"
READABLE_BY_OTHERS: Final = 0o077

_KEY: Final = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{8}})_[0-9a-f]{{64}}")
_LINE: Final = re.compile(r"(?P<id>[0-9a-f]{8})\s+(?P<login>[^\s#]\S*)\s+(?P<digest>[0-9a-f]{64})")
_LOGIN: Final = re.compile(r"[^\s#]\S*")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What the file knows of a key."""

    id: str
    """The public part of the key: eight hex digits."""
    login: str
    digest: bytes


class MalformedFile(Exception):
    """The file cannot be used; `faults` has a sentence for each reason, and none repeats the file."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


def id_of(key: str) -> str | None:
    """The id inside a key; None when the text does not look like one."""
    match = _KEY.fullmatch(key)
    return match["id"] if match else None


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def read_keys(path: Path) -> dict[str, StoredKey]:
    """The keys of a file by id. Raises `OSError`, or `MalformedFile` with everything that is wrong."""
    faults = []
    if path.stat().st_mode & READABLE_BY_OTHERS:
        faults.append("others can read the file; give it mode 0600")
    keys: dict[str, StoredKey] = {}
    for number, line in _lines(path):
        match = _LINE.fullmatch(line)
        if match is None:
            faults.append(f"line {number}: expected an id, a login and a SHA-256")
        elif match["id"] in keys:
            faults.append(f"line {number}: the id is there already")
        else:
            keys[match["id"]] = StoredKey(match["id"], match["login"], bytes.fromhex(match["digest"]))
    if faults:
        raise MalformedFile(*faults)
    return keys


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, with their numbers."""
    for number, line in enumerate(path.read_bytes().decode("utf-8-sig", "replace").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def add_key(path: Path, login: str) -> str:
    """Make a key for a user, add it to the file, which is created if need be, and return it: it is not kept anywhere.

    Raises `ValueError` for a login that the file cannot hold, `MalformedFile` or `OSError` for a file that cannot be
    used; then nothing was written.
    """
    if not _LOGIN.fullmatch(login):
        raise ValueError("a login has no spaces and does not begin with #")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = read_keys(path)
        fresh = secrets.token_hex(4)
        while fresh in known:
            fresh = secrets.token_hex(4)
        key = f"{PREFIX}{fresh}_{secrets.token_hex(32)}"
        content = file.read()
        separator = b"" if not content or content.endswith(b"\n") else b"\n"
        file.write(separator + f"{fresh} {login} {digest_of(key).hex()}\n".encode())
    return key
