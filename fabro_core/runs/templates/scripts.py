"""Puts values into the scripts of commands (language.md L10.6).

No template language here: scripts of awk, jq or Go templates are full of braces of their own. Only a few tokens are
replaced, and each becomes one word of the script's language, whatever it contains.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from fabro_core.runs.templates.faults import TemplatePlace
from fabro_core.runs.templates.values import Value, text_of
from fabro_core.runs.templates.work import Work

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKEN: Final = re.compile(
    r"\{\{\s*(?:(?P<goal>goal)|inputs\.(?P<inputs>[A-Za-z0-9_][A-Za-z0-9_-]*)"
    rf"|vars\.(?P<vars>{_NAME})|(?P<never>env|secrets)\.(?P<name>{_NAME}))\s*\}}\}}"
)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9+./:@_-]+")

Language = Literal["shell", "python"]


class UnknownToken(NamedTuple):
    """A token that could not be replaced."""

    name: str
    """Such as `inputs.repo` or `env.HOME`."""
    at: TemplatePlace


class Script(NamedTuple):
    """A script with its values."""

    text: str
    unbound: UnknownToken | None
    """The first name that has no value; its token stays."""
    refused: UnknownToken | None
    """The first token of what is never put into scripts: `env` and `secrets`."""


def fill(script: str, language: Language, names: Mapping[str, Value], work: Work) -> Script:
    """Replace the tokens of a script. `names` has `goal`, `inputs` and `vars`. Raises `Misuse` for a large result."""
    unbound: UnknownToken | None = None
    refused: UnknownToken | None = None
    chars = len(script)

    def replacement(token: re.Match[str]) -> str:
        nonlocal unbound, refused, chars
        work.step()
        if token["never"]:
            refused = refused or UnknownToken(f"{token['never']}.{token['name']}", _place(script, token.start()))
            return token[0]
        space = "inputs" if token["inputs"] else "vars"
        values, name = (names, "goal") if token["goal"] else (names[space], token[space])
        if name not in values:
            unbound = unbound or UnknownToken(f"{space}.{name}", _place(script, token.start()))
            return token[0]
        word = _word(text_of(values[name], work), language)
        chars += len(word)
        work.text(chars)
        return word

    return Script(_TOKEN.sub(replacement, script), unbound, refused)


def how_to_read(token: str, language: Language) -> str:
    """What to write in a script in place of `env.NAME` or `secrets.NAME`."""
    name = token.partition(".")[2]
    return f"${name}" if language == "shell" else f'os.environ["{name}"]'


def _word(text: str, language: Language) -> str:
    if language == "python":
        return json.dumps(text, ensure_ascii=False)  # escapes of JSON beyond U+FFFF mean something else in Python
    if _PLAIN_WORD.fullmatch(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _place(script: str, offset: int) -> TemplatePlace:
    before = script[:offset]
    return TemplatePlace(None, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
