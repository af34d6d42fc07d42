"""`fabro plugin new` as a user runs it; what it writes is tested in `tests/platform`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Home


def test_it_says_what_it_made_and_what_to_type_next(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "my package"

    done = home.run("plugin", "new", "store", "acme-rows", "--directory", str(target))

    assert (done.returncode, done.stderr) == (0, "")
    names = [
        "README.md",
        "fabro_store_acme_rows.py",
        "pyproject.toml",
        "test_fabro_store_acme_rows.py",
    ]
    lines = done.stdout.splitlines()
    assert sorted(lines[:4]) == [f"created {target / name}" for name in names]
    assert lines[4:] == [
        "Next:",
        f"  cd '{target}'",
        "  python -m pip install -e '.[test]'",
        "  python -m pytest",
    ]
    assert sorted(path.name for path in target.iterdir()) == names


def test_it_overwrites_nothing(home: Home, tmp_path: Path) -> None:
    mine = tmp_path / "pyproject.toml"
    mine.write_text("mine")

    done = home.run("plugin", "new", "auth", "acme", "--directory", str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{mine} exists; choose another directory\n"
    assert [(path, path.read_text()) for path in tmp_path.iterdir()] == [(mine, "mine")]


def test_a_directory_that_cannot_be_made_is_named(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = home.run("plugin", "new", "auth", "acme", "--directory", str(tmp_path / "file"))

    assert (done.returncode, done.stdout) == (1, "")
    assert str(tmp_path / "file") in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("store", "Acme"), "expected lower-case letters, digits and single dashes"),
        (("store", "sqlite"), '"sqlite" is taken'),
        (("frontend", "acme"), "'frontend' is not one of 'auth', 'extension', 'store'"),
    ],
)
def test_wrong_usage_writes_nothing(home: Home, tmp_path: Path, arguments: tuple[str, str], words: str) -> None:
    done = home.run("plugin", "new", *arguments, "--directory", str(tmp_path / "package"))

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not (tmp_path / "package").exists()
