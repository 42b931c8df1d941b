"""Ranking: the operations that a question means, the likeliest first.

An operation is a bag of words from its name, path, tag, summary and parameters, each with the weight of where it
stands; a question's word counts by how rare it is among operations, and a synonym counts for less than the word itself.
The index is made when somebody first searches.

Law: the same question has the same answer, whatever was asked before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, final

from aegis_trio.toolsets.operations.table import Operation, operations_table
from aegis_trio.toolsets.operations.words import meant_by, stem_of, words_in

_IN_NAME: Final = 3.0
_IN_PATH: Final = 3.0
_IN_SUMMARY: Final = 2.0
_IN_TAG: Final = 1.0
_IN_PARAMETERS: Final = 0.7
_SYNONYM: Final = 0.45
_DEPRECATED: Final = 0.3
_ELSEWHERE: Final = 0.75
# Below these a thing is somebody's, not a repository's; most questions mean a repository's unless they say so.
_WHOSE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "orgs": frozenset({"organization", "org", "company", "group"}),
        "teams": frozenset({"team", "group"}),
        "user": frozenset({"user", "account", "person"}),
        "users": frozenset({"user", "account", "person", "people", "profile"}),
    }
)
_MINE: Final = frozenset({"i", "me", "mine", "my", "own"})
_LISTING: Final = frozenset({"list", "lists"})
_WHOLE_NAME: Final = 100.0


@final
@dataclass(frozen=True, slots=True)
class _Index:
    words: Mapping[str, Mapping[str, float]]
    """By the operation's name: the weight of each stem."""
    rarity: Mapping[str, float]


@lru_cache(maxsize=1)
def _index() -> _Index:
    operations = [one for one in operations_table().operations.values() if one.reads]
    words = {one.id: _weights(one) for one in operations}
    found_in = Counter(stem for weights in words.values() for stem in weights)
    rarity = {stem: math.log(1 + len(operations) / times) for stem, times in found_in.items()}
    return _Index(MappingProxyType(words), MappingProxyType(rarity))


def _weights(operation: Operation) -> dict[str, float]:
    weights: dict[str, float] = {}
    variable = " ".join(word for word in operation.words_of_path if "{" in word)
    fixed = " ".join(word for word in operation.words_of_path if "{" not in word)
    parameters = " ".join(one.name for one in operation.in_query)
    for text, weight in (
        (operation.id, _IN_NAME),
        (fixed, _IN_PATH),
        (operation.summary, _IN_SUMMARY),
        (operation.tag, _IN_TAG),
        (f"{parameters} {variable}", _IN_PARAMETERS),
    ):
        for stem in map(stem_of, words_in(text)):
            weights[stem] = max(weights.get(stem, 0.0), weight)
    return weights


def rank(question: str, operations: Iterable[Operation]) -> list[Operation]:
    """Return those of *operations* that *question* may mean, the likeliest first; none when no word of it is known."""
    asked = words_in(question)
    scored = [(_score(question.strip(), asked, one), one) for one in operations]
    found = [(score, one) for score, one in scored if score > 0]
    # A shorter path is the plainer thing: the repository's own list before one below it.
    found.sort(key=lambda item: (-round(item[0], 6), len(item[1].words_of_path), item[1].id))
    return [one for _, one in found]


def _score(question: str, asked: list[str], operation: Operation) -> float:
    if question == operation.id:
        return _WHOLE_NAME
    index = _index()
    weights = index.words[operation.id]
    score = 0.0
    hits = 0
    for word in asked:
        own, *others = meant_by(word)
        best = weights.get(own, 0.0) * index.rarity.get(own, 0.0)
        for stem in others:
            best = max(best, _SYNONYM * weights.get(stem, 0.0) * index.rarity.get(stem, 0.0))
        score += best
        hits += best > 0
    if not hits:
        return 0.0
    # Whoever meets more of the words is meant before whoever meets one of them well; what nobody asked for counts a
    # little against it, so that the plain operation comes before the special one.
    strange = sum(1 for stem, weight in weights.items() if weight >= _IN_NAME and not _is_asked(stem, asked))
    if operation.deprecated:
        score *= _DEPRECATED
    if not _is_whose(question, asked, operation.words_of_path[0]):
        score *= _ELSEWHERE
    return score * (hits / max(1, len(asked))) / (1 + 0.04 * strange)


def _is_whose(question: str, asked: list[str], first: str) -> bool:
    if first not in _WHOSE or not _WHOSE[first].isdisjoint(map(stem_of, asked)):
        return True
    return first == "user" and not _MINE.isdisjoint(question.lower().split())


def _is_asked(stem: str, asked: list[str]) -> bool:
    return stem in _LISTING or any(stem in meant_by(word) for word in asked)
