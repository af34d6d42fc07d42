"""What Litestar remembers of requests: bounded in bytes here, since it is bounded in number there.

Paths, query strings, cookies and forms of extensions' routes lie in caches of a thousand entries each, as large as
clients make them. They are caches of the framework, which an application around this one may use too: emptying them
costs whoever comes next some microseconds, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Protocol

from litestar._asgi.routing_trie.traversal import parse_path_params
from litestar._kwargs.extractors import create_query_default_dict
from litestar._parsers import parse_cookie_string, parse_query_string, parse_url_encoded_form_data
from litestar.datastructures import URL

from fabro_core.http.asgi import Message, Receive, Scope

MAX_BYTES: Final = 1024 * 1024
"""Text of requests that may have been handed over since the caches were emptied. Taken apart it lies there up to four
times, and a letter may take four bytes."""
SHORT_PATH_CHARS: Final = 256
"""A path that is longer is looked up each time."""
SHORT_PATHS: Final = 1024

FindRoute = Callable[..., Any]
"""By `path` and `method`."""


class _Cache(Protocol):
    def cache_clear(self) -> None: ...


_CACHES: Final[tuple[_Cache, ...]] = (
    parse_path_params,
    create_query_default_dict,
    parse_cookie_string,
    parse_query_string,
    parse_url_encoded_form_data,
    URL._new,
    URL.from_components,
)


class LitestarCaches:
    """Counts what requests bring, and empties the caches in time. Of one application."""

    def __init__(self) -> None:
        self._handed_over = 0

    def routing(self, find: FindRoute) -> FindRoute:
        """A router's `find` that remembers short paths alone."""
        remembered = lru_cache(SHORT_PATHS)(find)

        def find_route(path: str, method: Any) -> Any:
            if len(path) <= SHORT_PATH_CHARS:
                return remembered(path=path, method=method)
            self._take(len(path))
            return find(path=path, method=method)

        return find_route

    def admit(self, scope: Scope, receive: Receive) -> Receive:
        """Count a request that Litestar is about to serve, and in the `receive` that it gets the body as well."""
        texts = sum(len(value) for name, value in scope["headers"] if name in (b"cookie", b"host"))
        self._take(len(scope["path"]) + len(scope["query_string"]) + texts)

        async def counted() -> Message:
            message = await receive()
            self._handed_over += len(message.get("body", b""))
            return message

        return counted

    def _take(self, size: int) -> None:
        """Make room before: what is being served is remembered afterwards."""
        if self._handed_over > MAX_BYTES:
            for cache in _CACHES:
                cache.cache_clear()
            self._handed_over = 0
        self._handed_over += size
