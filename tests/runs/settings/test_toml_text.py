"""Reading TOML of clients: what is read, where it stands, and at what cost (run-settings.md T1.1)."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.settings.toml_places import Path
from fabro_core.runs.settings.toml_text import Document, UnreadableToml, read_toml, read_value
from tests.growth import MOST_GROWTH, growth

# -- where things stand ---------------------------------------------------------------------------------------------

PLACES = """\
top = 1
[run.model]  # a header
name = 'm'
"quoted \\u006Bey".'lit' = { a = 1, "b c" = [1,
  # a comment
  { d = 2 }] }
[[run.hooks]]
event = \"\"\"
[not.a.table]
\"\"\"
[[run.hooks]]
[run.hooks.deep]
x = 1
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("top",), (1, 1)),
        (("run",), (2, 2)),
        (("run", "model"), (2, 6)),
        (("run", "model", "name"), (3, 1)),
        (("run", "model", "quoted key"), (4, 1)),
        (("run", "model", "quoted key", "lit"), (4, 19)),
        (("run", "model", "quoted key", "lit", "a"), (4, 29)),
        (("run", "model", "quoted key", "lit", "b c", 0), (4, 45)),
        (("run", "model", "quoted key", "lit", "b c", 1), (6, 3)),
        (("run", "model", "quoted key", "lit", "b c", 1, "d"), (6, 5)),
        (("run", "hooks", 0), (7, 1)),
        (("run", "hooks", 0, "event"), (8, 1)),
        (("run", "hooks", 1), (11, 1)),
        (("run", "hooks", 1, "deep", "x"), (13, 1)),
        (("run", "hooks", 1, "missing", "x"), (11, 1)),
        (("missing",), (1, 1)),
    ],
)
def test_a_key_stands_where_it_is_written_down_first(path: Path, place: tuple[int, int]) -> None:
    assert read_toml(PLACES).place(path) == place


def test_a_byte_order_mark_and_crlf_change_no_line() -> None:
    document = read_toml("\ufeffa = 1\r\n[b]\r\nc = '''x\r\ny'''\r\nd = 2\r\n")
    assert document.values == {"a": 1, "b": {"c": "x\ny", "d": 2}}
    assert document.place(("b", "d")) == (5, 1)


# -- the same as the parser -----------------------------------------------------------------------------------------


def every_path(value: Any, path: Path = ()) -> list[Path]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, item in inner for found in every_path(item, (*path, step)))]


def read_or_reason(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError:
        return "not TOML"
    except UnreadableToml as error:
        return "not TOML" if error.reason.startswith("not valid TOML") else error.reason


def values_of(text: str) -> object:
    return read_toml(text).values


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "a=1#c",
        "a = [ # x\n 1, # y\n ]  # z",
        "a = [[1, 2], ['x'], [], {}, { b.c = 1 }]",
        'a = "\\"]#=\\\\" # "',
        "a = '\"'\nb = '''''x'''''\nc = \"\"\"\"x\"\"\"\"",
        'a = """\\\n   x\\""""',
        "a.b.c = 1\na.b.d = 2\n[a.x]\n'' = 1\n",
        "[ a . 'b' ]\nc = 0x1F\n[[ a.d ]]\n[a.d.e]\n[[a.d.e.f]]",
        "a = 1979-05-27 07:32:00Z\nb = 07:32:00.5\nc = 1979-05-27T07:32:00-07:00\nd = 1979-05-27",
        "a = +1_000\nb = -0.5e+10\nc = inf\nd = -nan\ne = 0b1\nf = true",
        'a = "\\U0001F600\\u00e9"',
        "a = 1\ta",
        "a = ",
        "a = 1 b = 2",
        "a = 1\na = 2",
        "[a]\n[a]",
        "a = [1 2]",
        "a = { b = 1,\n c = 2 }",
        "a = { b = 1, }",
        "[a",
        "[a]]",
        "= 1",
        'a = "x\ny"',
        "a = 'x",
        "a = '''x''",
        "a.  = 1",
        "a = 01",
        "a = tru",
        'a = "\\x"',
        "a\u00e9 = 1",
        "a = \x00",
    ],
)
def test_a_text_is_toml_when_the_parser_says_so(text: str) -> None:
    assert repr(read_or_reason(values_of, text)) == repr(read_or_reason(tomllib.loads, text))  # nan is not itself


PIECES = st.sampled_from(
    [*"[]{}.,=#\"'\n\\ \t\r", '"""', "'''", "[[", "]]", "a", "b-1", "0x1", "1.5", "true", "2024-01-01", "\\u0061", "é"]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_scanner_and_parser_never_disagree(text: str) -> None:
    expected = read_or_reason(tomllib.loads, text)
    assert repr(read_or_reason(values_of, text)) == repr(expected)
    if expected != "not TOML":
        document = read_toml(text)
        lines = [*text.replace("\r\n", "\n").split("\n")]
        for path in every_path(document.values)[1:]:
            line, column = document.place(path)
            assert 1 <= line <= len(lines)
            assert 1 <= column <= len(lines[line - 1]) + 1


KEYS = st.text(alphabet=string.ascii_letters + '-_ ."\\é', max_size=6)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08X}" if not letter.isalnum() else letter for letter in text) + '"'


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_every_value_is_found_at_a_place_of_its_own_key(values: dict[str, Any]) -> None:
    text = "\n".join(f"{quoted(key)} = {toml(value)}" for key, value in values.items())
    document = read_toml(text)
    assert document.values == values
    for line, key in enumerate(values, 1):
        assert {document.place(path)[0] for path in every_path(values[key], (key,))} == {line}


# -- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a = 1\n[b\nc = 1", 2, 3, 'not valid TOML: expected "]" after the name of the table'),
        ("a = 1\nb 2", 2, 3, 'not valid TOML: expected "=" after the key'),
        ("a = 1\n\na = 2", 3, 6, "not valid TOML: cannot overwrite a value"),
        ("[run]\n[run]", 2, 5, "not valid TOML: cannot declare run twice"),
        (
            '[a."b c"."d\\"e\\\\"]\n[a."b c"."d\\"e\\\\"]',
            2,
            18,
            'not valid TOML: cannot declare a."b c"."d\\"e\\\\" twice',
        ),
        ("[a]\nb.c = 1\n[a.b]", 3, 5, "not valid TOML: cannot declare a.b twice"),
        ("a = {b = 1}\na.c = 2", 2, 8, "not valid TOML: cannot mutate immutable table a"),
        ("a = 1\n\n\nb = 01", 4, 6, "not valid TOML: expected newline or end of document after a statement"),
        ("a = [1\nb = 2", 2, 1, 'not valid TOML: expected "]" or "," in the list'),
        ("a = {b = 1\n}", 1, 11, 'not valid TOML: expected "}" or "," in the table'),
        ("x = 1\na = 'y", 2, 5, "not valid TOML: expected a text with its closing quote"),
        ("x = 1\na = ", 2, 5, "not valid TOML: expected a value"),
        ("x = 1\na = 1 1", 2, 6, "not valid TOML: expected the end of the line"),
        ("x = 1\nn = 9" + "9" * 5000, 2, 5, "a number of more than 1024 characters"),
        ("x = 1\na = " + "[" * 5000, 2, 36, "nested more than 32 deep"),
        ("x = 1\na" + ".a" * 5000 + " = 1", 2, 66, "nested more than 32 deep"),
        ("x = 1\n[" + "'a' . " * 5000 + "b]", 2, 197, "nested more than 32 deep"),
        ("[" + ".a" * 5000, 1, 2, "not valid TOML: expected a key"),
        ("#" * 262_145, 1, 1, "more than 262144 bytes of TOML"),
        ("#" + "é" * 131_072, 1, 1, "more than 262144 bytes of TOML"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_its_place(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(UnreadableToml) as caught:
        read_toml(text)
    assert (caught.value.line, caught.value.column, caught.value.reason) == (line, column, reason)


def test_as_much_as_is_allowed_is_read() -> None:
    assert read_toml("#" * 262_144).values == {}
    assert read_toml("a" + ".a" * 31 + " = 1").values
    assert read_toml("a = " + "[" * 31 + "]" * 31).values


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-03-02", "must not be a date or a time; write it as a text in quotes"),
        ("10:15:00", "must not be a date or a time; write it as a text in quotes"),
        ("2026-03-02T10:15:00Z", "must not be a date or a time; write it as a text in quotes"),
        ("inf", "must be a finite number"),
        ("-nan", "must be a finite number"),
        ("1e999", "must be a finite number"),
        ("9223372036854775808", "must fit into 64 bits"),
        ("-9223372036854775809", "must fit into 64 bits"),
    ],
)
def test_values_that_only_toml_has_are_told_wherever_they_stand(value: str, reason: str) -> None:
    document = read_toml(f"a = {value}\n[b]\nc = [1, {{ d = {value} }}]")
    assert sorted(document.foreign_values()) == [(("a",), reason), (("b", "c", 1, "d"), reason)]


# -- single values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), (" 'a' ", "a"), ("[1, 2]", [1, 2]), ("{a = 1}", {"a": 1}), ('"""x\ny"""', "x\ny"), ("true", True)],
)
def test_a_value_by_itself_is_read(text: str, value: object) -> None:
    assert read_value(text) == value


@pytest.mark.parametrize("text", ["", "a", "1 # one", "1\nx = 2", "1, x = 2", "1 } #", "[draft] x", '"open', "1 2"])
def test_what_is_more_than_a_value_is_not(text: str) -> None:
    with pytest.raises(UnreadableToml):
        read_value(text)


# -- growth ---------------------------------------------------------------------------------------------------------


def numbered(unit: str) -> Callable[[int], str]:
    """A text of `size` characters of a unit in which `%d` counts up."""

    def text(size: int) -> str:
        count = size // len(unit % size)
        return "".join(unit % number for number in range(count))

    return text


def repeated(unit: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda size: before + unit * (size // len(unit)) + after


ADVERSARIAL: dict[str, Callable[[int], str]] = {
    "quoted dots": repeated('"\\"".'),
    "dotted key": repeated("a.", after="a = 1"),
    "dotted header": repeated("a.", before="[", after="a]"),
    "dotted keys": numbered("a." * 29 + "k%d = 1\n"),
    "dotted keys in tables": numbered("[a.b.c.d.t%d]\na.b.c = 1\n"),
    "deep tables": numbered("[" + "a." * 29 + "t%d]\n"),
    "many tables": numbered("[t%d]\n"),
    "nested tables": repeated("{a=", before="a="),
    "inline tables": repeated("{b=1},", before="a=[", after="]"),
    "long inline table": lambda size: "a={" + numbered("k%d=1,")(size) + "z=1}",
    "lists of tables": repeated("[[a]]\n"),
    "deep lists of tables": repeated("[[a.b.c.d.e]]\n"),
    "lists of tables with tables": repeated("[[a]]\n[a.b]\n[a.b.c]\n"),
    "brackets": repeated("[", before="a="),
    "headers of brackets": repeated("[["),
    "many items": repeated("1,", before="a=[", after="]"),
    "blank items": repeated("\n", before="a=[", after="]"),
    "commented items": repeated("#\n", before="a=[", after="]"),
    "long text": repeated("x", before='a="', after='"'),
    "escapes": repeated('\\"', before='a="', after='"'),
    "open text": repeated("x", before='a="'),
    "long lines": repeated("x\n", before='a="""', after='"""'),
    "quotes in lines": repeated('""x', before='a="""', after='"""'),
    "quotes in literal lines": repeated("''x", before="a='''"),
    "escaped key": repeated("\\u0061", before='"', after='"=1'),
    "digits": repeated("1", before="a="),
    "digits of a fraction": repeated("1", before="a=0."),
    "underscores": repeated("_1", before="a=1"),
    "keys": numbered("k%d=1\n"),
    "blanks": repeated(" ", after="a=1"),
    "comments": repeated("#x\n"),
    "CRLF": repeated("\r\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_reading_grows_with_the_length_of_the_text_alone(name: str) -> None:
    assert growth(partial(read_or_reason, values_of), ADVERSARIAL[name]) <= MOST_GROWTH


def test_a_document_is_whole() -> None:
    assert isinstance(read_toml(""), Document)
