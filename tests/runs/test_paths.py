"""Paths that others send: one set of rules, and names for a ZIP file that can be unpacked anywhere."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.paths import MAX_NAME_BYTES, artifact_path_fault, folder_and_file, path_fault, unpackable

HOSTILE = st.text(st.sampled_from('aA.~/\\:\0\n\x1b\u202e \u00e9e\u0301?*<>|"conuxCOM1git'), max_size=12)
"""Letters of which devices, drives, dot segments and colliding names come about."""


@pytest.mark.parametrize("path", ["a\\b", "a\0b", "a\nb", "a\x1b[31m", "a\x7f", "a\x9b", "a\u2028b", "a\u202etxt.exe"])
def test_what_is_not_portable_is_refused_in_manifests_and_of_artifacts(path: str) -> None:
    assert path_fault(path) == artifact_path_fault(path) is not None


@pytest.mark.parametrize("path", ["/a", "C:/a", "c:a"])
def test_what_is_absolute_somewhere_is_refused_in_manifests_and_of_artifacts(path: str) -> None:
    assert path_fault(path)
    assert artifact_path_fault(path)


@pytest.mark.parametrize("path", ["", ".", "..", "a//b", "a/", "../a", "a/./b", "a:b", ".git", ".git/config", ".GIT/x"])
def test_what_is_no_file_below_a_directory_is_no_artifact(path: str) -> None:
    assert artifact_path_fault(path)


@pytest.mark.parametrize("path", ["a b", ".gitignore", "a/.git", "~a", "aux", "nul.txt", "a.", "\u00e9", "a" * 1024])
def test_what_one_system_alone_cannot_name_is_an_artifact(path: str) -> None:
    assert artifact_path_fault(path) is None


@pytest.mark.parametrize(
    ("new", "known", "both"),
    [
        (["a", "a/b"], [], "a"),
        (["a"], ["a/b/c"], "a"),
        (["a/b"], ["a"], "a"),
        (["a/b", "a/c"], ["b/a", "ab"], None),
        (["c"], ["a", "a/b"], None),
    ],
)
def test_a_file_is_no_folder(new: list[str], known: list[str], both: str | None) -> None:
    assert folder_and_file(new, known) == both


# -- names for a ZIP file -------------------------------------------------------------------------------------------

WINDOWS_REFUSES = set('<>:"|?*\\') | {chr(number) for number in range(32)}
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


@given(st.lists(HOSTILE, max_size=12))
def test_every_file_system_can_hold_the_names_side_by_side(paths: list[str]) -> None:
    names = unpackable(paths)

    assert names.keys() == set(paths)
    compared = [unicodedata.normalize("NFC", name).casefold() for name in names.values()]
    assert len(set(compared)) == len(compared)
    folders = {"/".join(name.split("/")[:depth]) for name in compared for depth in range(1, name.count("/") + 1)}
    assert folders.isdisjoint(compared)
    for each in (part for name in names.values() for part in name.split("/")):
        assert each not in ("", ".", "..", ".git")
        assert not each.endswith((".", " "))
        assert WINDOWS_REFUSES.isdisjoint(each)
        assert each.partition(".")[0].lower() not in DEVICES
        assert len(each.encode()) <= 255


@given(st.lists(HOSTILE, max_size=12))
def test_names_do_not_depend_on_anything_but_the_paths(paths: list[str]) -> None:
    names = unpackable(paths)
    assert unpackable(names.values()) == {name: name for name in names.values()}, "good names stay"


def test_a_path_that_can_be_a_name_is_one() -> None:
    names = unpackable(["README", "readme", "a?", "a_", "aux.c", "f", "f/g", "x. ", "n" * 300 + ".txt", "cafe\u0301"])

    assert names == {
        "README": "README",
        "readme": "readme (2)",
        "a?": "a_ (2)",
        "a_": "a_",
        "aux.c": "_aux.c",
        "f": "f (2)",
        "f/g": "f/g",
        "x. ": "x_",
        "n" * 300 + ".txt": "n" * (MAX_NAME_BYTES - 4) + ".txt",
        "cafe\u0301": "cafe\u0301",
    }
