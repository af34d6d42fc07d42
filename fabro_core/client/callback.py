"""Where the browser brings the outcome of a login: a listener on the loopback interface (RFC 8252 §7.3).

It takes the first callback that carries the right `state`, and goes on waiting after any other request, so nobody
else on the machine can end a login or hand in a code.
"""

from __future__ import annotations

import queue
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import parse_qs

from fabro_core.client.faults import ClientFailed
from fabro_core.secret import Secret
from fabro_core.unseen import escaped

PATH: Final = "/callback"
IDLE_SECONDS: Final = 5
"""How long a connection may say nothing: browsers open some that they never use."""

_HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),  # the address of the page has the code in it
    ("X-Content-Type-Options", "nosniff"),
)


class Listener:
    """Waits for one callback. Use `listening`."""

    def __init__(self, server: _CallbackServer) -> None:
        self._server: Final = server
        self.redirect_uri: Final = f"http://127.0.0.1:{server.server_address[1]}{PATH}"

    def wait(self, timeout_seconds: float) -> Secret:
        """The code. Raises `ClientFailed` when the login has failed in the browser, or time is up."""
        try:
            outcome = self._server.outcomes.get(timeout=timeout_seconds)
        except queue.Empty:
            raise ClientFailed(f"no login within {timeout_seconds:g} s") from None
        if isinstance(outcome, ClientFailed):
            raise outcome
        return outcome


@contextmanager
def listening(state: Secret) -> Iterator[Listener]:
    """Listen on a free port until the context is left. Raises `ClientFailed`."""
    try:
        server = _CallbackServer(state)
    except OSError as error:
        raise ClientFailed(f"cannot listen on 127.0.0.1: {error.strerror}") from None
    with server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        serving.start()
        try:
            yield Listener(server)
        finally:
            server.shutdown()
            serving.join()


class _CallbackServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, state: Secret) -> None:
        self.outcomes: Final[queue.Queue[Secret | ClientFailed]] = queue.Queue()
        self._state: Final = state
        self._first: Final = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def is_expected(self, state: str) -> bool:
        return self._state.matches(Secret(state))

    def is_first(self) -> bool:
        """True once."""
        return self._first.acquire(blocking=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is none of the terminal's business."""


class _Handler(BaseHTTPRequestHandler):
    server: _CallbackServer
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path != PATH:
            return self._show(404, "There is nothing here", "Only a login ends at this address.")
        given = {name: values[0] for name, values in parse_qs(query).items() if len(values) == 1}
        if not self.server.is_expected(given.get("state", "")) or ("code" in given) == ("error" in given):
            return self._show(400, "This is not the login", "The terminal waits for another one.")
        if not self.server.is_first():
            return self._show(410, "This login is over", "It has been here before.")
        return self._take(given)

    def _take(self, given: dict[str, str]) -> None:
        """Show the page before the program hears of it, as it may be gone the moment after."""
        if "code" in given:
            outcome: Secret | ClientFailed = Secret(given["code"])
            title, text = "Almost done", "The terminal has the rest. You can close this window."
        else:
            reason = given.get("error_description") or given["error"]
            outcome = ClientFailed(f"login failed: {escaped(reason)}")
            title, text = "Login failed", f"{reason}. You can close this window."
        try:
            self._show(200, title, text)
        finally:
            self.server.outcomes.put(outcome)

    def _show(self, status: int, title: str, text: str) -> None:
        page = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · Fabro</title></head>'
            f"<body><h1>{escape(title)}</h1><p>{escape(text)}</p></body></html>"
        ).encode()
        self.send_response_only(status)
        for name, value in (*_HEADERS, ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        """Nothing: what it would log has the code in it (auth.md A26)."""
