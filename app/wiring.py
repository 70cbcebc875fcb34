"""Which adapter stands behind each port: the one place that knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.config import Config
from app.directories import Directories
from core.alert import Alert, Outcome
from core.calendar import CompanyCalendar
from core.directory import Directory
from core.domains import PERSONAL_DOMAINS
from core.errors import ConfigError
from core.ports import EventReader, EventsAside, EventStore, Records
from detection.bench import Bench
from detection.derive import Surroundings
from detection.exceptions import Grounds
from detection.others import Heard
from detection.rulebook import RuleBook
from detection.tagging import Tagger
from evidence.examining import Exempt, LetGo
from ingest.catalog import Source, sources
from store.aside import Aside
from store.expiry import noted_expiries
from store.records import SqlRecords
from store.segments import SegmentStore

if TYPE_CHECKING:
    from store.elasticsearch import ElasticStore
    from store.elasticsearch.connection import Client
    from store.kafka.connection import Address
    from store.kafka.receiving import Subscription
    from store.kafka.sending import Publisher
    from store.kafka.telling import KafkaHerald


@dataclass(kw_only=True)
class House:
    """Everything a command works with. The directory is as of the last transaction of whatever process, and read anew
    only where that changed it; the tagger is made afresh by each caller that needs it: the company's domains change
    between imports. `heard` are days on which something is known to have been heard of; of those nobody remembers,
    everybody is judged again."""

    config: Config
    records: Records
    events: EventStore
    heard: set[Heard] = field(default_factory=set)

    @property
    def calendar(self) -> CompanyCalendar:
        return self.config.company.calendar()

    @cached_property
    def book(self) -> RuleBook:
        book = RuleBook.load(self.config.rules)
        return book if self.config.detection.pre_departure.strip() else book.without_departing()

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        return sources(self.config.company.zone)

    @cached_property
    def directory(self) -> Directories:
        return Directories(self.records, self.config.company.calendar())

    def grounds(self, directory: Directory) -> Grounds:
        return Grounds.of(self.records.approvals(), self.records.exceptions(), directory)

    def departing(self, book: RuleBook, first: date | None = None) -> dict[str, list[Alert]]:
        """What is recorded of people who are about to leave, of whom HR knows nothing; only what bears on the days from
        `first` on."""
        since = self.calendar.start_of(first - timedelta(days=book.stages_bear)) if first else None
        rules = book.of_stages
        return by_person(self.records.alerts(outcome=None, since=since, rules=rules) if rules else ())

    def surroundings(self) -> Surroundings:
        mails = (person.email.rpartition("@")[2] for person in self.records.persons() if "@" in person.email)
        domains = self.config.company.domains or frozenset(mails) - PERSONAL_DOMAINS
        return Surroundings(calendar=self.calendar, company_domains=domains)

    def bench(
        self,
        directory: Directory,
        book: RuleBook | None = None,
        store: EventReader | None = None,
        first: date | None = None,
        departing: Mapping[str, Sequence[Alert]] | None = None,
    ) -> Bench:
        """What a judgement of the days from `first` on is made with; with other rules, another view of what is stored,
        or other people about to leave than are recorded, where given."""
        return Bench(
            store=store or self.events,
            directory=directory,
            book=book or self.book,
            surroundings=self.surroundings(),
            grounds=self.grounds(directory),
            posts=self.config.detection.posts,
            findings=self.records,
            departing=self.departing(book or self.book, first) if departing is None else departing,
        )

    def tagger(self) -> Tagger:
        return Tagger(self.book, self.surroundings())


def by_person(stages: Iterable[Alert]) -> dict[str, list[Alert]]:
    """Findings that make somebody's stage `pre_departure`, without those that something speaks for."""
    found: dict[str, list[Alert]] = {}
    for alert in stages:
        if alert.outcome is not Outcome.SUPPRESSED:
            found.setdefault(alert.person, []).append(alert)
    return found


@contextmanager
def open_house(config: Config) -> Iterator[House]:
    """SQLite records and sealed segments in the data directory, made where missing; or the servers that the
    configuration names in their place."""
    config.data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        records = stack.enter_context(closing(records_of(config)))
        events = stack.enter_context(closing(_event_store(config, records)))
        yield House(config=config, records=records, events=events)


def records_of(config: Config) -> SqlRecords:
    """The records database that the configuration names."""
    return SqlRecords(config.cluster.records(config.data), config.evidence.hashes, config.records_key)


def let_go(records: Records) -> list[LetGo]:
    """What retention has deleted by now."""
    return [
        LetGo(
            before=gone.before,
            sources=gone.sources,
            exempt=[Exempt(account=kept.account, since=kept.since, until=kept.until) for kept in gone.kept],
            only=None
            if gone.only is None
            else [Exempt(account=one.account, since=one.since, until=one.until) for one in gone.only],
        )
        for gone in noted_expiries(records)
    ]


def aside_in(folder: Path) -> EventsAside:
    """Where events lie while a question is answered."""
    return Aside(folder)


@contextmanager
def embedded(config: Config) -> Iterator[tuple[SqlRecords, SegmentStore]]:
    """What lies in the data directory, whatever servers the configuration names."""
    own = config.data / "records.key"
    key = own if own.exists() else config.privacy.key or own
    with (
        closing(SqlRecords(f"sqlite:///{config.data / 'records.db'}", config.evidence.hashes, key)) as records,
        closing(SegmentStore(config.data / "events", records)) as events,
    ):
        yield records, events


def _event_store(config: Config, records: SqlRecords) -> SegmentStore | ElasticStore:
    cluster = config.cluster
    if not cluster.elasticsearch:
        return SegmentStore(config.data / "events", records)
    client = elastic_client(config)
    from store.elasticsearch import ElasticStore

    return ElasticStore(client, records, cluster.namespace)


def elastic_client(config: Config) -> Client:
    """What speaks to Elasticsearch. Raises `ConfigError`."""
    try:
        from store.elasticsearch.connection import connect
    except ModuleNotFoundError:
        raise ConfigError("Elasticsearch needs the part `cluster`: pip install 'leaverwatch[cluster]'") from None
    cluster = config.cluster
    return connect(
        cluster.elasticsearch.get_secret_value(),
        api_key=cluster.elasticsearch_api_key.get_secret_value(),
        ca=cluster.elasticsearch_ca,
    )


def publisher(config: Config) -> Publisher:
    """Where a collector hands over what it reads. Raises `ConfigError`."""
    address = broker_address(config)
    from store.kafka.sending import Publisher

    room = config.cluster.spool_mib << 20
    return Publisher(address, config.data / "spool", room, config.cluster.kafka_partitions)


def herald(config: Config) -> KafkaHerald | None:
    """Who tells other systems of alerts, where there is Kafka to tell them by."""
    if not config.cluster.kafka:
        return None
    address = broker_address(config)
    from store.kafka.telling import KafkaHerald

    return KafkaHerald(address, config.cluster.kafka_partitions)


def subscription(config: Config) -> Subscription:
    """Where a worker gets what collectors read. Raises `ConfigError`, `Unavailable`."""
    address = broker_address(config)
    from store.kafka.receiving import Subscription

    return Subscription(address, config.cluster.kafka_partitions)


def broker_address(config: Config) -> Address:
    """Where the brokers are. Raises `ConfigError`."""
    cluster = config.cluster
    if not cluster.kafka:
        raise ConfigError(
            "collectors and workers meet in Kafka: [cluster] kafka is not set; on one machine use `ingest`"
        )
    try:
        from store.kafka.connection import Address
    except ModuleNotFoundError:
        raise ConfigError("Kafka needs the part `cluster`: pip install 'leaverwatch[cluster]'") from None
    password = cluster.kafka_password.get_secret_value()
    return Address(brokers=cluster.kafka, user=cluster.kafka_user, password=password, ca=cluster.kafka_ca)
