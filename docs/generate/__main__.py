"""Rewrite `docs/reference`."""

from __future__ import annotations

from docs.generate.pages import PAGES, REFERENCE

for name, write in PAGES.items():
    (REFERENCE / name).write_text(write(), encoding="utf-8")
