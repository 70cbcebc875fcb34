"""Who is who, as of each moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendar import CompanyCalendar
from core.directory import Directory
from core.person import Filing, Link, Person, Stage, account_key, notice_at
from core.schema import JOINED, SCHEMA

CALENDAR = CompanyCalendar()
LI = Person(id="1", name="李娜", email="li.na@example.com", department="Sales", title="Rep")
MAIL, LOGIN = "mail:li.na@example.com", "login:corp\\li.na"


def moment(day: int, hour: int = 4) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def directory(
    *links: Link, filings: tuple[Filing, ...] = (), accounts: dict[str, list[str]] | None = None
) -> Directory:
    return Directory([LI], links, filings, accounts or {MAIL: [], LOGIN: []}, CALENDAR)


def joined(people: Directory, *rows: tuple[str | None, datetime]) -> pl.DataFrame:
    schema = {name: SCHEMA[name] for name in ("user.account", "@timestamp")}
    return people.join(pl.DataFrame(list(rows), schema=schema, orient="row"))


def test_every_account_of_a_person_is_that_person() -> None:
    people = directory(Link(account=MAIL, person="1"), Link(account="login:li.na", person="1"))
    found = joined(people, (LOGIN, moment(2)), (MAIL, moment(1)), ("mail:who@example.com", moment(3)))
    assert found["person.id"].to_list() == ["1", "1", "mail:who@example.com"]
    assert found["person.known"].to_list() == [True, True, False]
    assert found["person.department"].to_list() == ["Sales", "Sales", None]
    assert set(found.columns) == {"user.account", "@timestamp", *(field.name for field in JOINED)}


def test_the_key_itself_comes_before_the_bare_login_and_both_before_keys_seen_beside_it() -> None:
    accounts = {LOGIN: ["sid:s-1-5-21-9"]}
    links = [Link(account="sid:s-1-5-21-9", person="3"), Link(account="login:li.na", person="2")]
    assert directory(*links[:1], accounts=accounts).persons_of(LOGIN) == {"3"}
    assert directory(*links, accounts=accounts).persons_of(LOGIN) == {"2"}
    assert directory(*links, Link(account=LOGIN, person="1"), accounts=accounts).persons_of(LOGIN) == {"1"}


def test_windows_own_accounts_are_nobody() -> None:
    people = directory(Link(account="login:system", person="1"), Link(account="login:pc7$", person="1"))
    assert people.persons_of("login:nt authority\\system") == {"login:nt authority\\system"}
    assert people.persons_of("login:corp\\pc7$") == {"login:corp\\pc7$"}


def test_a_link_holds_from_its_beginning_until_before_its_end() -> None:
    people = directory(
        Link(account=MAIL, person="1", since=moment(2), until=moment(5)),
        Link(account=MAIL, person="2", since=moment(5)),
    )
    found = joined(
        people, (MAIL, moment(1)), (MAIL, moment(2)), (MAIL, moment(5) - timedelta(seconds=1)), (MAIL, moment(5))
    )
    assert found["person.id"].to_list() == [MAIL, "1", "1", "2"]
    assert people.persons_of(MAIL) == {MAIL, "1", "2"}


def test_of_overlapping_links_the_surer_one_counts() -> None:
    people = directory(
        Link(account=MAIL, person="1", confidence=0.5), Link(account=MAIL, person="2", since=moment(2), until=moment(4))
    )
    found = joined(people, (MAIL, moment(1)), (MAIL, moment(3)), (MAIL, moment(4)))
    assert found["person.id"].to_list() == ["1", "2", "1"]


def test_marks_touch_every_account_of_their_persons() -> None:
    people = directory(Link(account=MAIL, person="1"), Link(account="login:li.na", person="1"))
    for subject in (MAIL, LOGIN, "person:1"):
        assert people.accounts_of([subject]) == {MAIL, LOGIN}
    assert people.accounts_of(["*"]) == {MAIL, LOGIN}
    assert people.accounts_of(["mail:nobody@example.com"]) == frozenset()


def test_hr_names_a_person_by_any_key() -> None:
    filing = Filing(account="employee:1", filed=moment(2), last_day=date(2026, 3, 20))
    people = directory(Link(account=MAIL, person="1"), Link(account="employee:1", person="1"), filings=(filing,))
    assert people.filings_of("1") == [filing]
    assert people.leaver_accounts() == {MAIL}


def test_the_stage_follows_what_was_filed_by_then() -> None:
    filings = (
        Filing(account=MAIL, filed=moment(2), last_day=date(2026, 3, 20)),
        Filing(account=MAIL, filed=moment(10), withdrawn=True),
        Filing(account=MAIL, filed=moment(12), last_day=date(2026, 3, 15)),
    )
    people = directory(Link(account=MAIL, person="1"), filings=filings)
    found = joined(people, *((MAIL, moment(day)) for day in (1, 2, 10, 12, 15, 16)))
    assert found["leaver.stage"].to_list() == ["active", "notice", "active", "notice", "notice", "departed"]
    assert found["leaver.days_left"].to_list() == [None, 18, None, 3, 0, -1]


def test_the_last_day_ends_with_the_companys_day() -> None:
    people = directory(
        Link(account=MAIL, person="1"), filings=(Filing(account=MAIL, filed=moment(1), last_day=date(2026, 3, 2)),)
    )
    assert people.stage("1", moment(2, hour=15)) is Stage.NOTICE
    assert people.stage("1", moment(2, hour=16)) is Stage.DEPARTED, "midnight in Shanghai"


def test_rows_keep_their_order_and_an_event_without_account_has_no_person() -> None:
    found = joined(directory(Link(account=MAIL, person="1")), (None, moment(5)), (MAIL, moment(1)))
    assert found["person.id"].to_list() == [None, "1"]


FILING = st.builds(
    Filing,
    account=st.just(MAIL),
    filed=st.integers(0, 60).map(lambda hours: moment(1) + timedelta(hours=hours)),
    last_day=st.one_of(st.none(), st.integers(1, 6).map(lambda day: date(2026, 3, day))),
    withdrawn=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(FILING, max_size=5, unique_by=lambda f: (f.filed, f.withdrawn)), st.integers(0, 140))
def test_asking_one_by_one_and_in_columns_gives_the_same(filings: list[Filing], hours: int) -> None:
    people = directory(Link(account=MAIL, person="1"), filings=tuple(filings))
    when = moment(1) + timedelta(hours=hours)
    row = joined(people, (MAIL, when)).row(0, named=True)
    assert row["leaver.stage"] == people.stage("1", when).value
    assert row["leaver.days_left"] == people.days_left("1", when)
    notice = notice_at(filings, when)
    assert (row["leaver.stage"] == "active") == (notice is None)


MOMENTS = st.integers(0, 70).map(lambda hours: moment(1) + timedelta(hours=hours))
OTHER = "mail:sales@example.com"
LINK = st.builds(
    Link,
    account=st.sampled_from([MAIL, OTHER, "employee:1", "login:li.na"]),
    person=st.sampled_from(["1", "2"]),
    since=st.one_of(st.none(), MOMENTS),
    until=st.one_of(st.none(), MOMENTS),
    confidence=st.sampled_from([0.5, 1.0]),
)
ANY_FILING = st.builds(
    Filing,
    account=st.sampled_from([MAIL, OTHER, "employee:1", "employee:9"]),
    filed=MOMENTS,
    last_day=st.one_of(st.none(), st.integers(1, 5).map(lambda day: date(2026, 3, day))),
    withdrawn=st.booleans(),
)


def owner(links: list[Link], account: str, when: datetime) -> str:
    """Whose an account is, the slow way."""
    own = [link for link in links if link.account == account]
    now = [link for link in own if (link.since or when) <= when and (link.until is None or when < link.until)]
    start = datetime(1, 1, 1, tzinfo=UTC)
    best = max(now, key=lambda link: (link.confidence, link.since or start, link.person), default=None)
    return best.person if best else account


@settings(max_examples=150, deadline=None)
@given(
    st.lists(LINK, max_size=6),
    st.lists(ANY_FILING, max_size=6),
    st.lists(st.tuples(st.sampled_from([MAIL, OTHER]), MOMENTS), min_size=1, max_size=12),
)
def test_whatever_is_linked_and_filed_columns_and_single_answers_agree(
    links: list[Link], filings: list[Filing], events: list[tuple[str, datetime]]
) -> None:
    people = Directory([LI], links, filings, {MAIL: [], OTHER: []}, CALENDAR)
    frame = joined(people, *events)
    assert frame.select("user.account", "@timestamp").rows() == events
    for row in frame.iter_rows(named=True):
        when, person = row["@timestamp"], row["person.id"]
        assert person == owner(links, row["user.account"], when)
        assert row["person.known"] == (person in {"1", "2"})
        assert row["leaver.stage"] == people.stage(person, when).value
        assert row["leaver.days_left"] == people.days_left(person, when)
        assert person in people.persons_of(row["user.account"])
        assert row["user.account"] in people.accounts_of([f"person:{person}"])


@settings(max_examples=80, deadline=None)
@given(st.lists(ANY_FILING, max_size=6), st.randoms(use_true_random=False), MOMENTS)
def test_the_order_of_what_hr_files_does_not_matter(filings: list[Filing], random: Random, when: datetime) -> None:
    links = (Link(account=MAIL, person="1"), Link(account="employee:1", person="1"))
    whole = list({(f.account, f.filed, f.withdrawn): f for f in filings}.values())
    mixed = whole.copy()
    random.shuffle(mixed)
    one, other = directory(*links, filings=tuple(whole)), directory(*links, filings=tuple(mixed))
    assert one.filings_of("1") == other.filings_of("1")
    assert joined(one, (MAIL, when)).equals(joined(other, (MAIL, when)))


def test_a_notice_belongs_to_whoever_had_the_account_when_it_was_filed() -> None:
    links = (
        Link(account=MAIL, person="1", until=moment(5)),
        Link(account=MAIL, person="2", since=moment(5)),
    )
    people = directory(*links, filings=(Filing(account=MAIL, filed=moment(3)), Filing(account=MAIL, filed=moment(7))))
    assert [f.filed for f in people.filings_of("1")] == [moment(3)]
    assert [f.filed for f in people.filings_of("2")] == [moment(7)]
    assert joined(people, (MAIL, moment(6)))["leaver.stage"].to_list() == ["active"], "not the one before's notice"


def test_a_withdrawal_of_the_same_moment_means_it_was_never_in_force() -> None:
    filings = (
        Filing(account=MAIL, filed=moment(2), withdrawn=True),
        Filing(account=MAIL, filed=moment(2), last_day=date(2026, 3, 9)),
    )
    people = directory(Link(account=MAIL, person="1"), filings=filings)
    assert joined(people, (MAIL, moment(2)), (MAIL, moment(20)))["leaver.stage"].to_list() == ["active", "active"]


def test_a_withdrawal_ends_what_was_filed_under_any_of_the_persons_keys() -> None:
    filings = (
        Filing(account=MAIL, filed=moment(2), last_day=date(2026, 3, 9)),
        Filing(account="employee:1", filed=moment(4), withdrawn=True),
    )
    links = (Link(account=MAIL, person="1"), Link(account="employee:1", person="1"))
    assert directory(*links, filings=filings).stage("1", moment(5)) is Stage.ACTIVE


def test_an_account_nobody_is_linked_to_can_be_a_leaver_itself() -> None:
    people = directory(filings=(Filing(account=MAIL, filed=moment(2)),))
    assert people.stage(MAIL, moment(3)) is Stage.NOTICE
    assert people.leaver_accounts() == {MAIL}
    assert people.person(MAIL).email == "li.na@example.com"
    assert people.person(LOGIN).email == ""


def test_no_events_and_no_people_are_no_trouble() -> None:
    assert joined(directory()).height == 0
    nobody = Directory([], [], [], {}, CALENDAR)
    assert joined(nobody, (MAIL, moment(1)))["leaver.stage"].to_list() == ["active"]


def test_account_keys_fold_names_but_not_salesforce_ids() -> None:
    assert account_key("mail", " Li.Na@Example.com ") == MAIL
    assert account_key("salesforce", "0055e000001AbCdAAK") == "salesforce:0055e000001AbCd"
