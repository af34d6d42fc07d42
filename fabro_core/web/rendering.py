"""Templates to bytes. What a page says is in `fabro_core.web.pages` and in the templates.

Jinja2 is imported, and the templates are compiled, with the first page: servers that programs alone talk to never
load it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fabro_core.unseen import escaped_for_page
from fabro_core.web.assets import asset_path

if TYPE_CHECKING:
    from jinja2 import Environment

_DIRECTORY: Final = Path(__file__).parent / "templates"


def render(template: str, prefix: str, **values: object) -> bytes:
    """A page. `prefix` is the public prefix, which every link of a page begins with (server.md S1).

    Values are escaped, and what nobody sees in them is spelled out; a name that the template uses and nobody gives is
    an error.
    """
    return _environment().get_template(template).render(prefix=prefix, **values).encode("utf-8")


def _shown(value: object) -> object:
    """Text as it is put into a page; markup, which is made here, is as it has to be."""
    return escaped_for_page(value) if type(value) is str else value


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_DIRECTORY),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_shown,
    )
    environment.globals["asset"] = asset_path
    return environment
