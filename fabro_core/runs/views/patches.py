"""Patches as git writes them (git-diff(1), "Generating patch text"): which files, what happened to each, and its part
of the text, byte for byte. Plain unified diffs are understood as well. Nothing is applied or rewritten here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from fabro_core.models.counts import read_count

ChangeKind = Literal["added", "modified", "deleted", "renamed", "symlink", "submodule"]

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_HUNK: Final = re.compile(r"@@ -[0-9]+(?:,([0-9]+))? \+[0-9]+(?:,([0-9]+))? @@")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED: Final = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_ONE_QUOTED: Final = re.compile(rf"(?P<old>{_QUOTED}) (?P<new>.+)|(?P<plain>.+?) (?P<last>{_QUOTED})")
_NO_FILE: Final = "/dev/null"

_GIT: Final = "diff --git "
_OLD: Final = "--- "
_NEW: Final = "+++ "
_MODE: Final = re.compile(r"(?:new file mode|deleted file mode|new mode|index [0-9a-f]+\.\.[0-9a-f]+) (\d{6})$")
_KINDS_OF_MODES: Final[dict[str, ChangeKind]] = {"120000": "symlink", "160000": "submodule"}
_BINARY: Final = ("Binary files ", "GIT binary patch")


class FilePatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a patch does to one file."""

    old_name: str
    new_name: str
    """The same as `old_name`, but of a file that is renamed or copied."""
    kind: ChangeKind
    binary: bool
    additions: int
    deletions: int
    text: str
    """Its part of the patch."""


def file_patches(patch: str) -> list[FilePatch]:
    """The files of a patch, in its order. Text before the first file is passed over."""
    return [_file_patch(section) for section in _sections(patch)]


# -- from lines to sections -------------------------------------------------------------------------------------------


class _Section:
    """The lines about one file, and what its hunks still have to hold."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.header: list[str] = []
        """Lines before the first hunk, without their ends."""
        self.additions = self.deletions = 0
        self._old_left = self._new_left = 0
        self._in_hunks = False

    def take(self, line: str) -> None:
        self.lines.append(line)
        if not self.takes_content(line):
            self._begin_hunk(line)
        elif line.startswith("+"):
            self.additions += 1
            self._new_left -= 1
        elif line.startswith("-"):
            self.deletions += 1
            self._old_left -= 1
        elif not line.startswith("\\"):  # that one is about the line before
            self._old_left -= 1
            self._new_left -= 1

    def takes_content(self, line: str) -> bool:
        """Whether the hunk has room for `line`, which then is content whatever it looks like."""
        if line.startswith("+"):
            return self._new_left > 0
        if line.startswith("-"):
            return self._old_left > 0
        return line[:1] in " \\\r\n" and (self._old_left > 0 or self._new_left > 0)

    def names(self, prefix: str) -> bool:
        """Whether its header has a line that begins so."""
        return any(line.startswith(prefix) for line in self.header)

    def _begin_hunk(self, line: str) -> None:
        sizes = _hunk_sizes(line)
        if sizes is not None:
            self._old_left, self._new_left = sizes
            self._in_hunks = True
        elif not self._in_hunks:
            self.header.append(line.rstrip("\r\n"))


def _hunk_sizes(line: str) -> tuple[int, int] | None:
    """How many lines a hunk has before and after; None when `line` does not begin one."""
    found = _HUNK.match(line)
    if found is None:
        return None
    old, new = (read_count(count) for count in found.groups("1"))
    return None if old is None or new is None else (old, new)


def _sections(patch: str) -> Iterator[_Section]:
    section: _Section | None = None
    for line in _LINE.findall(patch):
        if _begins_file(line, section):
            if section is not None:
                yield section
            section = _Section()
        if section is not None:
            section.take(line)
    if section is not None:
        yield section


def _begins_file(line: str, section: _Section | None) -> bool:
    if section is not None and section.takes_content(line):
        return False
    return line.startswith(_GIT) or (line.startswith(_OLD) and (section is None or section.names(_OLD)))


# -- from a section to a file -----------------------------------------------------------------------------------------


def _file_patch(section: _Section) -> FilePatch:
    old, new = _names(section.header)
    return FilePatch(
        old_name=old or new or "",
        new_name=new or old or "",
        kind=_kind(section, old, new),
        binary=any(section.names(prefix) for prefix in _BINARY),
        additions=section.additions,
        deletions=section.deletions,
        text="".join(section.lines),
    )


def _kind(section: _Section, old: str | None, new: str | None) -> ChangeKind:
    for mode in _modes(section.header):
        if mode in _KINDS_OF_MODES:
            return _KINDS_OF_MODES[mode]
    if section.names("new file mode ") or section.names("copy from ") or old is None:
        return "added"
    if section.names("deleted file mode ") or new is None:
        return "deleted"
    return "renamed" if section.names("rename from ") else "modified"


def _modes(header: Iterable[str]) -> Iterator[str]:
    for line in header:
        if (found := _MODE.match(line)) is not None:
            yield found[1]


def _names(header: Iterable[str]) -> tuple[str | None, str | None]:
    """The names before and after; None where the file does not exist. More exact lines win over earlier ones."""
    old: str | None = None
    new: str | None = None
    for line in header:
        if line.startswith(_GIT):
            old, new = _header_names(line.removeprefix(_GIT))
        elif line.startswith(("rename from ", "copy from ")):
            old = _unquoted(line.split(" ", 2)[2])
        elif line.startswith(("rename to ", "copy to ")):
            new = _unquoted(line.split(" ", 2)[2])
        elif line.startswith(_OLD):
            old = _side(line.removeprefix(_OLD), "a/")
        elif line.startswith(_NEW):
            new = _side(line.removeprefix(_NEW), "b/")
    return old, new


def _side(text: str, prefix: str) -> str | None:
    """The name in a `---` or `+++` line, where a tab ends one that is not quoted."""
    name = _unquoted(text) if text.startswith('"') else text.partition("\t")[0]
    return None if name == _NO_FILE else name.removeprefix(prefix)


def _header_names(names: str) -> tuple[str, str]:
    """Both names of a `diff --git` line. Names with spaces stand there unquoted; they can be told apart because only
    a rename or a copy, which says its names in lines of their own, has two different ones."""
    found = _ONE_QUOTED.fullmatch(names)
    if found is not None:
        old, new = found["old"] or found["plain"], found["new"] or found["last"]
    else:
        middle = len(names) // 2
        old, new = names[:middle], names[middle + 1 :]
    return _unquoted(old).removeprefix("a/"), _unquoted(new).removeprefix("b/")


def _unquoted(name: str) -> str:
    """A name as git writes it, in quotes with the escapes of C when it has unusual bytes."""
    if not (len(name) >= 2 and name.startswith('"') and name.endswith('"')):
        return name
    return _ESCAPE.sub(_unescaped, name[1:-1].encode()).decode(errors="replace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    return bytes([int(escape, 8) & 0xFF]) if len(escape) == 3 else _ESCAPED.get(escape, escape)
