"""Postfix: the lines of one queue id become one send event per recipient, in whatever order they come."""

from __future__ import annotations

import polars as pl

from core.schema import SCHEMA

DISORDER = "5s"
HEADS = ("client", "message", "queue")
"""The lines a delivery needs before it: who handed it in, the sender and size, the message id."""
TIME = "@timestamp"
KEPT = ("user.account", "user.name", "source.ip", "email.from.address", "email.message_id", "data.bytes")
OWN = ("email.to.address", "email.to.domain", "event.outcome", "event.reason", "event.code", "host.name")


def assemble(fragments: pl.DataFrame) -> pl.DataFrame:
    """Send events of deliveries whose heads are all there; id and time are those of the delivery's line.

    Queue ids are used again after `removed`: a delivery belongs to the latest heads before it (five seconds of
    disorder between the daemons' clocks are allowed) that no `removed` separates from it.
    """
    rows = fragments.sort(TIME, "event.id").with_columns(
        pl.col("fields").str.json_path_match(f"$['{name}']").alias(f"said {name}") for name in (*KEPT, *OWN)
    )
    sends = rows.filter(pl.col("kind") == "delivery").with_columns((pl.col(TIME) + pl.duration(seconds=5)).alias("by"))
    for head in HEADS:
        found = rows.filter(pl.col("kind") == head).select(
            "key",
            pl.col(TIME).alias(f"{head} at"),
            pl.col("event.original").alias(f"{head} line"),
            *(pl.col(f"said {name}").alias(f"{head} {name}") for name in KEPT),
        )
        sends = sends.join_asof(found, left_on="by", right_on=f"{head} at", by="key", check_sortedness=False)
    removed = rows.filter(pl.col("kind") == "removed").select("key", pl.col(TIME).alias("removed at"))
    sends = sends.with_columns((pl.col(TIME) - pl.duration(seconds=5)).alias("from"))
    sends = sends.join_asof(removed, left_on="from", right_on="removed at", by="key", check_sortedness=False)
    whole = sends.filter(
        pl.all_horizontal(pl.col(f"{head} at").is_not_null() for head in HEADS)
        & (pl.col("removed at").is_null() | (pl.col("removed at") < pl.col("queue at")))
    )
    return whole.select(*_columns())


def _columns() -> list[pl.Expr]:
    sender = pl.col("queue email.from.address")
    handed_in_by = pl.col("client user.account")
    bounce = pl.lit("mail:mailer-daemon@") + pl.col("said host.name")
    account = pl.coalesce(handed_in_by, pl.lit("mail:") + sender, bounce)
    lines = pl.concat_list(*(f"{head} line" for head in HEADS), "event.original").list.join("\n")
    return [
        pl.col("event.id"),
        pl.col(TIME),
        pl.col("event.sequence"),
        pl.col("log.file.path"),
        lines.alias("event.original"),
        pl.lit("send").alias("event.action"),
        *(pl.col(f"said {name}").alias(name) for name in OWN),
        account.alias("user.account"),
        pl.col("client user.name").alias("user.name"),
        sender.alias("user.email"),
        sender.alias("email.from.address"),
        pl.col("client source.ip").alias("source.ip"),
        pl.col("message email.message_id").alias("email.message_id"),
        pl.col("queue data.bytes").cast(SCHEMA["data.bytes"], strict=False).alias("data.bytes"),
    ]
