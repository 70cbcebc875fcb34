"""Who waits for the judge, and who does not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from time import monotonic

from app.config import Config
from app.jobs import A_LOOK, Turns
from app.wiring import open_house
from core.ports import Mark
from detection.marking import DECISIVE

DAY = date(2026, 3, 2)


def test_while_the_judge_pauses_only_who_is_urgent_is_judged(tmp_path: Path) -> None:
    with open_house(Config(data=tmp_path)) as house:
        turns = Turns(house, house.directory())
        house.records.add([Mark(subject="person:calm", first=DAY, last=DAY)])
        begun = monotonic()
        turns.pause(A_LOOK / 2)
        assert monotonic() - begun >= A_LOOK / 2
        assert [mark.subject for mark in house.records.pending()] == ["person:calm"]
        house.records.add([Mark(subject="person:urgent", first=DAY, last=DAY, urgent=DECISIVE)])
        turns.pause(A_LOOK / 2)
        assert [mark.subject for mark in house.records.pending()] == ["person:calm"]
        assert turns.spans == 1
