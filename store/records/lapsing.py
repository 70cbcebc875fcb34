"""Letting go of what people decided and were told, once its purpose is over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Column, Connection, Select, delete, func, literal, select, tuple_

from core.case import CaseState
from core.evidence import FROZEN, HoldScope
from core.grounds import ApprovalKind
from core.retention import Due, Erasure, KeptFor, Stored, Terms, due_of
from store.records.database import Database, pieces
from store.records.deleting import delete_rows, delete_writing, release_frozen, sweep
from store.records.followingtables import moves
from store.records.holds import holds_in, save_erasure_in
from store.records.hrtables import notices
from store.records.inbox import note_changed
from store.records.notifytables import actions
from store.records.people import directory_in
from store.records.tables import alerts, approvals, cases, exceptions, filings, snapshots
from store.records.triagerows import CLOSED, contents_in
from store.records.triagetables import contents, splits, work
from store.records.unmaskingtables import unmaskings

AT_ONCE = 1_000
Key = tuple[str, ...]
After = tuple[Any, ...]


class LapsingRecords:
    """Adapter of `core.retention.Lapsing`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lapsing(self, terms: Terms) -> Due:
        """All goes and comes back: so it is told exactly."""
        gone: Counter[tuple[Stored, str]] = Counter()
        with self._database.writing() as connection, connection.begin_nested() as undone:
            for purpose, way in _ways(terms):
                after: After | None = None
                while after := (page := _page(connection, terms, purpose, way, after)).after:
                    gone += page.gone
                gone += page.gone
            undone.rollback()
        return _due(gone)

    def lapse(self, terms: Terms, by: str) -> Sequence[Erasure]:
        done = []
        for purpose, way in _ways(terms):
            after: After | None = None
            while True:
                with self._database.writing() as connection:
                    page = _page(connection, terms, purpose, way, after)
                    if page.gone:
                        done.append(_note(connection, terms, page, by))
                if (after := page.after) is None:
                    break
        sweep(self._database)
        return done


@dataclass(frozen=True, slots=True)
class Gone:
    """How many rows went of which kind, and the ids of the snapshots among them."""

    rows: Counter[Stored]
    snapshots: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What went of some rows. `after` is the last that was looked at, if more follow."""

    gone: Counter[tuple[Stored, str]]
    snapshots: Sequence[str]
    after: After | None


@dataclass(frozen=True, slots=True)
class Held:
    """Whom holds keep, and of which times everything."""

    persons: frozenset[str]
    times: Sequence[tuple[datetime | None, datetime | None]]

    @classmethod
    def of(cls, connection: Connection) -> Held:
        holds = [hold for hold in holds_in(connection) if hold.lifted is None]
        of_cases = [hold.subject for hold in holds if hold.scope is HoldScope.CASE]
        persons = {person for hold in holds for person in hold.persons}
        persons |= {person for one in contents_in(connection, of_cases).values() for person in one.persons}
        times = [(hold.since, hold.until) for hold in holds if hold.scope is HoldScope.RANGE]
        return cls(frozenset(persons), times)

    def keep(self, persons: Collection[str], first: datetime, last: datetime) -> bool:
        """Whether one of them is held, or anything from the first moment to the last."""
        if not self.persons.isdisjoint(persons):
            return True
        return any((since is None or since <= last) and (until is None or first < until) for since, until in self.times)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What goes is from before `limit`, unless it is `held`; from `events` on events may be stored (None: always)."""

    limit: datetime
    events: datetime | None
    held: Held


@dataclass(frozen=True, slots=True)
class Way:
    """How one kind of rows goes. `wanted` asks for the time and the key of those from before a moment; `drop` deletes
    what goes of some, by key, and what belongs to it. With `derived`, nothing goes that was made of events which may
    be there still: judging would make it again, or judge them otherwise."""

    wanted: Callable[[datetime], Select[Any]]
    drop: Callable[[Connection, Sequence[Key], Bounds], Gone]
    derived: bool = True


def _page(connection: Connection, terms: Terms, purpose: KeptFor, way: Way, after: After | None) -> Page:
    limit = terms.before[purpose]
    if way.derived:
        if terms.events is None:
            return Page(Counter(), (), None)
        limit = min(limit, terms.events)
    asked = way.wanted(limit)
    order = list(asked.selected_columns)
    if after:
        last = (literal(value, column.type) for column, value in zip(order, after, strict=True))
        asked = asked.where(tuple_(*order) > tuple_(*last))
    if connection.dialect.name == "postgresql":
        # Nobody settles meanwhile what is about to go.
        connection.exec_driver_sql("lock table alerts in share row exclusive mode")
    # Nor reopens it.
    rows = connection.execute(asked.order_by(*order).limit(AT_ONCE).with_for_update(of=order[0].table)).all()
    if not rows:
        return Page(Counter(), (), None)
    bounds = Bounds(limit, terms.events, Held.of(connection))
    gone = way.drop(connection, [tuple(row[1:]) for row in rows], bounds)
    counted = Counter({(kind, purpose.value): n for kind, n in gone.rows.items() if n})
    return Page(counted, gone.snapshots, tuple(rows[-1]) if len(rows) == AT_ONCE else None)


def _note(connection: Connection, terms: Terms, page: Page, by: str) -> Erasure:
    now = datetime.now(UTC)
    before = {purpose.value: terms.before[purpose] for purpose in map(KeptFor, {name for _, name in page.gone})}
    erasure = Erasure(id=uuid4().hex, by=by, begun=now, before=before, due=_due(page.gone), done=now)
    # The ledger still has leaves of what was frozen: here it stands why that is gone.
    save_erasure_in(connection, erasure, {FROZEN: sorted(page.snapshots)})
    return erasure


def _due(gone: Mapping[tuple[Stored, str], int]) -> Due:
    return due_of({(kind, purpose, None): count for (kind, purpose), count in gone.items()}, {})


def _cases_of(state: Collection[CaseState]) -> Callable[[datetime], Select[Any]]:
    states = sorted(one.value for one in state)
    return lambda limit: select(cases.c.decided, cases.c.id).where(cases.c.state.in_(states), cases.c.decided < limit)


def _drop_cases(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    """What people wrote and did goes; the case itself, its alerts and what is frozen of them once their events have."""
    rows = _some(connection, _ids(keys), cases.c.id, cases.c.person, cases.c.alerts, cases.c.opened, cases.c.decided)
    named = {name: json.loads(own) for name, _, own, _, _ in rows}
    span = {name: (opened, decided) for name, _, _, opened, decided in rows}
    every = {alert for own in named.values() for alert in own}
    known = _alerts(connection, every)
    # Of an alert that judging took away what is frozen says whose it was.
    whose = {alert: person for alert, (person, _) in known.items()}
    whose |= dict(_some(connection, sorted(every - known.keys()), snapshots.c.alert, snapshots.c.person))
    about = {case: set(one.persons) for case, one in contents_in(connection, named).items()}
    for case, person, own, _, _ in rows:
        about[case] |= {person, *(whose[alert] for alert in json.loads(own) if alert in whose)}
    going, whole = [], []
    for case, own in named.items():
        opened, decided = span[case]
        # An alert that is stored no more may come again, and then it is answered: it may be as new as the decision.
        times = [known[alert][1] if alert in known else decided for alert in own]
        if bounds.held.keep(about[case], min([opened, *times]), decided):
            continue
        going.append(case)
        if bounds.events is not None and all(time < bounds.events for time in times):
            whole.append(case)
    written = delete_writing(connection, going)
    for column in (unmaskings.c.case, actions.c.case):
        written += delete_rows(connection, column, going)
    theirs = {alert: whose[alert] for case in whole for alert in named[case] if alert in whose}
    stored = {alert: person for alert, person in theirs.items() if alert in known}
    lost = theirs.keys() - stored.keys()
    free = [*_free(connection, stored, whole), *sorted(lost - _named(connection, lost, whole))]
    gone = _drop_alerts(connection, free)
    deleted = delete_rows(connection, cases.c.id, whole)
    for column in (contents.c.case, work.c.case, moves.c.target):
        delete_rows(connection, column, whole)
    counted = Counter({Stored.WRITING: sum(written[name] for name in COUNTED), Stored.CASE: deleted.total()})
    return Gone(gone.rows + counted, gone.snapshots)


COUNTED = ("case_comments", "case_tasks", "case_attachments", "unmaskings", "actions")
"""Tables whose rows are told as what people wrote and did."""


def _lone_alerts(limit: datetime) -> Select[Any]:
    return select(alerts.c.time, alerts.c.id).where(alerts.c.time < limit)


def _drop_lone(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    """Alerts that no case has."""
    known = _alerts(connection, _ids(keys)).items()
    going = {one: person for one, (person, time) in known if not bounds.held.keep([person], time, time)}
    return _drop_alerts(connection, _free(connection, going, ()))


def _lost_snapshots(limit: datetime) -> Select[Any]:
    stored = select(alerts.c.id).where(alerts.c.id == snapshots.c.alert).exists()
    return select(snapshots.c.at, snapshots.c.id).where(snapshots.c.at < limit, ~stored)


def _drop_lost(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    """What is frozen of alerts that judging took away, and that no case names."""
    rows = _some(connection, _ids(keys), snapshots.c.id, snapshots.c.alert, snapshots.c.person, snapshots.c.at)
    named = _named(connection, {alert for _, alert, _, _ in rows}, ())
    times = _times(connection, [name for name, alert, _, _ in rows if alert not in named])
    going = [
        name
        for name, _, person, at in rows
        if name in times and not bounds.held.keep([person], min(times[name], at), at)
    ]
    release_frozen(connection, going)
    return Gone(Counter({Stored.SNAPSHOT: len(going)}), going)


def _over_notices(limit: datetime) -> Select[Any]:
    """The newest stays, so that numbers never begin again; and whoever has an open case is sent no second one."""
    still_open = select(cases.c.id).where(cases.c.id == notices.c.case, cases.c.state.not_in(CLOSED)).exists()
    newest = select(func.max(notices.c.number)).scalar_subquery()
    return select(notices.c.ended, notices.c.id).where(notices.c.ended < limit, ~still_open, notices.c.number < newest)


def _drop_notices(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    rows = _some(connection, _ids(keys), notices.c.id, notices.c.person, notices.c.sent, notices.c.ended)
    going = [name for name, person, sent, ended in rows if not bounds.held.keep([person], sent, ended)]
    return Gone(Counter({Stored.NOTICE: delete_rows(connection, notices.c.id, going).total()}))


def _withdrawn(limit: datetime) -> Select[Any]:
    return select(filings.c.filed, filings.c.account).where(filings.c.withdrawn, filings.c.filed < limit)


def _drop_withdrawn(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    """A withdrawal goes with all that was filed of the person before, by whichever account: with less gone, what was
    withdrawn would be in force again."""
    directory = directory_in(connection)
    accounts = {account for (account,) in keys}
    gone = 0
    for person in sorted({person for account in accounts for person in directory.persons_of(account)}):
        own = directory.filings_of(person)
        last = max((one.filed for one in own if one.withdrawn and one.filed < bounds.limit), default=None)
        these = [one for one in own if last and one.filed <= last]
        about = {person}.union(*({one.account, *directory.persons_of(one.account)} for one in these))
        if not these or bounds.held.keep(about, these[0].filed, these[-1].filed):
            continue
        for one in these:
            this = (filings.c.account == one.account) & (filings.c.filed == one.filed)
            gone += connection.execute(delete(filings).where(this, filings.c.withdrawn == one.withdrawn)).rowcount
    return Gone(Counter({Stored.RESIGNATION: gone}))


def _over_approvals(limit: datetime) -> Select[Any]:
    return select(approvals.c.until, approvals.c.kind, approvals.c.id).where(approvals.c.until < limit)


def _drop_approvals(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    directory = directory_in(connection)
    gone = 0
    for kind in ApprovalKind:
        ids = [name for one, name in keys if one == kind]
        columns = (approvals.c.kind, approvals.c.account, approvals.c.since, approvals.c.until)
        going = [
            name
            for name, one, account, since, until in _some(connection, ids, approvals.c.id, *columns)
            if one == kind and not bounds.held.keep(directory.called(account), since, until)
        ]
        for some in pieces(going):
            these = (approvals.c.kind == kind.value) & approvals.c.id.in_(some)
            gone += connection.execute(delete(approvals).where(these)).rowcount
    return Gone(Counter({Stored.GROUND: gone}))


def _over_exceptions(limit: datetime) -> Select[Any]:
    return select(exceptions.c.expires, exceptions.c.id).where(exceptions.c.expires < limit)


def _drop_exceptions(connection: Connection, keys: Sequence[Key], bounds: Bounds) -> Gone:
    columns = (exceptions.c.person, exceptions.c.since, exceptions.c.expires)
    rows = _some(connection, _ids(keys), exceptions.c.id, *columns)
    directory = directory_in(connection)
    going = [
        name
        for name, person, since, expires in rows
        if not bounds.held.keep(directory.called(person) if person else (), since, expires)
    ]
    return Gone(Counter({Stored.GROUND: delete_rows(connection, exceptions.c.id, going).total()}))


WAYS: Mapping[KeptFor, Sequence[Way]] = {
    KeptFor.CONFIRMED: [Way(_cases_of([CaseState.CONFIRMED]), _drop_cases, derived=False)],
    KeptFor.DISMISSED: [Way(_cases_of([CaseState.BENIGN, CaseState.INSUFFICIENT]), _drop_cases, derived=False)],
    KeptFor.ALERTS: [Way(_lone_alerts, _drop_lone), Way(_lost_snapshots, _drop_lost)],
    KeptFor.NOTICES: [Way(_over_notices, _drop_notices, derived=False)],
    KeptFor.RESIGNATIONS: [Way(_withdrawn, _drop_withdrawn)],
    KeptFor.GROUNDS: [Way(_over_approvals, _drop_approvals), Way(_over_exceptions, _drop_exceptions)],
}


def _ways(terms: Terms) -> list[tuple[KeptFor, Way]]:
    return [(purpose, way) for purpose, ways in WAYS.items() if purpose in terms.before for way in ways]


def _ids(keys: Sequence[Key]) -> list[str]:
    """The ids of rows that have no other key."""
    return [name for (name,) in keys]


def _some(connection: Connection, ids: Sequence[str], key: Column[str], *columns: Column[Any]) -> list[tuple[Any, ...]]:
    """The key and these columns of the rows with these keys."""
    query = select(key, *columns)
    return [tuple(row) for some in pieces(ids) for row in connection.execute(query.where(key.in_(some)))]


def _alerts(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, datetime]]:
    """Person and time of alerts that are there, by id."""
    rows = _some(connection, sorted(ids), alerts.c.id, alerts.c.person, alerts.c.time)
    return {name: (person, time) for name, person, time in rows}


def _free(connection: Connection, found: Mapping[str, str], but: Collection[str]) -> list[str]:
    """Of alerts, with the person of each, those that no case has but these."""
    persons = sorted(set(found.values()))
    having: set[str] = set()
    for some in pieces(persons):
        about = select(contents.c.case).where(contents.c.person.in_(some))
        having.update(connection.execute(about).scalars())
        having.update(connection.execute(select(cases.c.id).where(cases.c.person.in_(some))).scalars())
    kept: set[str] = set()
    for _, own in _some(connection, sorted(having.difference(but)), cases.c.id, cases.c.alerts):
        kept.update(json.loads(own))
    return sorted(found.keys() - kept)


def _named(connection: Connection, ids: Collection[str], but: Collection[str]) -> set[str]:
    """Of alerts that are stored no more, those that any case names but these: who a case is about may not tell."""
    found: set[str] = set()
    if ids:
        query = select(cases.c.id, cases.c.alerts)
        for case, own in connection.execute(query, execution_options={"yield_per": AT_ONCE}):
            if case not in but:
                found.update(one for one in json.loads(own) if one in ids)
    return found


def _times(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """When that happened which snapshots have."""
    found: dict[str, datetime] = {}
    for some in pieces(ids):
        query = select(snapshots.c.id, snapshots.c.body).where(snapshots.c.id.in_(some))
        for name, body in connection.execute(query, execution_options={"yield_per": 100}):
            found[name] = datetime.fromisoformat(json.loads(body)["alert"]["time"])
    return found


def _drop_alerts(connection: Connection, ids: Sequence[str]) -> Gone:
    """With what is frozen of them; some may be stored no more."""
    rows = _some(connection, ids, alerts.c.id, alerts.c.person)
    note_changed(connection, [{"id": name, "person": person} for name, person in rows])
    gone = delete_rows(connection, alerts.c.id, ids)
    delete_rows(connection, splits.c.alert, ids)
    frozen = [name for _, name in _some(connection, ids, snapshots.c.alert, snapshots.c.id)]
    release_frozen(connection, frozen)
    return Gone(Counter({Stored.ALERT: gone.total(), Stored.SNAPSHOT: len(frozen)}), frozen)
