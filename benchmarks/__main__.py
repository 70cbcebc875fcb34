"""`make bench`: the rates of each source, then the whole way, on a company small enough to wait for."""

from __future__ import annotations

from benchmarks import sources, whole_way

sources.main(["--employees", "300", "--days", "30"])
whole_way.main(["--employees", "300", "--days", "30"])
