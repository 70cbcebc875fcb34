"""Configuration: one TOML file and the environment; every key has a default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date, time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from core.access import Role
from core.action import ActionKind
from core.alert import Severity
from core.calendar import CompanyCalendar
from core.errors import ConfigError
from core.retention import KeptFor

PREFIX = "LEAVERWATCH_"
EVERYBODY = "everybody"
Days = Annotated[int, Field(ge=1, le=36_500)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Section):
    """Whose days, hours and mail domains count. No domains: those of the employees' mail addresses."""

    zone: str = "Asia/Shanghai"
    country: str = "CN"
    starts: time = time(8)
    ends: time = time(20)
    holidays: frozenset[date] = frozenset()
    domains: frozenset[str] = frozenset()

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("no such time zone") from None
        return value

    def calendar(self) -> CompanyCalendar:
        return CompanyCalendar(
            zone=self.zone, country=self.country, starts=self.starts, ends=self.ends, extra_holidays=self.holidays
        )


class Detection(_Section):
    """How far a notice looks back, when a case opens, and a folder of the company's own rules beside ours. `posts` are
    titles and departments that weigh more, each with its factor. With `cases_per_week` only the strongest cases are
    shown, so many a week as past weeks tell. `pre_departure` is the purpose for which people may be looked at as about
    to leave before HR knows, in words; empty, nobody is."""

    replay_days: int = Field(default=400, ge=1, le=4000)
    case_opens_at: float = Field(default=30.0, gt=0)
    cases_per_week: float | None = Field(default=None, gt=0)
    posts: dict[str, Annotated[float, Field(ge=1, le=5)]] = {}
    rules: Path | None = None
    pre_departure: str = ""


class Api(_Section):
    """Where `serve` listens, and in how many processes. `hosts` are the names by which the service is asked; none: this
    machine's, and where it listens on all addresses, any. Each process answers so many requests a minute to one caller
    and to one address (0: as many as come), and lets so many listen to the stream at once; so many KiB may be in a
    body, MiB in an upload, all of it within so many seconds."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    processes: int = Field(default=2, ge=1, le=64)
    hosts: frozenset[str] = frozenset()
    caller_per_minute: int = Field(default=1_200, ge=0)
    address_per_minute: int = Field(default=6_000, ge=0)
    body_kib: int = Field(default=1_024, ge=1, le=65_536)
    upload_mib: int = Field(default=32, ge=1, le=4_096)
    upload_seconds: float = Field(default=120.0, gt=0)
    streams: int = Field(default=100, ge=0, le=10_000)


class Oidc(_Section):
    """An OpenID Connect provider. Users have the roles that `roles` names for each of their groups, which the claim
    `claim` lists; their name here is the claim `known_by`."""

    issuer: str = Field(pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    claim: str = "groups"
    known_by: str = "preferred_username"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    roles: dict[str, frozenset[Role]]

    @field_validator("roles")
    @classmethod
    def _groups(cls, value: dict[str, frozenset[Role]]) -> dict[str, frozenset[Role]]:
        return {group: _of_people(roles) for group, roles in value.items()}


def _of_people(roles: frozenset[Role]) -> frozenset[Role]:
    if Role.SERVICE in roles:
        raise ValueError("a service has keys and does not log in")
    return roles


class Access(_Section):
    """How people log in. `address` is where their browsers find the service: with `https://` cookies are sent by it
    alone; empty, it is `http://` and where the API listens. Who has one of the roles `second_factor`, or with
    `everybody` whoever logs in with a password, can do nothing before they have a second factor. `key`, 64 hexadecimal
    digits, seals the secrets of second factors; of several, parted by spaces, the last one does, and any opens them.
    Empty, one is made once and kept in the data directory. `oidc` are identity providers, each under a name."""

    address: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?$")
    session_hours: float = Field(default=12, gt=0, le=168)
    idle_minutes: float = Field(default=60, gt=0, le=1440)
    second_factor: frozenset[Role] = frozenset()
    key: SecretStr = SecretStr("")
    oidc: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")], Oidc] = {}

    @field_validator("second_factor", mode="before")
    @classmethod
    def _everybody(cls, value: object) -> object:
        people = [role.value for role in Role if role is not Role.SERVICE]
        return people if value == [EVERYBODY] else value

    @field_validator("second_factor")
    @classmethod
    def _who_log_in(cls, value: frozenset[Role]) -> frozenset[Role]:
        return _of_people(value)


class Cluster(_Section):
    """Addresses of servers; each takes the place of a part of the embedded default. None: everything lies in `data`.
    Data streams end in the namespace; a `_ca` is the one authority whose certificates are trusted (PEM). Kafka's topics
    are made with so many partitions; a collector keeps up to `spool_mib` on disk while Kafka is away."""

    postgresql: SecretStr = SecretStr("")
    elasticsearch: SecretStr = SecretStr("")
    elasticsearch_api_key: SecretStr = SecretStr("")
    elasticsearch_ca: Path | None = None
    kafka: str = ""
    kafka_user: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_ca: Path | None = None
    kafka_partitions: int = Field(default=12, ge=1, le=10_000)
    spool_mib: int = Field(default=1024, ge=1)
    namespace: str = Field(default="leaverwatch", pattern=r"^[a-z0-9][a-z0-9_.]{0,99}$")

    def records(self, data: Path) -> str:
        """Where the records lie."""
        return self.postgresql.get_secret_value() or f"sqlite:///{data / 'records.db'}"


class Authority(_Section):
    """A time-stamping authority (RFC 3161): its address, and the certificates it is known by (PEM)."""

    url: str = Field(pattern=r"^https?://")
    ca: Path


class Evidence(_Section):
    """What proves that events are as they were stored. `sm3` keeps a second tree of that hash, from the first event on.
    `authorities` stamp heads of the ledger, each under a name; heads are made every so many minutes while it grows, and
    written to `heads_to`, a folder that the administrator does not control. Where the key lies in other hands than a
    file's, `signer` is the program that signs, as a list of arguments (`{file}` is what it signs), and `signer_public`
    its public key (PEM). A compliance `report` is written once a period is over, in `report_lang`; empty, none is."""

    sm3: bool = False
    authorities: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")], Authority] = {}
    heads_minutes: float = Field(default=60, gt=0)
    heads_to: Path | None = None
    signer: tuple[str, ...] = ()
    signer_public: Path | None = None
    report: Literal["", "weekly", "monthly"] = ""
    report_lang: Literal["en", "zh"] = "zh"

    @property
    def hashes(self) -> tuple[str, ...]:
        return ("sha256", "sm3") if self.sm3 else ("sha256",)


class Retention(_Section):
    """For how many days what is kept, none: for good. `events` of all sources, those of some for others; the rest by
    purpose (see `core.retention.KeptFor`): cases since they were decided, alerts that no case has, notices to HR since
    they ended, resignations since they were withdrawn, approvals and exceptions since they were over. Legal holds keep
    all of it longer."""

    events: Days | None = None
    events_of: dict[str, Days] = {}
    confirmed: Days | None = None
    dismissed: Days | None = None
    alerts: Days | None = None
    notices: Days | None = None
    resignations: Days | None = None
    grounds: Days | None = None

    @property
    def purposes(self) -> dict[KeptFor, int]:
        """Those that have an end."""
        return {one: days for one in KeptFor if (days := getattr(self, one.value)) is not None}

    @property
    def is_set(self) -> bool:
        return self.events is not None or bool(self.events_of or self.purposes)


class Hr(_Section):
    """What HR is told. Of cases from a risk level on, notices are suggested to analysts (`suggest`), or sent by
    themselves, once of each case (`send`); `off`: HR is told what an analyst sends. With `scim_inactive_is_departure`
    who is no longer active in the identity provider has left that day."""

    notices: Literal["off", "suggest", "send"] = "suggest"
    notices_from: Literal["low", "medium", "high"] = "high"
    scim_inactive_is_departure: bool = False


class Notify(_Section):
    """How people and systems are told. Mail goes by `smtp_host`. Webhooks reach the internet over https, and only that:
    `allow_networks` are networks within the company that they may reach too, `allow_http` hosts that are spoken to
    without TLS, `ca` the authority trusted instead of the system's (PEM). What was told
    is kept for `keep_days`."""

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""
    allow_networks: frozenset[IPv4Network | IPv6Network] = frozenset()
    allow_http: frozenset[str] = frozenset()
    ca: Path | None = None
    keep_days: Days = 30


class Forward(_Section):
    """Where alerts and cases are forwarded to as syslog: `tcp://`, `tls://` or `udp://`, host and port; empty, nowhere.
    With `audit` entries of the audit log too. `ca` is the one authority trusted for TLS (PEM)."""

    to: str = Field(default="", pattern=r"^((tcp|tls|udp)://[^\s/]+:[0-9]{1,5})?$")
    format: Literal["cef", "ecs"] = "cef"
    audit: bool = False
    ca: Path | None = None

    @field_validator("to")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            if value and not (urlsplit(value).hostname and urlsplit(value).port):
                raise ValueError
        except ValueError:
            raise ValueError("no host and port") from None
        return value


class Actions(_Section):
    """Response actions that run without a second person's approval, in cases of a severity from `automatic_from` on;
    none does unless it is named here."""

    automatic: frozenset[ActionKind] = frozenset()
    automatic_from: Severity = Severity.CRITICAL


class Privacy(_Section):
    """Which file holds the keys that columns about people are encrypted by at rest. None named: one in `data`, made
    when it is first needed; in PostgreSQL, which several machines share, nothing is encrypted then. Who leaves is
    watched until `watch_days_after` days after the last day."""

    key: Path | None = None
    watch_days_after: int = Field(default=90, ge=0, le=3_650)


class Config(_Section):
    """The whole configuration. `data` holds everything the embedded default writes."""

    data: Path = Path("leaverwatch-data")
    company: Company = Company()
    detection: Detection = Detection()
    api: Api = Api()
    access: Access = Access()
    cluster: Cluster = Cluster()
    evidence: Evidence = Evidence()
    retention: Retention = Retention()
    hr: Hr = Hr()
    notify: Notify = Notify()
    forward: Forward = Forward()
    actions: Actions = Actions()
    privacy: Privacy = Privacy()

    @property
    def records_key(self) -> Path | None:
        """The file of the keys that columns are encrypted by; None where they are not."""
        own = None if self.cluster.postgresql.get_secret_value() else self.data / "records.key"
        return self.privacy.key or own

    @property
    def rules(self) -> Path | None:
        """The folder of rules beside ours: the one named, else `rules` in the data directory once it is there."""
        own = self.data / "rules"
        return self.detection.rules or (own if own.is_dir() else None)


def load(data: Path | None = None, file: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Configuration from `file` (or LEAVERWATCH_CONFIG), then the environment, then `data`; later ones win.

    An environment key names section and key: LEAVERWATCH_COMPANY_ZONE. Raises `ConfigError`.
    """
    environment = os.environ if environment is None else environment
    chosen = file or (Path(environment[PREFIX + "CONFIG"]) if environment.get(PREFIX + "CONFIG") else None)
    values = _read(chosen) if chosen else {}
    for name, text in environment.items():
        if name.startswith(PREFIX):
            _put(values, name.removeprefix(PREFIX).lower(), text)
    if data is not None:
        values["data"] = data
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"configuration key {where}: {first['msg']}") from None


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None


def _put(values: dict[str, object], name: str, text: str) -> None:
    if name == "data":
        values["data"] = text
        return
    section, _, key = name.partition("_")
    if section not in Config.model_fields or section == "data":
        return
    inside = values.setdefault(section, {})
    if not isinstance(inside, dict):
        raise ConfigError(f"configuration key {section} must be a table")
    inside[key] = [part.strip() for part in text.split(",") if part.strip()] if key in _LISTS else text


_LISTS = frozenset({"holidays", "domains", "hosts", "allow_networks", "allow_http", "automatic", "second_factor"})
