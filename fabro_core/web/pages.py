"""HTML for people with a browser. No page carries a script or a style of its own (server.md S11)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Fabro</title>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""


def error_page(title: str, detail: str, request_id: str) -> bytes:
    """What a browser gets instead of the error envelope (server.md S5)."""
    content = f"<p>{escape(detail)}</p>\n<p>Request id: <code>{escape(request_id)}</code></p>"
    return _page(title, content)


def login_page(methods: Sequence[str], prefix: str) -> bytes:
    """How to authenticate with the enabled methods, none of which offers a sign-in with the browser."""
    names = ", ".join(escape(method) for method in methods)
    document = f"{escape(prefix)}/api/v1/openapi.json"
    content = (
        "<p>This server has no sign-in with the browser. Its API takes a bearer token.</p>\n"
        f"<p>Enabled: {names}</p>\n"
        "<pre><code>curl -H &quot;Authorization: Bearer $FABRO_DEV_TOKEN&quot; "
        f"{escape(prefix)}/api/v1/runs</code></pre>\n"
        f'<p><a href="{document}">The API document</a></p>'
    )
    return _page("Sign in", content)


def _page(title: str, content: str) -> bytes:
    return _PAGE.format(title=escape(title), content=content).encode("utf-8")
