"""Templates to bytes. What a page says is in `fabro_core.web.pages` and in the templates.

Jinja2 is imported, and the templates are compiled, with the first page: servers that programs alone talk to never
load it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fabro_core.web.assets import asset_path

if TYPE_CHECKING:
    from jinja2 import Environment

_DIRECTORY: Final = Path(__file__).parent / "templates"


def render(template: str, prefix: str, **values: object) -> bytes:
    """A page. `prefix` is the public prefix, which every link of a page begins with (server.md S1).

    Values are escaped; a name that the template uses and nobody gives is an error.
    """
    return _environment().get_template(template).render(prefix=prefix, **values).encode("utf-8")


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
    )
    environment.globals["asset"] = asset_path
    return environment
