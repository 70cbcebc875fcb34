"""What those who tell know of persons, rules and cases."""

from __future__ import annotations

from access.lens import Lens
from access.permissions import permissions_of
from app.pseudonyms import pseudonyms
from app.wiring import House
from core.access import Caller
from notify.planning import Outlook


def outlook_of(house: House) -> Outlook:
    """As of now: read anew for everything that is told together."""
    directory, names, book = house.directory(), pseudonyms(house.records), house.book
    lenses: dict[str, Lens] = {}
    cases: dict[str, dict[str, str]] = {}

    def within(caller: Caller, person: str) -> bool:
        return lenses.setdefault(caller.name, Lens(caller, directory, names)).within(person)

    def title(rule: str) -> str:
        return book.rules[rule].title if rule in book.rules else rule

    def case_of(person: str, alert: str) -> str:
        if person not in cases:
            found = house.records.cases(persons=[person])
            cases[person] = {one: case.id for case in found for one in case.alerts}
        return cases[person].get(alert, "")

    return Outlook(
        within=within,
        permissions=lambda role: permissions_of([role]),
        department=lambda person: directory.person(person).department,
        pseudonym=names,
        title=title,
        case_of=case_of,
        base_url=house.config.access.address,
    )
