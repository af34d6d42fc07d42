"""A browser in a process of its own, for `$BROWSER`: goes to a URL, and agrees to whatever has one button."""

from __future__ import annotations

import re
import sys

import httpx

ACTION = re.compile(r'<form[^>]* action="(/auth/cli/resume)"')


def main(url: str) -> None:
    """Sign in, confirm the login, and follow the redirect to the program that waits."""
    with httpx.Client(follow_redirects=True, headers={"Accept": "text/html"}, timeout=30, trust_env=False) as browser:
        page = browser.get(url)
        action = ACTION.search(page.text)
        if action is not None:
            browser.post(str(page.url.join(action[1])))


if __name__ == "__main__":
    main(sys.argv[1])
