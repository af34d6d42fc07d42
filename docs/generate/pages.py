"""Which page is made of what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.generate import commands, coverage, hooks, interfaces, operations, public_names, run_settings, settings

REFERENCE: Final = Path(__file__).parents[1] / "reference"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "auth-interface.md": interfaces.write_auth,
    "commands.md": commands.write,
    "coverage.md": coverage.write,
    "hooks.md": hooks.write,
    "operations.md": operations.write,
    "public-names.md": public_names.write,
    "responder-interface.md": interfaces.write_responder,
    "run-settings.md": run_settings.write,
    "settings.md": settings.write,
    "store-interface.md": interfaces.write_store,
}
"""The writers of the pages in `docs/reference`, which holds nothing else."""
