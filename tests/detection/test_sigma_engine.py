"""The engine's answers are those of the plain meaning of each test, row by row, warm or cold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.condition import Wild
from detection.bits import rows_of
from detection.engine import Engine
from detection.flatten import flattened, text_of
from detection.looking import look_at_columns
from detection.node import All, Any, Leaf, Node, Not, Truth, possible
from detection.predicate import Compared, Pattern, Present, Regex, Same, fold, holds
from detection.records import Looking

TEXTS = st.text(alphabet="abAB*?\\.:/é 1", max_size=6)
VALUES = st.one_of(
    TEXTS, st.integers(0, 3), st.sampled_from([0.0, 1.0, 1.5]), st.booleans(), st.none(), st.lists(TEXTS, max_size=2)
)
FIELDS = ("a", "b", "c.d", "e_f")
PARTS = st.lists(st.one_of(st.text(alphabet="abAB.\\é1", min_size=1, max_size=2), st.sampled_from(Wild)), max_size=4)


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    cased = draw(st.booleans())
    parts = [part if cased or isinstance(part, Wild) else fold(part) for part in draw(PARTS)]
    return Pattern(tuple(parts), cased)


TESTS = st.one_of(
    patterns(),
    st.sampled_from(["a+b", "^[ab]", "(?i)A.", r"\.$"]).map(Regex),
    st.builds(Compared, st.sampled_from(["<", "<=", ">", ">=", "!="]), st.integers(0, 3).map(float)),
    st.just(Present()),
    st.builds(Same, st.sampled_from(FIELDS), st.booleans(), st.booleans()),
)
LEAVES = st.one_of(st.builds(Leaf, st.sampled_from(FIELDS), TESTS), st.builds(Leaf, st.none(), patterns()))
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(below, max_size=3).map(lambda parts: Any(tuple(parts))),
        below.map(Not),
    ),
    max_leaves=8,
)
INNER = st.fixed_dictionaries({"d": VALUES}, optional={"#text": TEXTS, "x": VALUES})
PLAIN = {
    "a": VALUES | INNER,
    "b": VALUES | st.fixed_dictionaries({"#text": VALUES, "#attributes": st.fixed_dictionaries({"f": VALUES})}),
    "c": INNER | VALUES | st.lists(INNER, max_size=2),
    "c.d": VALUES,
    "e": st.fixed_dictionaries({"#attributes": st.fixed_dictionaries({"f": VALUES})}) | TEXTS,
    "e_f": VALUES,
    "x": TEXTS,
    "event_data.a": VALUES,
    "#text": VALUES,
}
CELLS = st.fixed_dictionaries({}, optional=PLAIN)
SECTION = CELLS | VALUES
EVENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            **PLAIN,
            "winlog": st.fixed_dictionaries({}, optional={**PLAIN, "event_data": SECTION}) | VALUES,
            "event_data": SECTION,
            "Event": st.fixed_dictionaries({}, optional={"System": SECTION, "EventData": SECTION, "UserData": SECTION}),
            "winlog.event_data.b": VALUES,
        },
    ),
    max_size=6,
)


def plainly(node: Node, event: Mapping[str, Sequence[str]]) -> bool:
    match node:
        case All():
            return all(plainly(part, event) for part in node.parts)
        case Any():
            return any(plainly(part, event) for part in node.parts)
        case Not():
            return not plainly(node.part, event)
        case Leaf(None, test):
            return any(holds(test, text) for texts in event.values() for text in texts)
        case Leaf(str() as field, Same() as test):
            pairs = [(fold(a), fold(b)) for a in event.get(field, ()) for b in event.get(test.field, ())]
            if test.starts:
                return any(a.startswith(b) for a, b in pairs)
            return any(a.endswith(b) if test.ends else a == b for a, b in pairs)
        case Leaf(str() as field, test):
            return any(holds(test, text) for text in event.get(field, ()))
    raise AssertionError(node)


def cells(event: dict[str, object]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in flattened(event):
        found.setdefault(name, []).append(text_of(value))
    return found


# A process that is stopped while examples are drawn says nothing about them: it failed by that alone.
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TREES, max_size=4), st.sets(st.sampled_from(FIELDS)), st.lists(EVENTS, min_size=1, max_size=3))
def test_records_get_the_answers_of_a_plain_reading(
    trees: list[Node], telling: set[str], batches: list[list[dict[str, object]]]
) -> None:
    looking = Looking(Engine(trees, telling))
    for events in [*batches, *batches]:
        hits = dict(looking.judged([orjson.dumps(event) for event in events]).hits)
        for number, tree in enumerate(trees):
            wanted = [row for row, event in enumerate(events) if plainly(tree, cells(event))]
            assert list(hits.get(number, ())) == wanted, (tree, events)


@settings(deadline=None, max_examples=80)
@given(TREES, st.lists(st.tuples(st.none() | TEXTS, st.none() | TEXTS, st.none() | st.lists(TEXTS)), max_size=6))
def test_columns_get_the_answers_of_a_plain_reading(
    tree: Node, rows: list[tuple[str | None, str | None, list[str] | None]]
) -> None:
    engine = Engine([tree])
    schema = {"a": pl.String, "b": pl.String, "c.d": pl.List(pl.String), "e_f": pl.String, "event.original": pl.String}
    frame = pl.DataFrame([(*row, None, row[0]) for row in rows], schema=schema, orient="row")
    hits = {number: rows_of(passed) for number, passed in engine.matches(look_at_columns(engine, frame, pl.col))}
    for row, (a, b, c) in enumerate(rows):
        event = {"a": [a] if a is not None else [], "b": [b] if b is not None else [], "c.d": c or []}
        words = {"a": event["a"]}
        assert (row in hits.get(0, ())) is _with_words(tree, event, words), (tree, rows)


def _with_words(node: Node, event: Mapping[str, Sequence[str]], words: Mapping[str, Sequence[str]]) -> bool:
    match node:
        case All():
            return all(_with_words(part, event, words) for part in node.parts)
        case Any():
            return any(_with_words(part, event, words) for part in node.parts)
        case Not():
            return not _with_words(node.part, event, words)
        case Leaf(None, _):
            return plainly(node, words)
    return plainly(node, event)


def test_many_keywords_are_looked_for_in_few_records_and_found_in_all() -> None:
    words = [Leaf(None, Pattern((Wild.ANY, text, Wild.ANY))) for text in ("se/kret", 'quo"te', "grün")]
    records = [orjson.dumps({"n": number, "text": "nothing"}) for number in range(200)]
    records[7] = b'{"text": "a se\\/kret"}'
    records[90] = b'{"text": "a S\\u0045/KRET"}'
    records[150] = orjson.dumps({"text": 'a QUO"TE'})
    records[151] = b'{"a": ' * 300 + b'"\\u0041"' + b"}" * 300
    for asked, wanted in ((words[:1], [7, 90]), (words[:2], [7, 90, 150]), (words, [7, 90, 150, 199])):
        records[199] = orjson.dumps({"text": "GRÜN"})
        looking = Looking(Engine([Any(tuple(asked))]))
        assert [list(rows) for _, rows in looking.judged(records).hits] == [wanted]


def test_what_is_no_json_object_matches_nothing_not_even_a_negation() -> None:
    done = Looking(Engine([Not(Leaf("a", Present()))])).judged([b"{}", b"[1]", b"{", b'{"a": 1}', b""])
    assert [list(rows) for _, rows in done.hits] == [[0]]
    assert done.bad == [1, 2, 4]


def test_answers_are_forgotten_when_they_take_too_much_room() -> None:
    looking = Looking(Engine([Leaf("a", Pattern(("x",)))]))
    looking.engine.passed.taken = 1 << 40
    assert [list(r) for _, r in looking.judged([b'{"a":"X"}']).hits] == [[0]]
    assert not any(looking.engine.passed.known["a"])
    assert [list(r) for _, r in looking.judged([b'{"a":"X"}']).hits] == [[0]]


def test_a_condition_that_hangs_on_unknown_fields_is_possible_where_kleene_says_so() -> None:
    a, unknown = Leaf("a", Present()), Leaf("u", Present())

    def settled(leaf: Leaf) -> Truth:
        return Truth.UNKNOWN if leaf == unknown else Truth.OPEN

    assert possible(All((a, unknown)), settled) == a
    assert possible(All((a, Not(unknown))), settled) == a
    assert possible(Any((a, unknown)), settled) == All()
    assert possible(Not(All((a, unknown))), settled) == All()
    assert possible(Not(Any((a, unknown))), settled) == Not(a)
