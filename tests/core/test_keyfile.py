"""A key is whole on disk or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.keyfile import write_key


def test_a_key_is_read_by_its_owner_alone_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_key(tmp_path / "key", b"one")
    assert (tmp_path / "key").read_bytes() == b"one"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]


def test_a_key_that_is_there_stays_unless_another_comes_instead(tmp_path: Path) -> None:
    write_key(tmp_path / "key", b"one")
    write_key(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"one"
    write_key(tmp_path / "key", b"two", instead=True)
    assert (tmp_path / "key").read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]


def test_a_key_that_did_not_get_to_the_disk_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_key(tmp_path / "key", b"one")
    assert not list(tmp_path.iterdir())
