"""Tag whole batches with the single-event rules that match."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.canonical import content_id
from core.schema import SCHEMA
from detection.derive import Surroundings, derive
from detection.engine import Engine
from detection.logsource import telling_fields
from detection.passing import Hits, in_columns
from detection.records import Looking
from detection.rulebook import RuleBook


class Tagger:
    """Fills `rule.matched`. Where a rule needs fields joined later, an event that may match is tagged too."""

    def __init__(self, book: RuleBook, surroundings: Surroundings) -> None:
        self.version = content_id(book.version, str(surroundings))
        self._surroundings = surroundings
        rules = [(rule, rule.candidate) for rule in book.event_rules if rule.candidate is not None]
        self._names = [rule.name for rule, _ in rules]
        # Rules on our fields look at columns, imported ones at the records of the system they are about.
        self._parts = [
            (module, [number for number, (rule, _) in enumerate(rules) if rule.records == module])
            for module in sorted({rule.records for rule, _ in rules})
        ]
        self._engines = [
            Looking(Engine([rules[number][1] for number in numbers], telling_fields() if module else ()))
            for module, numbers in self._parts
        ]

    def tag(self, events: pl.DataFrame) -> pl.DataFrame:
        """The events with `rule.matched`: names of rules in order, null where there are none."""
        if not events.height or not self._names:
            return events.with_columns(pl.lit(None, SCHEMA["rule.matched"]).alias("rule.matched"))
        hits: Hits = []
        for (module, numbers), looking in zip(self._parts, self._engines, strict=True):
            records = _in_records(looking, events, module) if module else None
            found = in_columns(looking.engine, self._derived(events)) if records is None else records
            hits += [(numbers[place], rows) for place, rows in found]
        return events.with_columns(self._matched(hits, events.height))

    def _derived(self, events: pl.DataFrame) -> pl.DataFrame:
        return derive(events, self._surroundings)

    def _matched(self, hits: Hits, height: int) -> pl.Series:
        """The names of the rules that hit each row. Few sets of rules occur, so names are looked up once per set."""
        if not hits:
            return pl.repeat(None, height, dtype=SCHEMA["rule.matched"], eager=True).alias("rule.matched")
        rule = np.concatenate([np.full(len(rows), number) for number, rows in hits])
        pairs = pl.DataFrame({"row": np.concatenate([rows for _, rows in hits]), "rule": rule})
        sets = pairs.sort("row", "rule").group_by("row", maintain_order=True).agg("rule")
        names = pl.Series(self._names, dtype=pl.String)
        named = sets.select("row", pl.col("rule").list.eval(pl.lit(names).gather(pl.element())).alias("rule.matched"))
        rows = pl.DataFrame({"row": pl.int_range(height, dtype=pl.Int64, eager=True)})
        return rows.join(named, on="row", how="left", maintain_order="left")["rule.matched"]


def _in_records(looking: Looking, events: pl.DataFrame, module: str) -> Hits:
    """What hits the vendor's records among the events; those of other systems are not read."""
    of = events.select((pl.col("event.module") == module).fill_null(False).alias("of"))["of"]
    rows = of.arg_true().to_numpy()
    if not len(rows):
        return []
    records = events.filter(of).select(pl.coalesce("vendor", "event.original", pl.lit("")).cast(pl.Binary))
    found = looking.judged(records.to_series().to_list())
    return [(number, rows[at]) for number, at in found.hits]
