"""The name that somebody probably meant, by one rule for settings, workflows and plugins.

Names are compared by their normalised edit similarity: one less the edits that lead from one to the other, divided by
the length of the longer. Two neighbours that changed places are one edit, as nothing is mistyped more often. What is
similar by 0.6 or more is near (language.md L13, run-settings.md T1.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MIN_SIMILARITY: Final = 0.6

_LONGEST: Final = 256
"""Characters of a word that is looked up; longer ones are no misspelt names."""


class NearMatches:
    """Finds near matches, up to an amount of work: a text may be all typing errors, and have thousands of names."""

    def __init__(self, max_steps: int = 500_000) -> None:
        self._steps = max_steps

    def of(self, word: str, names: Iterable[str]) -> str | None:
        """The name that is most like a word and not the word itself, the first of several; None when none is near."""
        best, best_similarity = None, 0.0
        for name in names:
            longest = max(len(word), len(name))
            if longest > _LONGEST or abs(len(word) - len(name)) > longest * (1 - MIN_SIMILARITY) or name == word:
                continue
            self._steps -= len(word) * len(name)
            if self._steps < 0:
                return best
            similarity = 1 - _edits(word, name) / longest
            if similarity >= MIN_SIMILARITY and similarity > best_similarity:
                best, best_similarity = name, similarity
        return best


def near_match(word: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant by a word that is none of them; None when none is near."""
    return NearMatches().of(word, names)


def _edits(one: str, other: str) -> int:
    """How many characters have to be put in, left out, replaced or swapped with their neighbour."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, mine in enumerate(one, 1):
        current = [row]
        for column, its in enumerate(other, 1):
            best = min(above[column] + 1, current[-1] + 1, above[column - 1] + (mine != its))
            if row > 1 and column > 1 and (mine, its) == (other[column - 2], one[row - 2]):
                best = min(best, before[column - 2] + 1)
            current.append(best)
        before, above = above, current
    return above[-1]
