"""Reads TOML that a client sends, within bounds.

The parser is written in Python and has inputs that keep it busy for minutes: a key of many parts costs the square of
their number. So such text is refused before it is parsed (measured: 100 kB of one dotted key take 44 s).
"""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any

from fabro_core.errors import InvalidRequest

MAX_CHARS = 256 * 1024
"""In one text; parsing as much takes about 0.2 s."""
_MAX_KEY_PARTS = 32
_MAX_DEPTH = 32
_INT64 = range(-(2**63), 2**63)

_KEY_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-]){_KEY_PART}(?:[ \t]*+\.[ \t]*+{_KEY_PART}){{{_MAX_KEY_PARTS}}}")


def parse_toml(source: str, where: str) -> dict[str, Any]:
    """The document in `source`; `where` names it in the message.

    Raises `InvalidRequest` when it is not TOML or holds what JSON cannot: numbers that are not finite or need more
    than 64 bits, tables nested too deeply.
    """
    if len(source) > MAX_CHARS:
        raise InvalidRequest(f"{where}: more than {MAX_CHARS} characters of TOML.")
    if _LONG_KEY.search(source):
        raise InvalidRequest(f"{where}: a key has more than {_MAX_KEY_PARTS} parts.")
    try:
        document = tomllib.loads(source)
    except RecursionError:
        raise InvalidRequest(f"{where}: nested too deeply.") from None
    except ValueError as error:  # TOMLDecodeError, and what int() and datetime() refuse
        raise InvalidRequest(f"{where}: not valid TOML: {error}.") from error
    _check(document, where, "", 0)
    return document


def _check(value: Any, where: str, path: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise InvalidRequest(f"{where}: {path} is nested too deeply.")
    match value:
        case dict():
            for key, item in value.items():
                _check(item, where, f"{path}.{key}" if path else key, depth + 1)
        case list():
            for index, item in enumerate(value):
                _check(item, where, f"{path}[{index}]", depth + 1)
        case float() if not math.isfinite(value):
            raise InvalidRequest(f"{where}: {path} is not a finite number.")
        case int() if value not in _INT64:
            raise InvalidRequest(f"{where}: {path} does not fit into 64 bits.")
