"""Recall at fixed rates of false alarms on made-up companies in the layout of the CERT data, by scenario."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from app.cert import Report, evaluate_cert
from demo.cert import RELEASES, simulate_cert


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a company of a release, evaluate it, and print what the panel and each detector find."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", choices=RELEASES, default="4.2")
    parser.add_argument("--employees", type=int, default=200)
    parser.add_argument("--days", type=int, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[31])
    asked = parser.parse_args(arguments)
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            logs = Path(folder) / f"r{asked.release}"
            simulate_cert(logs, asked.release, employees=asked.employees, days=asked.days, seed=seed)
            start = time.perf_counter()
            report = evaluate_cert(logs, Path(folder) / "data", progress=lambda _, __: None)
            took = time.perf_counter() - start
        _print(report, seed, took)


def _print(report: Report, seed: int, took: float) -> None:
    [release] = report.releases
    events = sum(log.stored for log in release.logs.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"seed {seed}: {events:,} events, {release.user_days:,} user-days scored, {took:.0f} s, {peak:.0f} MB")
    for scenario in release.scenarios:
        print(
            f"  scenario {scenario.scenario}: {scenario.insiders_scored} of {scenario.insiders} insiders, "
            f"{scenario.malicious_days} days among {scenario.benign_days:,}, {scenario.benign_leavers} benign leavers"
        )
        for name, metrics in scenario.detectors.items():
            figures = "  ".join(f"{one.name} {one.value:.3f} ({one.low:.2f}-{one.high:.2f})" for one in metrics)
            print(f"    {name:14} {figures}")


if __name__ == "__main__":
    main()
