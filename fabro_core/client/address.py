"""Where a server is, as people type it and as credentials are filed (auth.md A28)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

from fabro_core.config.values import join_address, split_address

EXPECTED = "expected an http(s) URL, unix://PATH or the absolute path of a socket"

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A server that listens on TCP, or on a Unix socket of this machine."""

    name: str
    """What credentials are filed under: the origin, with the path that the server is below; or `unix://PATH`."""
    base_url: str
    """What the paths of the protocol are appended to."""
    socket: Path | None = None
    """None: TCP."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError`, whose text does not repeat what may hold a password."""
        if text.startswith("/"):
            return cls.of_socket(Path(text))
        if text.startswith("unix:"):
            return cls.of_socket(Path(text.removeprefix("unix:").removeprefix("//")))
        base_url = _base_url(text)
        return cls(base_url, base_url)

    @classmethod
    def of_socket(cls, path: Path) -> Self:
        """Raises `ValueError` for a relative path."""
        if not path.is_absolute():
            raise ValueError(EXPECTED)
        return cls(f"unix://{path}", "http://localhost", path)

    @classmethod
    def of_listener(cls, address: str) -> Self:
        """A server of this machine that listens on `IP:port`, perhaps on all interfaces."""
        host, port = split_address(address)
        ip = ipaddress.ip_address(host)
        loopback = "127.0.0.1" if ip.version == 4 else "::1"
        return cls.parse(f"http://{join_address(loopback if ip.is_unspecified else host, port)}")

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def _base_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(EXPECTED) from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError(EXPECTED)
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ValueError("expected a URL without user information, query and fragment")
    return f"{parts.scheme}://{_authority(parts, port)}{parts.path.rstrip('/')}"


def _authority(parts: SplitResult, port: int | None) -> str:
    host = (parts.hostname or "").lower()
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{bracketed}:{port}"
