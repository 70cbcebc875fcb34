"""Who is who: accounts resolved to persons, and what HR had filed of them, as of each moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise

import polars as pl

from core.calendar import CompanyCalendar
from core.domains import PERSONAL_DOMAINS
from core.grounds import keys_of
from core.person import Filing, Link, Person, Stage, notice_at
from core.schema import JOINED, TIME

ALWAYS = datetime(1, 1, 2, tzinfo=UTC)
NEVER = datetime(9999, 12, 30, tzinfo=UTC)
SERVICE_DOMAINS = frozenset({"nt authority", "window manager", "font driver host", "nt service"})
"""Windows' own: a login of theirs is never an employee's of the same name."""

_INTERVALS = {"user.account": pl.String(), "person.id": pl.String(), "since": TIME, "until": TIME}
_STAGES = {"person.id": pl.String(), "filed": TIME, "in_force": pl.Boolean(), "last_day": pl.Date()}


class Directory:
    """A frozen view of persons, links, filings and the accounts seen. Every answer uses only what is effective at the
    moment asked about. An account nobody is linked to is a person of its own."""

    def __init__(
        self,
        persons: Sequence[Person],
        links: Sequence[Link],
        filings: Sequence[Filing],
        accounts: Mapping[str, Sequence[str]],
        calendar: CompanyCalendar,
    ) -> None:
        self.calendar = calendar
        self._persons = {person.id: person for person in persons}
        self._accounts = accounts
        self._links: dict[str, list[Link]] = {}
        for link in links:
            self._links.setdefault(link.account, []).append(link)
        self._resolved: dict[str, list[tuple[datetime, datetime, str]]] = {}
        self._filings: dict[str, list[Filing]] = {}
        self._known: frozenset[str] | None = None
        self._linked_to: dict[str, set[str]] | None = None
        for filing in sorted(filings, key=lambda f: (f.filed, f.withdrawn, f.account)):
            self._filings.setdefault(self.person_at(filing.account, filing.filed), []).append(filing)
        self._accounts_of: dict[str, set[str]] = {}
        for account in accounts:
            for person in self.persons_of(account):
                self._accounts_of.setdefault(person, set()).add(account)

    def join(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events, in their order, with the columns of `core.schema.JOINED` as of each one's @timestamp."""
        accounts = events["user.account"].drop_nulls().unique().to_list()
        known = self._linked(events).join(
            self._person_frame(accounts), on="person.id", how="left", maintain_order="left"
        )
        return events.hstack(known.hstack(self.stages(known)).select(field.name for field in JOINED))

    def who(self, events: pl.DataFrame) -> pl.Series:
        """Only `person.id` of what `join` gives."""
        return self._linked(events)["person.id"]

    def stages(self, rows: pl.DataFrame) -> pl.DataFrame:
        """leaver.stage and leaver.days_left of rows with `person.id` and @timestamp, in their order."""
        asked = rows.select("person.id", "@timestamp").with_row_index("row").sort("@timestamp")
        staged = asked.join_asof(
            self._stages(), left_on="@timestamp", right_on="filed", by="person.id", check_sortedness=False
        )
        columns = self.stage_columns(pl.col("in_force").fill_null(False), pl.col("last_day"))
        return staged.with_columns(columns).sort("row").select("leaver.stage", "leaver.days_left")

    def domains(self) -> frozenset[str]:
        """Mail domains of employees, public providers' left out."""
        mails = (person.email.rpartition("@")[2] for person in self._persons.values() if "@" in person.email)
        return frozenset(mails) - PERSONAL_DOMAINS

    def people(self) -> frozenset[str]:
        """Everybody of whom any account has been seen; accounts that are nobody's are left out."""
        return frozenset(self._accounts_of.keys() - self._accounts.keys())

    def accounts_of(self, subjects: Collection[str]) -> frozenset[str]:
        """Every account of every person that the subjects of marks (accounts, `person:<id>`, `*`) touch."""
        if "*" in subjects:
            return frozenset(self._accounts)
        persons: set[str] = set()
        for subject in subjects:
            kind, _, name = subject.partition(":")
            persons |= {name} if kind == "person" else self.persons_of(subject)
        found = {account for person in persons for account in self._accounts_of.get(person, ())}
        return frozenset(found | (set(subjects) & self._accounts.keys()))

    def persons_of(self, account: str) -> frozenset[str]:
        """Every person the account belongs to at some time; itself where it belongs to nobody at some time."""
        intervals = self._intervals_of(account)
        whole = len(intervals) == 1 and intervals[0][:2] == (ALWAYS, NEVER)
        return frozenset(person for _, _, person in intervals) | (frozenset() if whole else {account})

    def called(self, text: str) -> frozenset[str]:
        """Every person that is called so (an id, an account, a mail address, a login), or has an account that is."""
        return frozenset({text}).union(*(self.persons_of(key) for key in keys_of(text)))

    def meant_by(self, text: str) -> str | None:
        """The one person that a text stands for at any time; None where that is nobody, or more than one."""
        found = {text} & self.known()
        found = found.union(*(self.persons_of(key) for key in keys_of(text) if self.is_linked(key)))
        return found.pop() if len(found) == 1 else None

    def spans_of(self, person_id: str) -> Iterator[tuple[str, datetime, datetime]]:
        """Every account of the person, from when until before when it was theirs."""
        for account in sorted(self._accounts_of.get(person_id, ())):
            intervals = self._intervals_of(account)
            yield from ((account, since, until) for since, until, person in intervals if person == person_id)
            if account == person_id:
                edges = [ALWAYS, *(edge for since, until, _ in intervals for edge in (since, until)), NEVER]
                own = zip(edges[::2], edges[1::2], strict=True)
                yield from ((account, since, until) for since, until in own if since < until)

    def linked_to(self, person_id: str) -> frozenset[str]:
        """Every account that was the person's at some time, also those that no log has shown."""
        if self._linked_to is None:
            found: dict[str, set[str]] = {}
            for account, links in self._links.items():
                for link in links:
                    found.setdefault(link.person, set()).add(account)
            self._linked_to = found
        return frozenset(self._linked_to.get(person_id, ())) | {account for account, _, _ in self.spans_of(person_id)}

    def person(self, person_id: str) -> Person:
        """The person; an account judged as itself is a person without a name."""
        known = self._persons.get(person_id)
        return known or Person(id=person_id, email=_address(person_id))

    def known(self) -> frozenset[str]:
        """Everybody there is: employees, and whoever any account that was seen belongs to."""
        if self._known is None:
            self._known = frozenset(self._persons.keys() | self._accounts_of.keys())
        return self._known

    def managers_of(self, person_id: str) -> Sequence[str]:
        """Who manages the person, who manages those, and so on, as far as anybody is known."""
        by_email = self._by_email
        found: dict[str, None] = {}
        above = by_email.get(self.person(person_id).manager_email.lower())
        while above is not None and above not in found and above != person_id:
            found[above] = None
            above = by_email.get(self.person(above).manager_email.lower())
        return list(found)

    def peers_of(self, person_id: str) -> frozenset[str]:
        """Others of the same department and title of whom any account has been seen; nobody where either is unknown."""
        person = self._persons.get(person_id)
        if person is None or not (person.department and person.title):
            return frozenset()
        return frozenset(self._on_post.get((person.department, person.title), ())) - {person_id}

    def is_linked(self, account: str) -> bool:
        """Whether the account belongs to somebody at some time."""
        return bool(self._intervals_of(account))

    def filings_of(self, person_id: str) -> Sequence[Filing]:
        """What HR filed about the person, in order."""
        return self._filings.get(person_id, ())

    def leavers(self) -> Set[str]:
        """Everybody HR ever filed anything about."""
        return self._filings.keys()

    def leaver_accounts(self) -> frozenset[str]:
        """Accounts of everybody HR ever filed anything about."""
        return frozenset(account for person in self._filings for account in self._accounts_of.get(person, ()))

    def stage(self, person_id: str, moment: datetime) -> Stage:
        """The stage at a moment, from what HR had filed by then."""
        notice = notice_at(self.filings_of(person_id), moment)
        if notice is None:
            return Stage.ACTIVE
        gone = notice.last_day is not None and self.calendar.day_of(moment) > notice.last_day
        return Stage.DEPARTED if gone else Stage.NOTICE

    def days_left(self, person_id: str, moment: datetime) -> int | None:
        """Days to the last day at a moment; None where no notice or no last day was filed by then."""
        notice = notice_at(self.filings_of(person_id), moment)
        if notice is None or notice.last_day is None:
            return None
        return (notice.last_day - self.calendar.day_of(moment)).days

    @cached_property
    def _by_email(self) -> dict[str, str]:
        return {person.email.lower(): person.id for person in self._persons.values() if person.email}

    @cached_property
    def _on_post(self) -> dict[tuple[str, str], set[str]]:
        """By department and title those of whom any account has been seen."""
        found: dict[tuple[str, str], set[str]] = {}
        for one in self._persons.values():
            if one.id in self._accounts_of:
                found.setdefault((one.department, one.title), set()).add(one.id)
        return found

    def _linked(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events' accounts and times, in their order, with `person.id` and `person.known`."""
        rows = events.select("user.account", "@timestamp").with_row_index("row").sort("@timestamp")
        linked = rows.join_asof(
            self._intervals(rows["user.account"].drop_nulls().unique().to_list()),
            left_on="@timestamp",
            right_on="since",
            by="user.account",
            check_sortedness=False,
        ).with_columns(pl.when(pl.col("@timestamp") < pl.col("until")).then(pl.col("person.id")))
        return linked.sort("row").select(
            "user.account",
            "@timestamp",
            pl.col("person.id").is_not_null().alias("person.known"),
            pl.coalesce("person.id", "user.account").alias("person.id"),
        )

    def person_at(self, account: str, moment: datetime) -> str:
        """Whose the account is at a moment; itself where it is nobody's."""
        for since, until, person in self._intervals_of(account):
            if since <= moment < until:
                return person
        return account

    def _intervals_of(self, account: str) -> list[tuple[datetime, datetime, str]]:
        if account not in self._resolved:
            keys = [account, *_bare(account), *self._accounts.get(account, ())]
            links = next((self._links[key] for key in keys if key in self._links), [])
            self._resolved[account] = _without_overlap(links)
        return self._resolved[account]

    def _intervals(self, accounts: Iterable[str]) -> pl.DataFrame:
        rows = [
            (account, person, since, until)
            for account in accounts
            for since, until, person in self._intervals_of(account)
        ]
        return pl.DataFrame(rows, schema=_INTERVALS, orient="row").sort("since")

    def _person_frame(self, accounts: Sequence[str]) -> pl.DataFrame:
        ids = {person for account in accounts for person in self.persons_of(account)}
        rows = [(p.id, p.email, p.department, p.title) for p in (self.person(person) for person in sorted(ids))]
        names = ("person.id", "person.email", "person.department", "person.title")
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        return frame.with_columns(pl.col(name).replace("", None) for name in names[1:])

    def _stages(self) -> pl.DataFrame:
        rows = [
            (person, filing.filed, not filing.withdrawn, filing.last_day)
            for person, filings in self._filings.items()
            for filing in filings
        ]
        frame = pl.DataFrame(rows, schema=_STAGES, orient="row")
        return frame.unique(subset=["person.id", "filed"], keep="last", maintain_order=True).sort("filed")

    def stage_columns(self, in_force: pl.Expr, last_day: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """leaver.stage and leaver.days_left at @timestamp, under a notice in force with this last day."""
        left = (last_day - self.calendar.day_expr()).dt.total_days()
        return (
            pl.when(~in_force)
            .then(pl.lit(Stage.ACTIVE.value))
            .when(left < 0)
            .then(pl.lit(Stage.DEPARTED.value))
            .otherwise(pl.lit(Stage.NOTICE.value))
            .alias("leaver.stage"),
            pl.when(in_force).then(left).alias("leaver.days_left"),
        )


def _without_overlap(links: Sequence[Link]) -> list[tuple[datetime, datetime, str]]:
    """Intervals that do not overlap: where links do, the surer one counts, then the later one."""
    spans = [(link, link.since or ALWAYS, link.until or NEVER) for link in links]
    edges = sorted({edge for _, since, until in spans for edge in (since, until)})
    found: list[tuple[datetime, datetime, str]] = []
    for start, end in pairwise(edges):
        here = [
            (link.confidence, since, link.person) for link, since, until in spans if since <= start and end <= until
        ]
        if here:
            person = max(here)[2]
            if found and found[-1][1:] == (start, person):
                found[-1] = (found[-1][0], end, person)
            else:
                found.append((start, end, person))
    return found


def _bare(account: str) -> list[str]:
    """`login:name` for `login:domain\\name`, unless the domain or the name is Windows' own."""
    realm, _, name = account.partition(":")
    domain, slash, login = name.partition("\\")
    if realm != "login" or not slash or domain in SERVICE_DOMAINS or login.endswith("$"):
        return []
    return [f"login:{login}"]


def _address(account: str) -> str:
    realm, _, name = account.partition(":")
    return name if realm == "mail" else ""
