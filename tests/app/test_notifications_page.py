"""The page on notifications says what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.config import Config
from core.action import NEXT, ActionKind
from core.notifying import ChannelKind
from notify.timing import RETRIES

PAGES = [Path(__file__).parents[2] / "docs" / name for name in ("notifications.md", "notifications.zh.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_configuration_is_one(page: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    config = Config.model_validate(tomllib.loads("\n".join(blocks)))
    assert (config.forward.format, config.notify.smtp_host) == ("cef", "mail.corp")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_names_every_channel_action_and_step(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for kind in (*ChannelKind, *ActionKind):
        assert f"`{kind.value}`" in text, kind
    steps = {
        (origin.strip(), target.strip())
        for origin, targets in re.findall(r"(\w+) → ([\w |]+)", text)
        for target in targets.split("|")
    }
    known = {(origin.value, target.value) for origin, targets in NEXT.items() for target in targets}
    assert steps == {step for step in known if step[0] != "expired"}
    assert len(RETRIES) == 6
