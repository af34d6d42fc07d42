"""Paths of files that others send: in manifests (runs.md R8.1), in workflows (language.md L8, L9), of artifacts
(events.md E14). Each rule is in here once.

What is sent is `portable` or refused. What was kept before a rule was made, or collides with something else that was
kept, still has a name in a ZIP file that can be unpacked anywhere: `unpackable` gives it one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

MAX_PATH_LENGTH: Final = 1024
"""Of artifacts in bytes, of manifests in characters; messages and records repeat a path."""

MAX_NAME_BYTES: Final = 200
"""Of a name in a ZIP file: file systems take 255, and some encrypt names, which makes them longer."""

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Controls, line ends, and what turns a text around, so that `txt.exe` reads as `exe.txt`."""

_NOT_EVERYWHERE: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\xb9\xb2\xb3]|lpt[0-9\xb9\xb2\xb3])", re.I)
"""Names that Windows takes for devices, whatever follows behind a dot."""
_OF_GIT: Final = re.compile(r"\.git|git~[0-9]+", re.I)
"""Where git looks for what it executes; the second is another name of the first one on Windows."""
_LONGEST_SUFFIX_BYTES: Final = 16


def path_fault(path: str) -> str | None:
    """Why a path is none that a manifest may have, as the rest of a sentence; None: it can be seen from a directory."""
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "must be a relative path"
    return _unportable(path)


def artifact_path_fault(path: str) -> str | None:
    """Why a file may not be kept under a path; None: it leads nowhere but down, and names a file everywhere."""
    if len(path.encode(errors="replace")) > MAX_PATH_LENGTH:
        return f"must have at most {MAX_PATH_LENGTH} bytes"
    names = path.split("/")
    if not {"", ".", ".."}.isdisjoint(names):
        return "must be a relative path, with / between names that are not empty, . or .."
    if ":" in path:
        return "must not contain a colon"
    if names[0].lower() == ".git":
        return "must not be below .git"
    return _unportable(path)


def _unportable(path: str) -> str | None:
    if "\\" in path:
        return "must use forward slashes"
    return "must not contain control characters" if _CONTROL.search(path) else None


def folded(directory: str, path: str) -> str | None:
    """The normal path of one without fault, as seen from a directory; None for one that names no file.

    `directory` is a normal path, or empty. `.` and `..` are folded; a leading `..` may remain.
    """
    segments = directory.split("/") if directory else []
    for segment in path.split("/"):
        if segment == ".." and segments and segments[-1] != "..":
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return "/".join(segments) if segments and segments[-1] != ".." else None


def resolved(directory: str, reference: str) -> str | None:
    """The normal path of a reference as seen from a directory; None for one that names no file of a manifest."""
    return None if path_fault(reference) else folded(directory, reference)


def directory_of(path: str) -> str:
    """The directory that a file stands in; empty for the root."""
    return path.rpartition("/")[0]


def is_within(directory: str, path: str) -> bool:
    """Whether a file stands in a directory or below it."""
    return not path.startswith("../") if not directory else path.startswith(f"{directory}/")


def folder_and_file(new: Iterable[str], known: Iterable[str]) -> str | None:
    """Something that would be a folder and a file once the `new` paths stand beside the `known` ones; None: nothing."""
    added = set(new)
    above: list[str] = []
    """The files that the next one is below, the lowest last."""
    for path in sorted(added.union(known), key=lambda each: f"{each}/"):
        while above and not path.startswith(f"{above[-1]}/"):
            above.pop()
        if above and (path in added or not added.isdisjoint(above)):
            return above[-1]
        above.append(path)
    return None


def unpackable(paths: Iterable[str]) -> dict[str, str]:
    """Names for the files of a ZIP file, by their paths: such that every file system can hold them side by side.

    A path that can be the name is; of those that collide, by letter case or normal form too, the first. The same paths
    get the same names.
    """
    wanted = {path: "/".join(map(_portable, path.split("/"))) for path in paths}
    folders = _Folders(map(_as_compared, wanted.values()))
    files: set[str] = set()
    tries: dict[str, int] = {}
    names: dict[str, str] = {}
    for path, name in sorted(wanted.items(), key=lambda each: each[0] != each[1]):
        compared = _as_compared(name)
        number, given = tries.get(compared, 1), name
        while _as_compared(given) in files or _as_compared(given) in folders:
            number += 1
            given = _numbered(name, number)
        tries[compared] = number
        files.add(_as_compared(given))
        names[path] = given
    return names


class _Folders:
    """The folders of paths, by their names: a path costs as much as it is long."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._within: dict[str, Any] = {}
        for path in paths:
            folder = self._within
            for name in path.split("/")[:-1]:
                folder = folder.setdefault(name, {})

    def __contains__(self, path: str) -> bool:
        folder: dict[str, Any] | None = self._within
        for name in path.split("/"):
            folder = None if folder is None else folder.get(name)
        return folder is not None


def _as_compared(name: str) -> str:
    """The same for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _portable(name: str) -> str:
    """A name without a slash, as every file system takes it."""
    name = _NOT_EVERYWHERE.sub("_", name)
    ending = name.rstrip(". ")
    name = name if name == ending and name else f"{ending}_"
    if _DEVICE.fullmatch(name.partition(".")[0].rstrip()) or _OF_GIT.fullmatch(name):
        name = f"_{name}"
    return name if len(name.encode()) <= MAX_NAME_BYTES else _shortened(name)


def _shortened(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode()) > _LONGEST_SUFFIX_BYTES:
        stem, dot, suffix = name, "", ""
    room = MAX_NAME_BYTES - len(f"{dot}{suffix}".encode())
    return f"{stem.encode()[:room].decode(errors='ignore').rstrip('. ')}{dot}{suffix}"


def _numbered(path: str, number: int) -> str:
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    return f"{folder}{slash}{stem} ({number}){dot}{suffix}"
