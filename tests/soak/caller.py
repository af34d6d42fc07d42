"""A careful client: it looks before it repeats what may have happened."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx

from tests.races.server_process import TOKEN

SETTLE_SECONDS = 0.5
"""Before a look: what a server sent to the store before it was killed takes effect by then."""

PATIENCE_SECONDS = 60
"""Longer than any fault lasts."""

REFUSALS = {"store_unavailable", "draining", "not_started"}

Found = TypeVar("Found")


class Caller:
    """Requests through the proxy, each over a connection of its own, so that the next one goes to another server."""

    def __init__(self, url: str, counts: Counter[str]) -> None:
        self.url = url
        self.counts = counts
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Connection": "close"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # who has some sends them
            timeout=30,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def once(self, method: str, path: str, *, token: str = TOKEN, **kwargs: Any) -> httpx.Response | None:
        """The answer; None when nobody knows whether the request took effect."""
        self.counts["requests"] += 1
        headers = kwargs.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            answer = await self._client.request(method, path, headers=headers, **kwargs)
        except httpx.TransportError:
            self.counts["broken connections"] += 1
            return None
        if answer.status_code == 503:
            self.counts["answers 503"] += 1
            assert answer.headers["retry-after"] == "5"
            assert answer.json()["errors"][0]["code"] in REFUSALS, answer.text
            return None
        assert answer.status_code < 500, answer.text
        return answer

    async def read(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """The answer to what may be asked again and again."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self.once(method, path, **kwargs)
                if answer is not None:
                    return answer
                await asyncio.sleep(SETTLE_SECONDS)

    async def write(
        self, request: Callable[[], Awaitable[httpx.Response | None]], look: Callable[[], Awaitable[Found | None]]
    ) -> Found | httpx.Response:
        """The answer to a write, or what `look` finds of it after nobody knew; repeated only when it finds nothing."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await request()
                if answer is not None:
                    return answer
                await asyncio.sleep(SETTLE_SECONDS)
                found = await look()
                if found is not None:
                    self.counts["found after all"] += 1
                    return found

    @asynccontextmanager
    async def stream(self, path: str, **headers: str) -> Any:
        """An event stream; raises `httpx.TransportError` when it breaks."""
        with_token = {"Authorization": f"Bearer {TOKEN}", **headers}
        async with self._client.stream("GET", path, headers=with_token, timeout=httpx.Timeout(30, read=60)) as stream:
            yield stream
