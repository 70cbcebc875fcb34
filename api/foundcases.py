"""Cases that are found by what was written, as whoever asks is shown it: the records look in what was written itself,
and to find by a word that one is not shown is to be told it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from access.lens import Lens
from api.masking import written
from api.shop import Shop
from core.case import Case
from core.triage import Term
from core.words import words_of


def as_shown(shop: Shop, lens: Lens, cases: Sequence[Case], terms: Sequence[Term]) -> list[Case]:
    """Those of the cases, which the records found by these terms, that still have each of them as the caller is shown
    them: in one text, or by an alert of a rule."""
    if not terms:
        return list(cases)
    joined = shop.records.joined([case.id for case in cases])
    parts = {case.id: (case.id, *joined.get(case.id, ())) for case in cases}
    every = [one for some in parts.values() for one in some]
    contents = shop.records.contents(every)
    about = {case.id: {case.person, *contents[case.id].persons} for case in cases}
    shown: dict[str, list[frozenset[str]]] = defaultdict(list)
    for one in shop.records.written(every, [term.words for term in terms]):
        if one.case not in about:
            member = shop.records.case(one.case)
            about[one.case] = {*contents[one.case].persons, *([member.person] if member else [])}
        shown[one.case].append(words_of(written(lens, about[one.case], one.by, one.text)))

    def says(part: str, term: Term) -> bool:
        return bool(contents[part].rules & term.rules) or any(term.words <= words for words in shown[part])

    return [case for case in cases if all(any(says(part, term) for part in parts[case.id]) for term in terms)]
