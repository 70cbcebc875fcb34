"""What the collector promises: everything once it is there, nothing twice for nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.collecting import BUSY_SECONDS, Collector
from core.batch import Batch
from ingest.catalog import sources

NOW = 2_000_000_000.0
LINE = "Mar  2 09:00:00 mx1 postfix/qmgr[1]: 4C1D2E0A11: from=<li.na@corp.example>, size=100, nrcpt=1 (queue active)\n"


class Sent:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def publish(self, batch: Batch) -> None:
        self.batches.append(batch)

    def take(self) -> int:
        """How many records came since."""
        count = sum(batch.read for batch in self.batches)
        self.batches.clear()
        return count


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def collector(sent: Sent, tmp_path: Path) -> Iterator[Collector]:
    with closing(opened(sent, tmp_path)) as made:
        yield made


def opened(sent: Sent, tmp_path: Path) -> Collector:
    return Collector(sent, sources("UTC"), tmp_path / "collected.db")


def written(tmp_path: Path, name: str, text: str, changed: float) -> Path:
    file = tmp_path / "logs/postfix" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (changed, changed))
    return file


def test_a_file_goes_out_once_also_for_the_next_process(collector: Collector, sent: Sent, tmp_path: Path) -> None:
    written(tmp_path, "mail.log", LINE * 3, NOW - 60)
    assert collector.look(tmp_path / "logs", NOW) == 1
    assert sent.take() == 3
    assert collector.look(tmp_path / "logs", NOW) == 0
    with closing(opened(sent, tmp_path)) as again:
        assert again.look(tmp_path / "logs", NOW) == 0
    assert sent.take() == 0


def test_a_file_that_grew_goes_out_again_when_it_rests(collector: Collector, sent: Sent, tmp_path: Path) -> None:
    written(tmp_path, "mail.log", LINE, NOW - 60)
    collector.look(tmp_path / "logs", NOW)
    written(tmp_path, "mail.log", LINE * 2, NOW)
    assert collector.look(tmp_path / "logs", NOW + 1) == 0, "still being written to"
    assert collector.look(tmp_path / "logs", NOW + 5) == 1
    last = sent.batches[-1]
    assert last.fragments.height == 2
    assert [(part.read, part.first) for part in last.files] == [(2, True)], "counted from the beginning"


def test_a_file_that_never_rests_is_read_now_and_then(collector: Collector, sent: Sent, tmp_path: Path) -> None:
    written(tmp_path, "mail.log", LINE, NOW)
    assert collector.look(tmp_path / "logs", NOW) == 1
    written(tmp_path, "mail.log", LINE * 2, NOW + 10)
    assert collector.look(tmp_path / "logs", NOW + 10) == 0
    written(tmp_path, "mail.log", LINE * 3, NOW + BUSY_SECONDS)
    assert collector.look(tmp_path / "logs", NOW + BUSY_SECONDS) == 1
    assert sent.take() == 4


def test_batches_that_went_out_do_not_go_again(
    collector: Collector, sent: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.catalog.BATCH_BYTES", 1)
    lines = [LINE.replace("0A11", f"0A1{number}") for number in range(6)]
    written(tmp_path, "mail.log", "".join(lines), NOW - 60)
    collector.look(tmp_path / "logs", NOW)
    whole = sent.take()
    shutil.rmtree(tmp_path / "logs")
    written(tmp_path, "mail.log", "".join(lines), NOW - 30)
    assert collector.look(tmp_path / "logs", NOW) == 1
    assert (whole, sent.take()) == (6, 0)


def test_a_file_that_was_written_anew_goes_out_whole(collector: Collector, sent: Sent, tmp_path: Path) -> None:
    written(tmp_path, "mail.log", LINE, NOW - 60)
    collector.look(tmp_path / "logs", NOW)
    sent.take()
    written(tmp_path, "mail.log", LINE.replace("09:00", "10:00"), NOW - 30)
    collector.look(tmp_path / "logs", NOW)
    assert sent.take() == 1


def test_what_nobody_can_read_is_told_once_and_stops_nothing(collector: Collector, sent: Sent, tmp_path: Path) -> None:
    written(tmp_path, "a.log", "\x00\x01 rubbish", NOW - 60)
    written(tmp_path, os.fsdecode(b"\xff.log"), LINE, NOW - 60)
    (tmp_path / "logs/postfix/gone.log").symlink_to(tmp_path / "nowhere")
    with capture_logs() as logs:
        collector.look(tmp_path / "logs", NOW)
        collector.look(tmp_path / "logs", NOW)
    assert sent.take() == 1
    assert [line["file"] for line in logs].count("a.log") == 1


def test_a_collector_killed_in_a_file_sends_it_again(
    collector: Collector, sent: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "mail.log", LINE, NOW - 60)
    with monkeypatch.context() as killed:
        killed.setattr(Sent, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            collector.look(tmp_path / "logs", NOW)
    assert collector.look(tmp_path / "logs", NOW) == 1
    assert sent.take() == 1
