"""Compliance reports by themselves: once a week or month, into the data directory."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import structlog

from app.beside import beside
from app.compliance import Asked, write_report
from app.config import Config
from app.wiring import House, open_house
from cases.budget import monday

SETTING = "compliance_report"
"""The period that was reported last."""
HOUR = 3600.0
log = structlog.get_logger()


def period_before(day: date, every: str) -> tuple[date, date, str]:
    """The last whole week or month before a day: its first day, its last one, its name."""
    if every == "weekly":
        first = monday(day) - timedelta(days=7)
        return first, first + timedelta(days=6), f"{first:%G-W%V}"
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last, f"{last:%Y-%m}"


def report_due(house: House, at: datetime) -> Path | None:
    """Write the report of the last whole period, unless that was done or is being done; returns its folder. It lies
    there whole or not at all, whenever somebody dies."""
    every = house.config.evidence.report
    if not every:
        return None
    first, last, name = period_before(house.calendar.day_of(at), every)
    with house.records.unless_done("compliance report") as mine:
        if not mine or house.records.setting(SETTING) == name:
            return None
        folder = house.config.data / "reports" / name
        if not folder.exists():
            part = folder.with_name(f".{name}")
            shutil.rmtree(part, ignore_errors=True)
            write_report(
                house,
                Asked(first=first, last=last, recipient="leaverwatch", lang=house.config.evidence.report_lang, at=at),
                part,
            )
            part.rename(folder)
        house.records.set_setting(SETTING, name)
    log.info("compliance report written", period=name)
    return folder


def reporting(config: Config, every: float = HOUR) -> AbstractContextManager[None]:
    """Write reports that are due, now and every so many seconds, beside whatever is done meanwhile."""

    def work() -> None:
        with open_house(config) as house:
            report_due(house, datetime.now(UTC))

    return beside("compliance reports", work, every) if config.evidence.report else nullcontext()
