"""Who belongs together: persons whose alerts name each other are one crew, and a crew is one case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from core.alert import CREW, OTHERS, SEPARATOR, Alert


def named(alerts: Iterable[Alert]) -> frozenset[str]:
    """The other persons that alerts about crews name."""
    texts = (str(alert.facts[OTHERS]) for alert in alerts if CREW in alert.facts and OTHERS in alert.facts)
    return frozenset(person for text in texts for person in text.split(SEPARATOR) if person)


def with_mates(
    alerts: Mapping[str, Sequence[Alert]], stored: Callable[[Collection[str]], Sequence[Alert]]
) -> dict[str, list[Alert]]:
    """The persons' alerts, and `stored` ones of everybody whom these name, and of whom those name, to the last."""
    whole = {person: list(own) for person, own in alerts.items()}
    while missing := {mate for own in whole.values() for mate in named(own)} - whole.keys():
        whole |= {person: [] for person in missing}
        for alert in stored(missing):
            whole[alert.person].append(alert)
    return whole


def leads(alerts: Mapping[str, Sequence[Alert]]) -> dict[str, str]:
    """Of each person the one whose case it is: of a crew the first by id, of anybody else the person."""
    lead = {person: person for person in alerts}

    def first(person: str) -> str:
        while lead[person] != person:
            person = lead[person]
        return person

    for person, own in alerts.items():
        for mate in named(own):
            one, other = sorted((first(person), first(mate)))
            lead[other] = one
    return {person: first(person) for person in alerts}
