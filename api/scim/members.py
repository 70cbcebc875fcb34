"""Between a User and a person of the directory with their accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from api.scim.errors import ScimProblem, wrong
from api.scim.resource import Address, Email, Enterprise, Manager, Meta, Name, User, UserView
from core.person import Link, Person, account_key
from core.roster import ORIGIN, Member
from ingest.hr import is_mail

HOME = "home"
"""Addresses of this type are the person's own: nobody's business here."""


class Members:
    """All members, and whom they are known by."""

    def __init__(self, members: Sequence[Member], links: Iterable[Link]) -> None:
        self.all = members
        self._by_id = {member.id: member for member in members}
        self._by_email = {member.person.email.lower(): member for member in members if member.person.email}
        self._numbers = {link.person: link.account for link in links if link.account.startswith("employee:")}

    def get(self, member: str) -> Member | None:
        return self._by_id.get(member)

    def is_taken(self, person: str) -> bool:
        return any(member.person.id == person for member in self.all)

    def number(self, person: str) -> str:
        """The employee number, as far as the person has one."""
        account = self._numbers.get(person, "")
        return person if account == account_key("employee", person) else account.partition(":")[2]

    def view(self, member: Member) -> UserView:
        person = member.person
        manager = self.manager(person)
        return UserView(
            id=member.id,
            userName=member.user_name,
            externalId=member.external_id,
            active=member.active,
            displayName=person.name,
            title=person.title,
            name=Name(formatted=person.name),
            emails=[Email(value=person.email, type="work", primary=True)] if person.email else [],
            addresses=[Address(country=person.country, type="work", primary=True)] if person.country else [],
            enterprise=Enterprise(
                employeeNumber=self.number(person.id),
                department=person.department,
                manager=Manager(value=manager.id) if manager else None,
            ),
            meta=Meta(created=member.created, lastModified=member.modified, location=f"/scim/v2/Users/{member.id}"),
        )

    def manager(self, person: Person) -> Member | None:
        """Who manages a person, as far as that is somebody here."""
        return self._by_email.get(person.manager_email.lower()) if person.manager_email else None

    def manager_email(self, user: User, known: Member | None) -> str:
        """The mail address of the manager, whom an id, external id or mail address means. Who is nobody here stays as
        long as nobody else is named. Raises `ScimProblem`."""
        value = user.enterprise.manager.value if user.enterprise.manager else ""
        if not value:
            return known.person.manager_email if known and self.manager(known.person) is None else ""
        if is_mail(value):
            return value.lower()
        found = self.get(value) or next((one for one in self.all if one.external_id == value), None)
        if found is None:
            raise wrong("invalidValue", "manager: there is no such user")
        return found.person.email


def person_of(user: User, known: Member | None, members: Members, *, was: str = "") -> tuple[Person, list[Link]]:
    """The person that a User describes, with the accounts it gives them. `was` is the name a PATCH began with. Raises
    `ScimProblem` where another employee number would make it somebody else."""
    email = _email(user)
    number = user.enterprise.employeeNumber
    person_id = known.person.id if known else number or email or user.userName.lower()
    before = members.number(person_id) if known else ""
    if number and before and number != before:
        raise ScimProblem(HTTPStatus.BAD_REQUEST, "mutability", "the employee number is who somebody is")
    person = Person(
        id=person_id,
        name=_name(user, was),
        email=email,
        department=user.enterprise.department,
        title=user.title,
        manager_email=members.manager_email(user, known),
        hired=known.person.hired if known else None,
        country=_first(user.addresses, "country"),
    )
    accounts = [account_key("mail", one.value) for one in _addresses(user) if is_mail(one.value)]
    if user.userName != person_id or is_mail(user.userName):
        accounts.append(account_key("mail" if is_mail(user.userName) else "login", user.userName))
    if number:
        accounts.append(account_key("employee", number))
    return person, [Link(account=one, person=person_id, origin=ORIGIN) for one in dict.fromkeys(accounts)]


def _addresses(user: User) -> list[Email]:
    return [one for one in user.emails if one.type.lower() != HOME]


def _email(user: User) -> str:
    found = _first(_addresses(user), "value").lower()
    if found and not is_mail(found):
        raise wrong("invalidValue", "emails: not a mail address")
    return found or (user.userName.lower() if is_mail(user.userName) else "")


def _first(values: Sequence[Email] | Sequence[Address], part: str) -> str:
    """Of many values the primary one, else the one of work, else the first."""
    ranked = sorted(values, key=lambda one: (not one.primary, one.type.lower() != "work"))
    return next((str(getattr(one, part)) for one in ranked if getattr(one, part)), "")


def _name(user: User, was: str) -> str:
    both = [user.name.givenName, user.name.familyName]
    if all(both) and not both[1].isascii():
        both.reverse()
    joined = (" " if both[0].isascii() else "").join(both) if all(both) else ""
    choices = [user.displayName, user.name.formatted, joined]
    return next((name for name in choices if name and name != was), was)
