"""`make bench`: the rates of each source, the whole way, then a notice, on companies small enough to wait for."""

from __future__ import annotations

from benchmarks import notice, sources, training, whole_way

sources.main(["--employees", "300", "--days", "30"])
whole_way.main(["--employees", "300", "--days", "30"])
notice.main(["--employees", "40", "--days", "60", "--copies", "3"])
training.main(["--people", "1000", "--days", "120"])
