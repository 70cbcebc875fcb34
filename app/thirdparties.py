"""Other people's names in what is given to one person: each becomes that one's pseudonym."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import polars as pl

from core.directory import Directory
from core.pseudonyms import Pseudonyms

SHORTEST = 4
"""Characters below which a name of Latin letters is no name but part of any word."""


class ThirdParties:
    """Replaces, in lines of JSON, names, mail addresses and accounts of everybody in the directory but one. What is
    told of others without any of these stays: whoever hands it over reads it first."""

    def __init__(self, directory: Directory, person: str, pseudonyms: Pseudonyms) -> None:
        self._directory = directory
        self._person = person
        self._pseudonyms = pseudonyms
        words: dict[str, str] = {}
        for other in sorted(directory.known()):
            for word in self._words_of(other):
                for form in _forms(word):
                    # The person's own are told apart from others' that they contain.
                    if other == person:
                        words[form.lower()] = form
                    else:
                        words.setdefault(form.lower(), pseudonyms(other))
        # Of two that begin at the same place the longer one is meant.
        self._found = sorted(words, key=lambda word: (-len(word), word))
        self._become = [words[word] for word in self._found]

    def masked(self, lines: Sequence[str]) -> list[str]:
        if not self._found:
            return list(lines)
        text = pl.Series("line", lines, dtype=pl.String)
        found: list[str] = text.str.replace_many(
            self._found, self._become, ascii_case_insensitive=True, leftmost=True
        ).to_list()
        return found

    def who(self, one: str) -> str:
        """What stands for a person, an account or whoever works with us; ids of other things are as they are."""
        if one == self._person or self._person in self._directory.persons_of(one):
            return one
        return self._pseudonyms(one) if one in self._directory.known() else one

    def staff(self, name: str) -> str:
        """What stands for somebody who works with us, in the directory or not."""
        return name if not name or name == self._person else self._pseudonyms(name)

    def _words_of(self, person: str) -> Iterator[str]:
        known = self._directory.person(person)
        accounts = self._directory.accounts_of([f"person:{person}"])
        for word in (known.name, known.email, *accounts):
            bare = word.partition(":")[2] or word
            for one in {word, bare if "@" in bare else word}:
                if len(one) >= SHORTEST or (len(one) > 1 and not one.isascii()):
                    yield one


def _forms(word: str) -> set[str]:
    """A word as JSON writes it, and as JSON within JSON may."""
    plain = json.dumps(word, ensure_ascii=False)[1:-1]
    return {plain, json.dumps(json.dumps(word)[1:-1])[1:-1]}
