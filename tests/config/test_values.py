"""Forms of values: URLs, addresses (server.md S15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_core.config.model import Server, Storage, TcpListen, UnixListen, Web
from fabro_core.config.public_url import is_exposed_without_url, public_url
from fabro_core.config.values import HTTP_URL, LISTEN_ADDRESS, PUBLIC_URL


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://fabro.example/", "https://fabro.example"),
        ("http://fabro.example:8080/fabro/", "http://fabro.example:8080/fabro"),
        ("http://[2001:db8::1]:80", "http://[2001:db8::1]:80"),
    ],
)
def test_a_public_url_loses_its_trailing_slash(text: str, normal: str) -> None:
    assert PUBLIC_URL.parse(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fabro.example",
        "/fabro",
        "ftp://fabro.example",
        "http://",
        "http://0.0.0.0:80",
        "http://[::]/",
        "http://*/",
        "http://user@fabro.example",
        "http://fabro.example?x",
        "http://fabro.example/#x",
        "http://fabro.example:99999",
        "http://fabro example",
        "http://[::1",
    ],
)
def test_other_public_urls_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(one with[a-z ]*|the address of all interfaces|)$"):
        PUBLIC_URL.parse(text)


def test_an_advertised_url_may_be_anything_absolute() -> None:
    assert HTTP_URL.parse("http://user@0.0.0.0/api/?v=1") == "http://user@0.0.0.0/api/?v=1"


@pytest.mark.parametrize("text", ["", "80", ":80", "localhost:80", "1.2.3:80", "::1:80", "[1.2.3.4]:80", "1.2.3.4:+1"])
def test_only_ip_addresses_with_a_port_are_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        LISTEN_ADDRESS.parse(text)


def server(listen: UnixListen | TcpListen, web: Web | None = None) -> Server:
    return Server(listen=listen, storage=Storage(root=Path("/s")), web=web or Web())


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:80", "http://localhost:80"),
        ("0.0.0.0:80", "http://localhost:80"),
        ("[::1]:80", "http://localhost:80"),
        ("[::]:80", "http://localhost:80"),
        ("192.0.2.7:80", "http://192.0.2.7:80"),
        ("[2001:db8::7]:80", "http://[2001:db8::7]:80"),
    ],
)
def test_the_public_url_follows_the_tcp_listener(address: str, url: str) -> None:
    assert public_url(server(TcpListen(address=address))) == url


def test_the_configured_public_url_wins() -> None:
    web = Web(url="https://fabro.example/x")

    assert public_url(server(TcpListen(address="127.0.0.1:80"), web)) == "https://fabro.example/x"


def test_only_a_reachable_listener_without_url_is_exposed() -> None:
    assert is_exposed_without_url(server(TcpListen(address="0.0.0.0:80")))
    assert not is_exposed_without_url(server(TcpListen(address="127.0.0.1:80")))
    assert not is_exposed_without_url(server(TcpListen(address="0.0.0.0:80"), Web(url="https://fabro.example")))
