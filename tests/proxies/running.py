"""Real proxies, Debian's nginx and Caddy, with the configuration that the guides show."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.docs.documents import ROOT, blocks

START_SECONDS: Final = 30


def nginx_guide(prefix: str) -> str:
    """What goes into `http { … }` of nginx, at the root of a host or below `prefix`: the guide's words."""
    at_root, below_prefix = blocks("docs/operate/index.md", "nginx")
    if not prefix:
        return at_root
    found = re.search(r"    location / \{\n(?P<inside>.*?)    \}\n", at_root, re.DOTALL)
    assert found is not None
    (also,) = re.findall(r"    # and everything else as above\n", below_prefix)
    inside = "".join(line for line in found["inside"].splitlines(keepends=True) if "proxy_pass " not in line)
    location = below_prefix.replace("/fabro", prefix).replace(also, inside)
    return at_root.replace(found[0], location)


def substituted(text: str, changes: Mapping[str, str]) -> str:
    """A text in which each of these occurs once, and is another one now."""
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


@contextmanager
def nginx(directory: Path, configuration: str, *, port: int, upstream: int, certificate: Path) -> Iterator[None]:
    """nginx on `port`, with the guide's `configuration`, in front of the server on `upstream`."""
    inside = substituted(
        configuration,
        {
            "server 127.0.0.1:3000;": f"server 127.0.0.1:{upstream};",
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;\n"
            f"    ssl_certificate {certificate};\n    ssl_certificate_key {certificate};",
        },
    )
    temporary = "".join(
        f"  {kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = directory / "nginx.conf"
    path.write_text(
        f"daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\nerror_log {directory}/error.log;\n"
        f"events {{}}\nhttp {{\n  access_log off;\n{temporary}{inside}}}\n"
    )
    command = [_program("nginx"), "-p", str(directory), "-c", str(path), "-e", str(directory / "error.log")]
    with _running(command, port, environ={}):
        yield


@contextmanager
def caddy(directory: Path, *, port: int, upstreams: tuple[int, int]) -> Iterator[None]:
    """Caddy on `port`, without TLS, with the file of `examples/scale` in front of two servers."""
    text = (ROOT / "examples" / "scale" / "Caddyfile").read_text(encoding="utf-8")
    addresses = " ".join(f"127.0.0.1:{upstream}" for upstream in upstreams)
    path = directory / "Caddyfile"
    path.write_text("{\n\tadmin off\n}\n" + substituted(text, {"server-1:3000 server-2:3000": addresses}))
    command = [_program("caddy"), "run", "--config", str(path), "--adapter", "caddyfile"]
    environ = {"FABRO_DOMAIN": f"http://localhost:{port}", "HOME": str(directory)}
    with _running(command, port, environ=environ):
        yield


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found is not None, f"these tests need {name}: apt-get install {name}"
    return found


@contextmanager
def _running(command: list[str], port: int, *, environ: Mapping[str, str]) -> Iterator[None]:
    """The program, from when it listens to the end of the context."""
    kept = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(command, env={**kept, **environ}, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(port):
                ended = process.poll() is not None
                assert not ended, process.stderr.read() if process.stderr else ""
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
