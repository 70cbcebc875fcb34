"""`make bench`: rates of each source, the whole way, a notice, then models, on companies small enough to wait for."""

from __future__ import annotations

from benchmarks import models, notice, sources, training, whole_way

sources.main(["--employees", "300", "--days", "30"])
whole_way.main(["--employees", "300", "--days", "30"])
notice.main(["--employees", "40", "--days", "60", "--copies", "3"])
training.main(["--people", "1000", "--days", "120"])
models.main(["--employees", "300", "--days", "60"])
