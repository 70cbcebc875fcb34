"""systemd's units: commands that there are, secrets shown to nobody else, the same bounds for all."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.contract import DEPLOY, PARTS, configured, runs

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAM = "/opt/leaverwatch/bin/leaverwatch "


def _values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def test_there_is_one_for_each_part_and_one_for_all() -> None:
    names = {unit.stem.removeprefix("leaverwatch").strip("-@") for unit in UNITS}
    assert names == {"", *PARTS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_starts_what_the_command_line_takes(unit: Path) -> None:
    (line,) = _values(unit, "ExecStart")
    assert line.startswith(PROGRAM)
    runs(line.removeprefix(PROGRAM).replace("%i", "11").split())
    variables = dict(value.split("=", 1) for value in _values(unit, "Environment"))
    configured({name: value for name, value in variables.items() if name.startswith("LEAVERWATCH_")})


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_is_bounded_and_sees_its_own_secrets_only(unit: Path) -> None:
    assert _values(unit, "MemoryMax")
    assert _values(unit, "User") == ["leaverwatch"]
    assert _values(unit, "ProtectSystem") == ["strict"]
    # Every part of a cluster has passwords: its file is root's, and shown to it alone.
    assert bool(_values(unit, "LoadCredential")) == (unit.stem != "leaverwatch")


def test_all_are_held_to_the_same_bounds() -> None:
    def bounds(unit: Path) -> str:
        return unit.read_text(encoding="utf-8").partition("# What it may do")[2]

    assert len({bounds(unit) for unit in UNITS}) == 1


def _systemd() -> int:
    """Its version, 0 where there is none. The directory of credentials has a name of its own (%d) since 250."""
    if shutil.which("systemd-analyze") is None:
        return 0
    told = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True).stdout
    return int((re.findall(r"systemd (\d+)", told) or ["0"])[0])


@pytest.mark.skipif(_systemd() < 250, reason="no systemd of our time here")
def test_systemd_understands_them(tmp_path: Path) -> None:
    program = tmp_path / "leaverwatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(PROGRAM.strip(), str(program))
        (tmp_path / unit.name.replace("@", "@11")).write_text(text, encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.glob("*.service"))]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert "Unknown" not in done.stderr
    assert done.returncode == 0, done.stderr
