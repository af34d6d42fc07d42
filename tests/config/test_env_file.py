"""`server.env` (server.md S16)."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_core.config.env_file import read_env_file, write_env_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.env"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("KEY=value", "value"),
        ("  export KEY=value", "value"),
        ("KEY=", ""),
        ("KEY=a=b # c", "a=b # c"),
        ("KEY= spaced ", " spaced "),
        ('KEY="a\\n\\u0041"', "a\nA"),
        ("KEY='a\\n\"b'", 'a\\n"b'),
        ("KEY=crlf\r", "crlf"),
    ],
)
def test_a_line_gives_its_value_exactly(path: Path, line: str, value: str) -> None:
    assert read_env_file(write(path, f"# comment\n\n{line}\n")) == ({"KEY": value}, (), ())


@pytest.mark.parametrize("line", ["NONSENSE", "KEY = value", "1KEY=x", 'KEY="open', "KEY='open", "KEY='a'b", "=x"])
def test_a_malformed_line_is_reported_by_number_and_not_repeated(path: Path, line: str) -> None:
    (problem,) = read_env_file(write(path, f"A=1\n{line}\nB=2\n")).problems

    assert problem.path == "server.env line 2"
    assert line not in problem.message


def test_lines_around_a_malformed_one_are_read(path: Path) -> None:
    assert read_env_file(write(path, "A=1\nnonsense\nB=2\n")).values == {"A": "1", "B": "2"}


def test_a_mark_of_the_byte_order_is_passed_over(path: Path) -> None:
    write(path, "\ufeffA=1\nB=2\n")
    assert read_env_file(path).values == {"A": "1", "B": "2"}
    write_env_file(path, {"A": "3"})
    assert path.read_bytes() == b"B=2\nA=3\n"


def test_a_missing_file_is_empty(path: Path) -> None:
    assert read_env_file(path) == ({}, (), ())


def test_a_file_that_others_can_read_draws_a_warning(path: Path) -> None:
    write(path, "A=1\n").chmod(0o644)

    (warning,) = read_env_file(path).warnings

    assert f"chmod 600 {path}" in warning


def test_writing_keeps_foreign_lines_and_replaces_own_ones(path: Path) -> None:
    write(path, "# mine\nOTHER='x y'\nexport KEY=old\nnonsense")

    write_env_file(path, {"KEY": "new", "MORE": "1"})

    assert path.read_text() == "# mine\nOTHER='x y'\nnonsense\nKEY=new\nMORE=1\n"


def test_a_written_file_is_private_and_leaves_nothing_else(path: Path) -> None:
    write_env_file(path, {"KEY": "new"})

    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
