"""From the embedded default to a cluster: records first, then every segment of events, compared in its new place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from app.config import Config
from app.wiring import embedded, open_house, records_of
from core.errors import ConfigError
from store.moving import MODULUS, MOVED, Moved, Mover
from store.records.copying import copy_records


@dataclass(slots=True)
class Total:
    """What was moved of one source and kind, and the digest of what lies in the new place."""

    rows: int = 0
    refused: int = 0
    digest: int = 0

    def add(self, moved: Moved) -> None:
        self.rows += moved.rows
        self.refused += moved.refused
        self.digest = (self.digest + moved.digest) % MODULUS


@dataclass(slots=True)
class Account:
    """What a migration did."""

    records: int = 0
    totals: dict[tuple[str, str], Total] = field(default_factory=dict)


def migrate(config: Config, progress: Callable[[Moved], None]) -> Account:
    """Move what lies in the data directory to the servers that the configuration names. Raises `ConfigError` where it
    names none or nothing lies there, `Refused`, `Damaged`, `Unavailable`; started again it goes on."""
    if not config.cluster.elasticsearch.get_secret_value():
        raise ConfigError("where to move to is not set: [cluster] elasticsearch")
    if not (config.data / "records.db").exists():
        raise ConfigError(f"nothing lies in {config.data}: an embedded store has a records.db there")
    account = Account()
    with ExitStack() as stack:
        records, events = stack.enter_context(embedded(config))
        # The ledger goes along with the records, and only what it knows of may be moved beside it.
        records.begin_ledger(events.count, records.hashes)
        if config.cluster.postgresql.get_secret_value():
            with closing(records_of(config)) as target:
                account.records = copy_records(records.database, target.database, MOVED)
        house = stack.enter_context(open_house(config))
        for moved in Mover(events, house.events, house.records).move():
            account.totals.setdefault((moved.source, moved.kind), Total()).add(moved)
            progress(moved)
    return account
