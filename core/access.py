"""Who works with leaverwatch, what they may do, and whom they may look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.person import Person


class Role(StrEnum):
    ANALYST = "analyst"
    SENIOR_ANALYST = "senior_analyst"
    HR = "hr"
    LEGAL = "legal"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SERVICE = "service"


class Permission(StrEnum):
    """One thing that somebody may do. Which role has which is the table in `access.permissions`."""

    READ_ALERTS = "alerts:read"
    READ_CASES = "cases:read"
    WORK_CASES = "cases:work"
    DECIDE_CASES = "cases:decide"
    JOIN_CASES = "cases:join"
    READ_PERSONS = "persons:read"
    READ_EVENTS = "events:read"
    READ_SOURCES = "sources:read"
    READ_RULES = "rules:read"
    READ_GROUNDS = "grounds:read"
    FILE_GROUNDS = "grounds:file"
    READ_MODELS = "models:read"
    CHANGE_MODELS = "models:change"
    ASK_TO_UNMASK = "unmask:ask"
    UNMASK_ALONE = "unmask:alone"
    APPROVE_UNMASKING = "unmask:approve"
    READ_LEAVERS = "leavers:read"
    FILE_LEAVERS = "leavers:file"
    FILE_PEOPLE = "people:file"
    SEND_NOTICES = "notices:send"
    READ_NOTICES = "notices:read"
    ANSWER_NOTICES = "notices:answer"
    ASK_FOR_ACTIONS = "actions:ask"
    APPROVE_ACTIONS = "actions:approve"
    REPORT_ACTIONS = "actions:report"
    EXPORT_EVIDENCE = "evidence:export"
    PLACE_HOLDS = "holds:place"
    LIFT_HOLDS = "holds:lift"
    ANSWER_SUBJECTS = "subjects:answer"
    READ_REPORTS = "reports:read"
    READ_AUDIT = "audit:read"
    READ_METRICS = "metrics:read"
    MANAGE_USERS = "users:manage"
    MANAGE_KEYS = "keys:manage"
    MANAGE_NOTIFICATIONS = "notifications:manage"
    OWN_ACCOUNT = "account:own"
    LISTEN = "stream:listen"
    EXPORT_LISTS = "lists:export"


class Depth(StrEnum):
    """How much of a person is shown: who it is, or also what was written in mails and chats."""

    IDENTITY = "identity"
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose data somebody may look at: of some departments, of some countries; none named: of all."""

    departments: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    def covers(self, person: Person) -> bool:
        """Whether somebody of this department and country is within it. Who has none is within no narrower scope."""
        of_department = not self.departments or person.department in self.departments
        return of_department and (not self.countries or person.country in self.countries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever asks, in one request: `name` is what the audit log says. `person` is the employee they are, empty where
    they are none: never shown to themselves, nor their managers. Who `lacks_factor` has to set up a second factor
    first."""

    name: str
    roles: frozenset[Role]
    permissions: frozenset[Permission]
    scope: Scope = Scope()
    person: str = ""
    lacks_factor: bool = False

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
