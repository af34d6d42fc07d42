"""The word that somebody probably meant (language.md L13)."""

from __future__ import annotations

from collections.abc import Iterable

MIN_SIMILARITY = 0.6
_LONGEST = 64
"""Characters of a word that is looked up; longer ones are no misspelt names."""


class NearMatches:
    """Finds near matches, up to an amount of work: a text may be all typing errors, and have thousands of names."""

    def __init__(self, max_steps: int = 500_000) -> None:
        self._steps = max_steps

    def of(self, word: str, names: Iterable[str]) -> str | None:
        """The name that is most like a word, the first of several; None when none is like it."""
        best, best_similarity = None, 0.0
        for name in names:
            longest = max(len(word), len(name))
            if longest > _LONGEST or abs(len(word) - len(name)) > longest * (1 - MIN_SIMILARITY) or name == word:
                continue
            self._steps -= len(word) * len(name)
            if self._steps < 0:
                return best
            similarity = 1 - _distance(word, name) / longest
            if similarity >= MIN_SIMILARITY and similarity > best_similarity:
                best, best_similarity = name, similarity
        return best


def near_match(word: str, names: Iterable[str]) -> str | None:
    """The name that is most like a word (normalised edit similarity ≥ 0.6); None when none is."""
    return NearMatches().of(word, names)


def _distance(left: str, right: str) -> int:
    """How many characters must be put in, left out or replaced to make one text of the other."""
    row = list(range(len(right) + 1))
    for index, ours in enumerate(left, start=1):
        diagonal, row[0] = row[0], index
        for column, theirs in enumerate(right, start=1):
            cost = diagonal if ours == theirs else 1 + min(diagonal, row[column], row[column - 1])
            diagonal, row[column] = row[column], cost
    return row[-1]
