"""Which peers may say, in `X-Forwarded-For`, who their client is (server.md S13)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from fabro_core.config.secrets import variable
from fabro_core.context import Problem

SOCKET_PEER = "unix"
"""The address of every client of a Unix socket."""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies an operator trusts; by default nobody."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    socket: bool = False
    """Trust whoever connects to the Unix socket."""

    def __bool__(self) -> bool:
        return bool(self.networks) or self.socket

    def trusts(self, host: str) -> bool:
        """Whether the peer's word counts; `host` is an IP address or `unix`, anything else is not trusted."""
        if host == SOCKET_PEER:
            return self.socket
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The client's address: the last one in the chain that no trusted proxy vouches away."""
        hops = [peer, *reversed([_without_port(hop.strip()) for hop in forwarded_for.split(",")])]
        for hop in hops:
            if not self.trusts(hop):
                return hop if _is_address(hop) or hop == peer else peer
        return hops[-1]


def trusted_proxies(environ: Mapping[str, str], problems: list[Problem]) -> TrustedProxies:
    """Read `FORWARDED_ALLOW_IPS`: addresses, networks and `unix`, separated by commas."""
    entries = [entry.strip() for entry in (variable(environ, "FORWARDED_ALLOW_IPS") or "").split(",")]
    networks = []
    for entry in entries:
        if entry in ("", SOCKET_PEER):
            continue
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            message = "expected IP addresses, networks or unix, separated by commas"
            problems.append(Problem(path="FORWARDED_ALLOW_IPS", message=message))
            break
    return TrustedProxies(tuple(networks), SOCKET_PEER in entries)


def _without_port(hop: str) -> str:
    """The address of `IP:port`, `[IPv6]:port` or `[IPv6]`, as some proxies write it; anything else as it is."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    host, _, _ = hop.partition(":")
    return host if hop.count(":") == 1 else hop


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
