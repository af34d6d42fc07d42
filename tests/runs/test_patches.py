"""Patches taken apart by file (events.md E15)."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.runs.views.patches import FilePatch, file_patches

MODIFIED = """\
diff --git a/src/app.py b/src/app.py
index 3367afd..3e75765 100644
--- a/src/app.py
+++ b/src/app.py
@@ -1,2 +1,3 @@ def main():
 old
+new
+newer
-gone
"""
ADDED = """\
diff --git a/new file.md b/new file.md
new file mode 100644
index 0000000..ce01362
--- /dev/null
+++ b/new file.md\t
@@ -0,0 +1 @@
+hello
\\ No newline at end of file
"""
EMPTY = """\
diff --git a/empty one b/empty one
new file mode 100644
index 0000000..e69de29
"""
DELETED = """\
diff --git a/gone.md b/gone.md
deleted file mode 100644
index ce01362..0000000
--- a/gone.md
+++ /dev/null
@@ -1 +0,0 @@
-hello
"""
RENAMED = """\
diff --git a/old name.md b/new name.md
similarity index 100%
rename from old name.md
rename to new name.md
"""
RENAMED_AND_CHANGED = """\
diff --git a/a.md b/docs/a.md
similarity index 80%
rename from a.md
rename to docs/a.md
index 3367afd..3e75765 100644
--- a/a.md
+++ b/docs/a.md
@@ -1 +1 @@
-a
+b
"""
COPIED = """\
diff --git a/a.md b/b.md
similarity index 100%
copy from a.md
copy to b.md
"""
MODE = """\
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
"""
BINARY = """\
diff --git a/logo.png b/logo.png
index 3367afd..3e75765 100644
Binary files a/logo.png and b/logo.png differ
"""
BINARY_CONTENT = """\
diff --git a/logo.png b/logo.png
new file mode 100644
index 0000000000000000000000000000000000000000..8352675bb5b8f6ff4d5c1f1bbb6cf8b1d8c4e8a1
GIT binary patch
literal 3
Kcmb<)00IC3

literal 0
HcmV?d00001

"""
QUOTED = r"""diff --git "a/gr\303\274n\t\"1\".md" "b/gr\303\274n\t\"1\".md"
index 3367afd..3e75765 100644
--- "a/gr\303\274n\t\"1\".md"
+++ "b/gr\303\274n\t\"1\".md"
@@ -1 +1 @@
-a
+b
"""
QUOTED_MODE = r"""diff --git "a/gr\303\274n.sh" "b/gr\303\274n.sh"
old mode 100644
new mode 100755
"""
QUOTED_RENAME = r"""diff --git a/plain name.md "b/gr\303\274n.md"
similarity index 100%
rename from plain name.md
rename to "gr\303\274n.md"
"""
SYMLINK = """\
diff --git a/link b/link
new file mode 120000
index 0000000..ce01362
--- /dev/null
+++ b/link
@@ -0,0 +1 @@
+target
\\ No newline at end of file
"""
SUBMODULE = """\
diff --git a/vendor b/vendor
index 3367afd..3e75765 160000
--- a/vendor
+++ b/vendor
@@ -1 +1 @@
-Subproject commit 3367afdbbf91e638efe983616377c60477cc6612
+Subproject commit 3e757656cf36eca53338e520d134963a44f793f8
"""
PLAIN = """\
--- a/notes.md\t2026-03-02 10:20:00
+++ b/notes.md\t2026-03-02 10:21:00
@@ -1 +1 @@
--- a dashed line
+++ a crossed line
"""


def told(file: FilePatch) -> tuple[str, str, str, int, int]:
    return (file.old_name, file.new_name, file.kind, file.additions, file.deletions)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (MODIFIED, ("src/app.py", "src/app.py", "modified", 2, 1)),
        (ADDED, ("new file.md", "new file.md", "added", 1, 0)),
        (EMPTY, ("empty one", "empty one", "added", 0, 0)),
        (DELETED, ("gone.md", "gone.md", "deleted", 0, 1)),
        (RENAMED, ("old name.md", "new name.md", "renamed", 0, 0)),
        (RENAMED_AND_CHANGED, ("a.md", "docs/a.md", "renamed", 1, 1)),
        (COPIED, ("a.md", "b.md", "added", 0, 0)),
        (MODE, ("run.sh", "run.sh", "modified", 0, 0)),
        (BINARY, ("logo.png", "logo.png", "modified", 0, 0)),
        (BINARY_CONTENT, ("logo.png", "logo.png", "added", 0, 0)),
        (QUOTED, ('grün\t"1".md', 'grün\t"1".md', "modified", 1, 1)),
        (QUOTED_MODE, ("grün.sh", "grün.sh", "modified", 0, 0)),
        (QUOTED_RENAME, ("plain name.md", "grün.md", "renamed", 0, 0)),
        (SYMLINK, ("link", "link", "symlink", 1, 0)),
        (SUBMODULE, ("vendor", "vendor", "submodule", 1, 1)),
        (PLAIN, ("notes.md", "notes.md", "modified", 1, 1)),
    ],
)
def test_a_file_has_its_names_and_what_happened_to_it(patch: str, expected: tuple[str, str, str, int, int]) -> None:
    (file,) = file_patches(patch)
    assert told(file) == expected
    assert file.text == patch


def test_files_whose_content_git_does_not_show_are_binary() -> None:
    files = file_patches(BINARY + MODIFIED + BINARY_CONTENT)
    assert [file.binary for file in files] == [True, False, True]


WHOLE = [MODIFIED, ADDED, EMPTY, DELETED, RENAMED, RENAMED_AND_CHANGED, COPIED, MODE, BINARY, BINARY_CONTENT, QUOTED]


@given(st.permutations([*WHOLE, SYMLINK, SUBMODULE]))
def test_every_file_has_its_part_of_the_text(parts: list[str]) -> None:
    assert [file.text for file in file_patches("".join(parts))] == parts


def test_text_before_the_first_file_is_passed_over() -> None:
    assert [file.text for file in file_patches("From 3367afd\nSubject: x\n\n" + MODE)] == [MODE]


@pytest.mark.parametrize("patch", ["", "\n", "not a patch", "@@ -1 +1 @@\n-a\n+b\n"])
def test_what_names_no_file_has_none(patch: str) -> None:
    assert file_patches(patch) == []


@pytest.mark.parametrize("size", ["9" * 5_000, str(2**53), "\u0663", "-1"])
def test_a_hunk_of_no_possible_size_is_no_hunk(size: str) -> None:
    patch = f"--- a/x\n+++ b/x\n@@ -1,{size} +1,{size} @@\n+x\n"
    (file,) = file_patches(patch)
    assert (file.new_name, file.additions, file.text) == ("x", 0, patch)


def test_a_hunk_begins_at_any_line() -> None:
    (file,) = file_patches(f"--- a/x\n+++ b/x\n@@ -{'9' * 5_000} +{'9' * 5_000},{2**53 - 1} @@\n-y\n+x\n")
    assert (file.additions, file.deletions) == (1, 1)


LINES = st.lists(
    st.sampled_from(
        [
            "\n",
            "a\n",
            "-- a\n",
            "++ b\n",
            "-- a/x\n",
            "diff --git a/x b/x\n",
            "@@ -1 +1 @@\n",
            "rename from y\n",
            "form\x0cfeed\n",
            "line\u2028separator\n",
        ]
    ),
    max_size=30,
)


@given(LINES, LINES, st.integers(0, 3))
def test_the_content_of_a_file_is_never_taken_for_another_file(
    before: list[str], after: list[str], context: int
) -> None:
    parts = list(difflib.unified_diff(before, after, "a/x", "b/x", n=context))
    patch = "".join(parts)
    files = file_patches(patch + MODE)
    if not parts:
        assert [file.text for file in files] == [MODE]
        return
    content = [line for line in parts[2:] if not line.startswith("@@ ") or not line.endswith("@@\n")]
    assert [file.text for file in files] == [patch, MODE]
    assert told(files[0])[:3] == ("x", "x", "modified")
    assert files[0].additions == sum(line.startswith("+") for line in content)
    assert files[0].deletions == sum(line.startswith("-") for line in content)
