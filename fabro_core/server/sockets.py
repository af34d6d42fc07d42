"""Listening sockets (server.md S22): bound by us, so that a Unix socket is private from its first moment and a port
is known before the public URL is needed."""

from __future__ import annotations

import errno
import os
import socket
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from fabro_core.config.model import Listen, TcpListen, UnixListen
from fabro_core.config.values import join_address
from fabro_core.server.faults import AddressUnavailable

BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""

_PROBE_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket."""

    socket: socket.socket
    address: str
    """As people read it: `unix:PATH` or `IP:port`."""
    file: tuple[Path, int, int] | None = None
    """Path, device and inode of a Unix socket."""

    def close(self) -> None:
        """Stop listening, and remove a Unix socket's file if it is still this one."""
        self.socket.close()
        if self.file is None:
            return
        path, device, inode = self.file
        try:
            found = path.lstat()
            if (found.st_dev, found.st_ino) == (device, inode):
                path.unlink()
        except FileNotFoundError:
            return


class Binder:
    """Makes the one listener of a server. A port may be reserved, bound but not listening, before the rest is known."""

    def __init__(self, held: Listen | None = None) -> None:
        """`held` is where a server listens that will have ended before this one listens."""
        self._held = held
        self._reserved: socket.socket | None = None

    def reserve(self, listen: TcpListen) -> TcpListen:
        """Bind a free port now, unless there is one to take over; the answer names it. Raises `AddressUnavailable`."""
        if isinstance(self._held, TcpListen) and self._held.host == listen.host:
            return self._held
        self._reserved = _bound_tcp(listen)
        return TcpListen(address=join_address(listen.host, self._reserved.getsockname()[1]))

    def claim(self, listen: Listen) -> None:
        """See that the address can be had, and keep a port from others. Raises `AddressUnavailable`."""
        if self._reserved is not None or listen == self._held:
            return
        if isinstance(listen, UnixListen):
            _require_room(listen.path)
        elif not (isinstance(self._held, TcpListen) and _overlap(listen, self._held)):
            self._reserved = _bound_tcp(listen)

    def listen(self, listen: Listen) -> Listener:
        """Start listening. Raises `AddressUnavailable`."""
        if isinstance(listen, UnixListen):
            return _listen_unix(listen.path)
        bound = self._reserved or _bound_tcp(listen)
        self._reserved = None
        _start(bound, listen.address)
        return Listener(bound, listen.address)

    def close(self) -> None:
        """Give up a reserved port that was not used."""
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None


def _overlap(one: TcpListen, other: TcpListen) -> bool:
    """Whether one of them may keep the other from being bound."""
    return one.port == other.port and (
        one.host == other.host or any(ip_address(each.host).is_unspecified for each in (one, other))
    )


def _start(bound: socket.socket, address: str) -> None:
    try:
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise _unavailable(error, address) from None


def _unavailable(error: OSError, address: str) -> AddressUnavailable:
    if error.errno == errno.EADDRINUSE:
        return AddressUnavailable(f"address already in use: {address}")
    return AddressUnavailable(f"cannot listen on {address}: {error.strerror}")


def _bound_tcp(listen: TcpListen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or a restart waits for TIME_WAIT to pass
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # the same everywhere, whatever sysctl says
        bound.bind((listen.host, listen.port))
    except OSError as error:
        bound.close()
        raise _unavailable(error, listen.address) from None
    return bound


# -- Unix sockets -------------------------------------------------------------------------------------------------


def _listen_unix(path: Path) -> Listener:
    _clear(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise _unavailable(error, str(path)) from None
    finally:
        os.umask(mask)
    made = path.lstat()
    _start(bound, str(path))
    return Listener(bound, f"unix:{path}", (path, made.st_dev, made.st_ino))


def _clear(path: Path) -> None:
    """Make room for the socket: only a socket that nobody listens on is removed."""
    _require_no_other(path)
    remove_stale_socket(path)
    if path.exists():
        raise AddressUnavailable(f"address already in use: {path}")


def check_place(path: Path) -> None:
    """See that a socket could be made, unless somebody listens there already; changes nothing.

    Raises `AddressUnavailable`.
    """
    directory = f"{path.parent}/."  # which a file has not
    if not os.access(directory, os.W_OK | os.X_OK):
        reason = "Permission denied" if os.access(directory, os.F_OK) else "No such file or directory"
        raise AddressUnavailable(f"cannot listen on {path}: {reason}")
    _require_no_other(path)


def _require_room(path: Path) -> None:
    """See that `_clear` would succeed, and that a socket could be made; changes nothing."""
    check_place(path)
    if path.exists() and not _is_stale(path):
        raise AddressUnavailable(f"address already in use: {path}")


def _require_no_other(path: Path) -> None:
    """Nothing but a socket may be where a socket is to be."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unavailable(error, str(path)) from None
    if not stat.S_ISSOCK(mode):
        raise AddressUnavailable(f"cannot listen on {path}: it exists and is not a socket")


def remove_stale_socket(path: Path) -> None:
    """Remove a socket that a killed server has left; anything else is kept."""
    if path.is_socket() and _is_stale(path):
        path.unlink(missing_ok=True)


def _is_stale(path: Path) -> bool:
    """Whether connecting is refused. Every other failure, such as lack of permission, means that somebody is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False
    return False
