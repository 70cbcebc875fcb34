"""What a service account that exports a million times a day costs the others: the whole way without and with it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.company import asked, logs

EVENTS = 1_000_000
COLUMNS = ("EVENT_TYPE", "TIMESTAMP_DERIVED", "USER_ID", "METHOD", "URI", "ENTITY_NAME", "ROWS_PROCESSED", "REQUEST_ID")
ROW = (
    "RestApi,{:%Y-%m-%dT%H:%M:%S.%f}Z,005xx000001Svc9,GET,/services/data/v60.0/jobs/query/750/results,Account,200,{},\n"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the seconds of an import of a company's logs, then of the service account's day, then of another day of
    the company: the account's million must not be read for others."""
    folder = logs(asked(__doc__, arguments))
    with tempfile.TemporaryDirectory() as temporary:
        day = Path(temporary) / "RestApi.csv"
        start = datetime(2026, 6, 10, tzinfo=UTC)
        step = timedelta(days=1) / EVENTS
        with day.open("w") as out:
            out.write(",".join((*COLUMNS, "TIMESTAMP")) + "\n")
            out.writelines(ROW.format(start + step * number, number) for number in range(EVENTS))
        for name, line in (
            ("the company", ["ingest", "--all", str(folder)]),
            ("the service account's million", ["ingest", "salesforce_event_log", str(day)]),
            ("everybody judged again", ["people", "import", str(folder / "hr/employees.csv")]),
        ):
            begun = time.perf_counter()
            whole = [sys.executable, "-m", "app", "--data", f"{temporary}/data", *line, "--json"]
            json.loads(subprocess.run(whole, stdout=subprocess.PIPE, check=True).stdout)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{name}: {time.perf_counter() - begun:.1f} s, highest peak so far {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
