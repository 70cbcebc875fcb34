"""Configuration: one TOML file and the environment; every key has a default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from core.calendar import CompanyCalendar
from core.errors import ConfigError

PREFIX = "LEAVERWATCH_"


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
    """Where `serve` listens. An empty token is generated once and kept in the data directory."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    token: str = ""


class Evidence(_Section):
    """Compliance reports that are written by themselves once a period is over, and their language; empty, none is."""

    report: Literal["", "weekly", "monthly"] = ""
    report_lang: Literal["en", "zh"] = "zh"


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


class Config(_Section):
    """The whole configuration. `data` holds everything the embedded default writes."""

    data: Path = Path("leaverwatch-data")
    company: Company = Company()
    detection: Detection = Detection()
    api: Api = Api()
    evidence: Evidence = Evidence()
    cluster: Cluster = Cluster()

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


_LISTS = frozenset({"holidays", "domains"})
