"""What rules may know beyond the event itself: the company's calendar and mail domains."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from core.calendar import CompanyCalendar

PERSONAL_DOMAINS = frozenset(
    [
        "qq.com",
        "foxmail.com",
        "vip.qq.com",
        "163.com",
        "126.com",
        "yeah.net",
        "vip.163.com",
        "sina.com",
        "sina.cn",
        "sohu.com",
        "139.com",
        "189.cn",
        "aliyun.com",
        "21cn.com",
        "tom.com",
        "263.net",
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "yahoo.co.jp",
        "icloud.com",
        "me.com",
        "mac.com",
        "proton.me",
        "protonmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.ru",
        "yandex.ru",
        "yandex.com",
        "aol.com",
        "zoho.com",
        "fastmail.com",
        "tutanota.com",
        "hey.com",
        "naver.com",
        "daum.net",
    ]
)
"""Public mail providers, in China and abroad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The company rules are judged in. A mail domain of the company counts with its subdomains."""

    calendar: CompanyCalendar = field(default_factory=CompanyCalendar)
    company_domains: frozenset[str] = frozenset()
    personal_domains: frozenset[str] = PERSONAL_DOMAINS

    def __str__(self) -> str:
        """The same text for the same surroundings, in any process."""
        calendar = self.calendar
        parts = (calendar.zone, calendar.country, calendar.starts, calendar.ends, sorted(calendar.extra_holidays))
        return repr((*map(str, parts), sorted(self.company_domains), sorted(self.personal_domains)))


def derive(events: pl.DataFrame, surroundings: Surroundings) -> pl.DataFrame:
    """The events with the columns of `core.schema.DERIVED`. Needs @timestamp and email.to.domain."""
    off_hours = surroundings.calendar.off_hours(events["@timestamp"]).alias("calendar.off_hours")
    domain = pl.col("email.to.domain")
    ours = pl.any_horizontal(
        pl.lit(False),
        *((domain == name) | domain.str.ends_with(f".{name}") for name in sorted(surroundings.company_domains)),
    )
    kind = (
        pl.when(domain.is_null() | (domain == ""))
        .then(pl.lit(None, pl.String))
        .when(domain.is_in(sorted(surroundings.personal_domains)))
        .then(pl.lit("personal"))
        .when(ours)
        .then(pl.lit("internal"))
        .otherwise(pl.lit("external"))
    )
    return events.with_columns(off_hours, kind.alias("email.to.kind"))
