"""People's decisions and everything the judge owes them, in SQL: SQLite by default, PostgreSQL in a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import select

from core.errors import LeaverwatchError
from store.records.actions import ActionRecords
from store.records.answers import AnswerRecords
from store.records.atrest import unlock
from store.records.audit import AuditRecords
from store.records.casefiles import CaseFileRecords
from store.records.database import Database, upsert
from store.records.duework import DueRecords
from store.records.erasing import ErasingRecords
from store.records.findings import FindingRecords
from store.records.following import FollowingRecords
from store.records.freezing import FrozenRecords
from store.records.grounds import GroundRecords
from store.records.happenings import HappeningRecords
from store.records.holds import HoldRecords
from store.records.inbox import InboxRecords
from store.records.incidents import IncidentRecords
from store.records.lapsing import LapsingRecords
from store.records.ledger import LedgerRecords
from store.records.lists import ListRecords
from store.records.marks import MarkRecords
from store.records.models import ModelRecords
from store.records.notices import NoticeRecords
from store.records.notifying import NotifyingRecords
from store.records.people import PeopleRecords
from store.records.roster import RosterRecords
from store.records.sessions import KeyRecords, SessionRecords
from store.records.standings import StandingRecords
from store.records.subjects import SubjectRecords
from store.records.tables import settings
from store.records.triage import TriageRecords
from store.records.unmaskings import UnmaskingRecords
from store.records.users import UserRecords
from store.records.watching import WatchRecords
from store.records.worklist import WorklistRecords


class SqlRecords(
    LedgerRecords,
    PeopleRecords,
    MarkRecords,
    GroundRecords,
    InboxRecords,
    ModelRecords,
    FindingRecords,
    IncidentRecords,
    FrozenRecords,
    HoldRecords,
    AuditRecords,
    HappeningRecords,
    ListRecords,
    StandingRecords,
    NoticeRecords,
    RosterRecords,
    NotifyingRecords,
    ActionRecords,
    AnswerRecords,
    UserRecords,
    SessionRecords,
    KeyRecords,
    UnmaskingRecords,
    TriageRecords,
    WorklistRecords,
    CaseFileRecords,
    SubjectRecords,
    ErasingRecords,
    LapsingRecords,
    FollowingRecords,
    WatchRecords,
    DueRecords,
):
    """Adapter of `core.ports.Records`. Opening it brings the database to today's shape. `hashes` names the hash
    functions of a ledger that begins here, `keys` the file of the keys that columns are encrypted by at rest."""

    def __init__(self, url: str, hashes: Sequence[str] = ("sha256",), keys: Path | None = None) -> None:
        self.database = Database(url)
        self.hashes = hashes
        try:
            unlock(self.database, keys)
        except LeaverwatchError:
            self.database.close()
            raise
        super().__init__(self.database)

    def setting(self, name: str) -> str | None:
        with self.database.reading() as connection:
            found: str | None = connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()
        return found

    def set_setting(self, name: str, value: str) -> None:
        with self.database.writing() as connection:
            upsert(connection, settings, [{"name": name, "value": value}])

    def alone(self, job: str) -> AbstractContextManager[None]:
        return self.database.lock(job)

    def unless_done(self, job: str) -> AbstractContextManager[bool]:
        return self.database.try_lock(job)

    def close(self) -> None:
        self.database.close()
