"""What is wrong with an installation, each finding in one sentence. Servers are looked at one by one, whichever others
are down, and nothing is made on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from app.config import Config
from app.processes import Process
from app.report import balance
from app.scoring import judging, problems
from app.wiring import House, broker_address, elastic_client, open_house
from core.auditing import check as check_audit
from core.drift import kept
from core.errors import LeaverwatchError
from core.model import ModelState
from detection.rulebook import RuleBook
from store.records import health as records_health

SPEAKS_TO_KAFKA: tuple[Process, ...] = ("collect", "worker", "judge")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and its outcome."""

    check: str
    ok: bool
    text: str


def examine(config: Config, process: Process | None = None) -> list[Finding]:
    """Every server that the process speaks to, of one that does everything where none is named; then, as far as servers
    let us, what lies there."""
    cluster = config.cluster
    found = []
    if cluster.postgresql.get_secret_value() and process != "collect":
        found.append(_tried("postgresql", lambda: records_health.look(config.cluster.records(config.data))))
    if cluster.elasticsearch.get_secret_value() and process != "collect":
        found.append(_tried("elasticsearch", lambda: _elasticsearch(config, process or "worker")))
    if cluster.kafka and process != "api":
        found.append(_tried("kafka", lambda: _kafka(config, (process,) if process else SPEAKS_TO_KAFKA)))
    found.append(_tried("rules", lambda: f"{len(RuleBook.load(config.rules).rules)} rules loaded"))
    if process != "collect" and all(finding.ok for finding in found if finding.check == "postgresql"):
        found += _stored(
            config, process, events=all(finding.ok for finding in found if finding.check == "elasticsearch")
        )
    return found


def _tried(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, look())
    except LeaverwatchError as error:
        return Finding(check, False, str(error))


def _elasticsearch(config: Config, process: str) -> str:
    with closing(elastic_client(config)) as client:
        from store.elasticsearch.health import look
        from store.elasticsearch.templates import Names

        return look(client, Names(config.cluster.namespace), process)


def _kafka(config: Config, processes: tuple[str, ...]) -> str:
    address = broker_address(config)
    from store.kafka.health import look

    return look(address, config.cluster.kafka_partitions, processes)


def _stored(config: Config, process: Process | None, *, events: bool) -> Iterator[Finding]:
    try:
        with open_house(config) as house:
            if events:
                yield _events(house)
            yield _marks(house)
            if events and process in (None, "judge"):
                yield from _models(house)
            yield _tried("audit", lambda: f"{check_audit(house.records):,} entries, each follows the one before it")
            yield Finding("matches", True, balance(house.records.tally()))
            yield from _model(house)
            if events:
                yield from _sources(house)
    except LeaverwatchError as error:
        yield Finding("stores", False, str(error))


def _events(house: House) -> Finding:
    problems = house.events.problems()
    if problems:
        return Finding("events", False, "; ".join(problems))
    return Finding("events", True, f"{house.events.count():,} events stored, every segment readable")


def _marks(house: House) -> Finding:
    waiting = len(house.records.pending())
    if waiting:
        return Finding("judging", False, f"{waiting} accounts wait to be judged; an import was cut short, run it again")
    return Finding("judging", True, "everything stored has been judged")


def _models(house: House) -> Iterator[Finding]:
    models = judging(house)
    if not models:
        return
    wrong = problems(house)
    told = ", ".join(f"{model.state.value} {model.card.id}" for model in models)
    yield Finding("models", not wrong, "; ".join(wrong) if wrong else f"{told} can be asked")


def _model(house: House) -> Iterator[Finding]:
    """Whether the champion still knows the days of late, as it was last looked at."""
    champion = next((one for one in house.records.models() if one.state is ModelState.CHAMPION), None)
    if champion is None:
        return
    drift = kept(house.records)
    if drift is None or drift.model != champion.card.id:
        yield Finding(
            "model",
            True,
            f"{champion.card.id} is champion; whether it still fits is looked at once a week of days after it is over",
        )
        return
    days = f"{drift.model} on the days from {drift.first} to {drift.last}"
    problems = drift.problems()
    if problems:
        yield Finding("model", False, f"{days}: {'; '.join(problems)}: train another one")
    else:
        yield Finding("model", True, f"{days}: {drift.factor:.2g} times as many rare days as said, features as learned")


def _sources(house: House) -> list[Finding]:
    found = []
    for status in house.events.sources():
        losses = f", {status.quarantined:,} records in quarantine" if status.quarantined else ""
        text = f"{status.events:,} events, last {status.last_event}{losses}"
        found.append(Finding(f"source {status.source}", not status.quarantined, text))
    return found or [Finding("sources", False, "nothing has been imported yet")]
