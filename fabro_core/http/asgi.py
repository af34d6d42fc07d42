"""ASGI's own vocabulary as types, for the layers that work below Litestar."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

SERVER_SEND = "fabro.send"
"""Key of the scope: the server's own `send`, for a long body of a response that has begun."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
