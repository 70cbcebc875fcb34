"""Persons on the command line: by pseudonym, and by name only with a reason, which is noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from access.lens import Lens
    from api.shapes import IdentityView
    from app.wiring import House
    from core.evidence import Hold
    from core.grounds import Approval, RuleException

Unmask = Annotated[
    str | None,
    typer.Option(
        "--unmask", metavar="REASON", help="Show who persons are; the reason is noted in the audit log with your name."
    ),
]


def reason_of(unmask: str | None) -> str | None:
    """The reason that was given, if any."""
    if unmask is not None and not unmask.strip():
        raise typer.BadParameter("--unmask needs a reason")
    return unmask


def lens_of(house: House, unmask: str | None) -> Lens:
    """What whoever is logged in is shown of persons: pseudonyms; with a reason everybody by name, but what was written
    in mails and chats only where a second person has granted them that."""
    from datetime import UTC, datetime

    from access.lens import Lens, Uncovered
    from app.cli.show import who
    from app.pseudonyms import pseudonyms
    from core.access import Caller, Permission, Role

    reason = reason_of(unmask)
    caller = Caller(name=who(), roles=frozenset(Role), permissions=frozenset(Permission))
    directory, called = house.directory(), pseudonyms(house.records)

    def whose(name: str) -> str | None:
        # Whoever types an id knows it.
        known = directory.known()
        return name if name in known else next((one for one in known if called(one) == name), None)

    if reason is None:
        return Lens(caller, directory, called, person_of=whose)
    granted = house.records.unmaskings_in_force(datetime.now(UTC), caller.name)
    return Uncovered(caller, directory, called, granted, person_of=whose)


def saw(house: House, what: str, about: Iterable[str], unmask: str | None) -> None:
    """Note that whoever is logged in is about to be shown these persons, cases and alerts, and why by name."""
    from api.looks import look
    from app.cli.show import who

    if entry := look(who(), what, about, unmask or ""):
        house.records.note(entry)


def named(lens: Lens, asked: str) -> list[str]:
    """Everybody who may be meant by a pseudonym, an employee number, a mail address or an account."""
    return sorted({lens.person(asked) or asked, *lens.directory.called(asked)})


def called(pseudonym: str, identity: IdentityView | None) -> str:
    """What a person is called in a table."""
    return pseudonym if identity is None else identity.email or identity.id


def label(lens: Lens, person: str) -> str:
    """The same of somebody whose id is known."""
    known = lens.directory.person(person)
    return known.email or known.id if lens.shows(person) else lens.pseudonym(person)


def with_identity(lens: Lens, person: str) -> dict[str, Any]:
    """The fields of a document that say whom it is about."""
    from api.masking import identity

    return {"person": lens.pseudonym(person), "identity": identity(lens, person)}


def approval_document(approval: Approval, lens: Lens) -> dict[str, Any]:
    """An approval: while whoever it is of is masked, only their pseudonym, its kind, number and times."""
    return _document(
        asdict(approval), lens, approval.account, ("account", "recipients", "files", "purpose", "approvers")
    )


def exception_document(exception: RuleException, lens: Lens) -> dict[str, Any]:
    """An exception: while whoever it is of is masked, without its reason."""
    return _document(asdict(exception), lens, exception.person, ("reason",))


def hold_document(hold: Hold, lens: Lens) -> dict[str, Any]:
    """A hold: while somebody of it is masked, without its reasons."""
    from core.evidence import HoldScope

    told = asdict(hold) | {"persons": [lens.pseudonym(person) for person in hold.persons]}
    if hold.scope is HoldScope.PERSON:
        told["subject"] = lens.pseudonym(hold.subject)
    return told if all(map(lens.shows, hold.persons)) else told | dict.fromkeys(("reason", "lift_reason"))


def _document(told: Mapping[str, Any], lens: Lens, key: str, telling: Sequence[str]) -> dict[str, Any]:
    if not key:
        return {**told}
    persons = whose(lens, key)
    shown = all(map(lens.shows, persons))
    hidden = {} if shown else dict.fromkeys(telling)
    return {**told, "person": ", ".join(map(lens.pseudonym, persons)), **hidden}


def whose(lens: Lens, key: str) -> list[str]:
    """Those whom an id or an account of a file stands for; itself where it is nobody's."""
    return sorted(lens.directory.called(key) & lens.directory.known()) or [key]
