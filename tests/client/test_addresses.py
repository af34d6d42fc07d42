"""What people may call a server, and what its credentials are filed under (auth.md A28)."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_core.client.address import ServerAddress


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("HTTPS://Fabro.Example.COM:443", "https://fabro.example.com"),
        ("http://fabro.example.com:80/", "http://fabro.example.com"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://example.com/Fabro/", "https://example.com/Fabro"),
    ],
)
def test_an_origin_has_one_name_however_it_is_written(text: str, name: str) -> None:
    address = ServerAddress.parse(text)
    assert (address.name, address.base_url, address.socket) == (name, name, None)


@pytest.mark.parametrize("text", ["/run/fabro.sock", "unix:/run/fabro.sock", "unix:///run/fabro.sock"])
def test_a_socket_has_one_name_however_it_is_written(text: str) -> None:
    address = ServerAddress.parse(text)
    assert (address.name, address.socket) == ("unix:///run/fabro.sock", Path("/run/fabro.sock"))
    assert ServerAddress.parse(address.name) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:3000",
        "127.0.0.1:3000",
        "fabro.sock",
        "unix:fabro.sock",
        "ftp://example.com",
        "http://",
        "http://[::1",
        "http://example.com:x",
        "http://exa mple.com",
        "http://example.com\n",
        "http://mona:password@example.com",
        "http://example.com?password",
        "http://example.com#password",
    ],
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected ") as caught:
        ServerAddress.parse(text)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("0.0.0.0:3000", "http://127.0.0.1:3000"),
        ("[::]:3000", "http://[::1]:3000"),
        ("192.0.2.7:80", "http://192.0.2.7"),
    ],
)
def test_a_listener_on_all_interfaces_is_asked_on_the_loopback(address: str, name: str) -> None:
    assert ServerAddress.of_listener(address).name == name


@pytest.mark.parametrize(
    ("text", "stays_here"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.2", True),
        ("http://[::1]", True),
        ("/s", True),
        ("http://192.0.2.7", False),
        ("http://localhost.example.com", False),
    ],
)
def test_what_stays_on_this_machine_is_known(text: str, stays_here: bool) -> None:
    assert ServerAddress.parse(text).is_loopback is stays_here
