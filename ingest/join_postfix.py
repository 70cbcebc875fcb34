"""Postfix: the lines of one queue id become one send event per recipient, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from core.schema import SCHEMA

DISORDER = timedelta(seconds=5)
"""How far the stamps of one mail's lines may stand in the wrong order."""
LIFETIME = timedelta(days=10)
"""How long before its delivery a mail may have come in. Postfix keeps one for five days unless told otherwise."""
HEADS = ("client", "message", "queue")
"""The kinds of lines a delivery needs: who handed it in, the message id, the sender and size."""
SUBJECT = "subject"
"""A line some servers log of a mail; no delivery waits for it."""
TIME = "@timestamp"
OWN = ("email.to.address", "email.to.domain", "event.outcome", "event.reason", "event.code", "host.name")
TAKEN = {
    "user.account": "client",
    "user.name": "client",
    "source.ip": "client",
    "email.message_id": "message",
    "email.from.address": "queue",
    "data.bytes": "queue",
    "email.subject": SUBJECT,
}
"""Which line says what of a mail."""


def assemble(fragments: pl.DataFrame) -> pl.DataFrame:
    """Send events of deliveries whose heads are all there; id and time are those of the delivery's line.

    Queue ids are used again after `removed`: a delivery belongs to the latest heads before it in its own life of the
    id. Where stamps stand in the wrong order, so that these are not all there, the latest heads up to five seconds
    after it serve: in its own life, else of any that no `removed` parts from it by more than that.
    """
    rows = _lived(fragments)
    sends = rows.filter(pl.col("kind") == "delivery")
    whole: list[pl.DataFrame] = []
    for by, late in ((["key", "life"], timedelta()), (["key", "life"], DISORDER), (["key"], DISORDER)):
        found = _of_one_mail(_with_heads(sends, rows, by, late), rows, by)
        found = found if "life" in by else _not_parted(found, rows)
        whole.append(found.select(*_columns()))
        sends = sends.join(found, on="event.id", how="anti", maintain_order="left")
    return pl.concat(whole).sort(TIME, "event.id")


def _lived(fragments: pl.DataFrame) -> pl.DataFrame:
    """The lines in time, with the number of the life of their queue id and what they say."""
    removed = pl.col("kind") == "removed"
    rows = fragments.with_columns(removed.alias("is last")).sort(TIME, "is last", "event.sequence", "event.id")
    return rows.with_columns(
        (pl.col("is last").cast(pl.Int64).cum_sum() - pl.col("is last")).over("key").alias("life"),
        *(pl.col("fields").str.json_path_match(f"$['{name}']").alias(name) for name in (*TAKEN, *OWN)),
    )


def _with_heads(sends: pl.DataFrame, rows: pl.DataFrame, by: list[str], late: timedelta) -> pl.DataFrame:
    """Deliveries beside the latest line of each head, and of the subject, that is no more than `late` after them."""
    sends = sends.with_columns(latest=pl.col(TIME) + late)
    for head in (*HEADS, SUBJECT):
        found = rows.filter(pl.col("kind") == head).select(
            *by,
            pl.col(TIME).alias(f"{head} at"),
            pl.col("event.original").alias(f"{head} line"),
            *(pl.col(name).alias(f"said {name}") for name, of in TAKEN.items() if of == head),
        )
        sends = sends.join_asof(found, left_on="latest", right_on=f"{head} at", by=by, check_sortedness=False)
    return sends


def _of_one_mail(sends: pl.DataFrame, rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Deliveries whose heads are all there and of one mail: handed in, named and queued in this order, and not before
    the message id of an earlier mail."""
    named = rows.filter(pl.col("kind") == "message").select(*by, pl.col(TIME).alias("earlier at"))
    sends = sends.with_columns(earlier=pl.col("message at") - DISORDER).filter(pl.col("earlier").is_not_null())
    sends = sends.sort("earlier").join_asof(
        named, left_on="earlier", right_on="earlier at", by=by, check_sortedness=False
    )
    client, message, queue = (pl.col(f"{head} at") for head in HEADS)
    in_order = (client <= message + DISORDER) & (message <= queue + DISORDER)
    mixed = (client <= pl.col("earlier at")).fill_null(False)
    return sends.filter(in_order & ~mixed & (client >= pl.col(TIME) - LIFETIME))


def _not_parted(sends: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Deliveries that no `removed` parts for certain from any of their heads."""
    removed = rows.filter(pl.col("kind") == "removed").select("key", pl.col(TIME).alias("removed at"))
    before = (
        sends.sort(TIME)
        .with_columns(certain=pl.col(TIME) - DISORDER)
        .join_asof(removed, left_on="certain", right_on="removed at", by="key", check_sortedness=False)
    )
    first = pl.min_horizontal(f"{head} at" for head in HEADS)
    return before.filter(pl.col("removed at").is_null() | (pl.col("removed at") < first))


def _columns() -> list[pl.Expr]:
    sender = pl.col("said email.from.address")
    bounce = pl.lit("mail:mailer-daemon@") + pl.col("host.name")
    account = pl.coalesce("said user.account", pl.lit("mail:") + sender, bounce)
    heads = (f"{head} line" for head in ("client", SUBJECT, "message", "queue"))
    return [
        pl.col("event.id"),
        pl.col(TIME),
        pl.col("event.sequence"),
        pl.col("log.file.path"),
        pl.concat_str(*heads, "event.original", separator="\n", ignore_nulls=True).alias("event.original"),
        pl.lit("send").alias("event.action"),
        *(pl.col(name) for name in OWN),
        account.alias("user.account"),
        sender.alias("user.email"),
        *(pl.col(f"said {name}").alias(name) for name in TAKEN if name not in ("user.account", "data.bytes")),
        pl.col("said data.bytes").cast(SCHEMA["data.bytes"], strict=False).alias("data.bytes"),
    ]
