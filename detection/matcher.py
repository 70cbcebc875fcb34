"""All tests of one field asked of many texts at once: one automaton for literals, then the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import polars as pl
from ahocorasick_rs import AhoCorasick, MatchKind

from core.condition import Wild
from detection.predicate import Compared, Pattern, Present, Regex, Test, fits, fold, holds

Answer = tuple[int, ...]
"""Numbers of the tests that a text passes, in order."""


class Matcher:
    """The tests of a field, by number. The same answers as `detection.predicate.holds` gives one by one."""

    def __init__(self, tests: Sequence[tuple[int, Test]]) -> None:
        self._always = [number for number, test in tests if isinstance(test, Present)]
        patterns = [(number, test) for number, test in tests if isinstance(test, Pattern)]
        self._folded = _Literals([(number, test.parts) for number, test in patterns if not test.cased])
        self._cased = _Literals([(number, test.parts) for number, test in patterns if test.cased])
        self._expressions = [(number, test.expression) for number, test in tests if isinstance(test, Regex)]
        self._plain = [(number, test) for number, test in tests if not isinstance(test, Present | Pattern | Regex)]
        self._numeric = bool(self._plain) and all(isinstance(test, Compared) for _, test in self._plain)

    def answers(self, texts: Sequence[str]) -> list[Answer]:
        """The answer for each text."""
        found = [set(self._always) for _ in texts]
        for text, numbers in zip(texts, found, strict=True):
            self._folded.find(fold(text), numbers)
            self._cased.find(text, numbers)
            for number, test in self._plain:
                if holds(test, text):
                    numbers.add(number)
        if self._expressions and texts:
            column = pl.Series(texts, dtype=pl.String)
            for number, expression in self._expressions:
                for place in column.str.contains(expression).arg_true():
                    found[place].add(number)
        return [tuple(sorted(numbers)) for numbers in found]


class _Literals:
    """Patterns by their literals: equal texts from a dictionary, all others by the longest literal in them, which one
    automaton finds for all patterns in one reading of the text."""

    def __init__(self, patterns: Sequence[tuple[int, Sequence[str | Wild]]]) -> None:
        self._equal: defaultdict[str, list[int]] = defaultdict(list)
        self._shapes: list[tuple[int, tuple[str | Wild, ...]]] = []
        found: defaultdict[str, list[tuple[int, bool, bool, tuple[str | Wild, ...] | None]]] = defaultdict(list)
        for number, raw in patterns:
            parts = tuple(raw)
            literals = [part for part in parts if isinstance(part, str)]
            if not literals and parts:
                self._shapes.append((number, parts))
            elif Wild.ONE not in parts and Wild.ANY not in parts:
                self._equal["".join(literals)].append(number)
            else:
                simple = len(literals) == 1 and Wild.ONE not in parts
                starts, ends = parts[0] is not Wild.ANY, parts[-1] is not Wild.ANY
                found[max(literals, key=len)].append((number, starts, ends, None if simple else parts))
        self._meant = list(found.values())
        self._automaton = AhoCorasick(list(found), matchkind=MatchKind.Standard) if found else None

    def find(self, text: str, numbers: set[int]) -> None:
        """Add the numbers of the patterns that fit."""
        if text in self._equal:
            numbers.update(self._equal[text])
        for number, shape in self._shapes:
            if fits(shape, text):
                numbers.add(number)
        if self._automaton is None:
            return
        length = len(text)
        tried: set[int] = set()
        for place, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            for number, starts, ends, parts in self._meant[place]:
                if number in numbers:
                    continue
                if parts is None:
                    if (not starts or start == 0) and (not ends or end == length):
                        numbers.add(number)
                elif number not in tried:
                    tried.add(number)
                    if fits(parts, text):
                        numbers.add(number)
