"""A flaw that `make audit` leaves out is one of a package that is never loaded."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import sys
import api.server, app.cli, app.jobs, app.pipeline, app.playground, app.ruleimport, app.serving, app.wiring
from detection.rulebook import RuleBook
assert RuleBook.load().rules
sys.exit("sigma" not in sys.modules or "diskcache" in sys.modules)
"""


def test_rules_are_read_without_the_cache_that_runs_what_it_finds() -> None:
    assert subprocess.run([sys.executable, "-c", LOADED]).returncode == 0
