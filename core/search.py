"""The search language for people: a Lucene query becomes a condition, checked against the list of fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from unicodedata import category

import polars as pl
from luqum import tree

from core.calendar import CompanyCalendar
from core.condition import (
    All,
    Any,
    Between,
    Condition,
    During,
    Has,
    Is,
    Like,
    Not,
    Vendor,
    Wild,
    Within,
    Words,
    network_of,
    words,
)
from core.errors import BadQuery
from core.lucene import tree_of
from core.schema import BY_NAME, FIELDS, Field, Kind

MOST_GROUPS = 4
MOST_WILDCARDS = 20
DEEPEST = 20
"""Servers take queries nested 30 deep."""
LEAST, MOST = -(2**63), 2**63 - 1
MICROSECOND = timedelta(microseconds=1)
STORED = frozenset(field.name for field in FIELDS)
VENDOR = re.compile(r"vendor(\.[^\W\d]\w*)+")
ORIGINAL = "event.original"


class Known(Protocol):
    """What of a directory a search needs; `spans_of` has nobody's where it knows nobody by that id."""

    @property
    def calendar(self) -> CompanyCalendar: ...

    def spans_of(self, person_id: str) -> Iterator[tuple[str, datetime, datetime]]: ...


def parse(text: str, directory: Known) -> Condition:
    """The condition a person has typed. Times without a zone are company time, `person.id` stands for the accounts the
    person had then. Raises `BadQuery`, whatever the text is."""
    return parsed(text, directory)[0]


def parsed(text: str, directory: Known) -> tuple[Condition, frozenset[str]]:
    """The same with the names of the fields that it asks about, as they were typed, but `vendor` for any of a vendor's;
    words without a field ask about `event.original`."""
    reader = _Reader(directory)
    condition = reader.read(tree_of(text), None, 0)
    return condition, frozenset(reader.fields)


def of_persons(persons: Iterable[str], directory: Known) -> Condition:
    """Events of accounts of these persons while they were theirs."""
    return Any(
        tuple(
            All((Is("user.account", account), During("@timestamp", since, until)))
            for person in persons
            for account, since, until in directory.spans_of(person)
        )
    )


def groups(names: Sequence[str]) -> list[str]:
    """Fields that events may be counted by: keywords, and `day`. Raises `BadQuery`."""
    for name in names:
        if name != "day" and (name not in STORED or BY_NAME[name].kind not in (Kind.KEYWORD, Kind.KEYWORDS)):
            raise BadQuery(f"events cannot be counted by {name}: it is neither day nor a stored keyword field")
    if not 1 <= len(names) <= MOST_GROUPS:
        raise BadQuery(f"events are counted by one to {MOST_GROUPS} fields")
    return list(dict.fromkeys(names))


class _Reader:
    """Luqum's tree to ours."""

    def __init__(self, directory: Known) -> None:
        self.fields: set[str] = set()
        self._directory = directory
        self._calendar = directory.calendar

    def read(self, node: tree.Item, field: Field | None, depth: int) -> Condition:
        """The condition of a node, its terms compared with `field`, or with the original line."""
        if depth > DEEPEST:
            raise BadQuery(f"the search is nested more than {DEEPEST} deep")

        def below(part: tree.Item) -> Condition:
            return self.read(part, field, depth + 1)

        match node:
            case tree.AndOperation():
                return All(tuple(map(below, node.operands)))
            case tree.OrOperation():
                return Any(tuple(map(below, node.operands)))
            case tree.Not() | tree.Prohibit():
                return Not(below(node.a))
            case tree.Plus():
                return below(node.a)
            case tree.BaseGroup():
                return below(node.expr)
            case tree.SearchField():
                return self._of_field(node, field, depth)
            case tree.Range() | tree.From() | tree.To():
                return self._range(node, field)
            case tree.Word() | tree.Phrase():
                return self._free(node) if field is None or field.name == ORIGINAL else self._value(node, field)
        raise AssertionError(type(node).__name__)  # luqum has no more

    def _of_field(self, node: tree.SearchField, outer: Field | None, depth: int) -> Condition:
        name = node.name
        if outer is not None:
            raise BadQuery(f'{outer.name}:{_shown(name)}: quotes belong around a value with a colon, as in field:"a:b"')
        if name == "*" and isinstance(node.expr, tree.Word) and node.expr.value == "*":
            return All()
        field = Field(name, Kind.RECORD, "") if VENDOR.fullmatch(name) else BY_NAME.get(name)
        if field is None:
            raise BadQuery(f"there is no field {_shown(name)}; quotes belong around a text with a colon")
        if name in BY_NAME.keys() - STORED - {"person.id"}:
            raise BadQuery(f"{name} is worked out when judging and not stored; search for person.id or user.account")
        if name == "vendor":
            raise BadQuery("vendor needs a field of the vendor's, as in vendor.Operation:FileDownloaded")
        if isinstance(node.expr, tree.Prohibit):
            raise BadQuery(f"{name}: a minus belongs before the field; a negative number in quotes")
        self.fields.add("vendor" if field.kind is Kind.RECORD else name)
        return self.read(node.expr, field, depth + 1)

    def _free(self, node: tree.Term) -> Condition:
        condition = _free(node)
        if condition != All():
            self.fields.add(ORIGINAL)
        return condition

    def _value(self, node: tree.Term, field: Field) -> Condition:
        pattern = _pattern(node)
        if field.name == "person.id":
            return of_persons([_plain(pattern, field)], self._directory)
        if field.kind is Kind.RECORD:
            return Vendor(field.name.removeprefix("vendor."), _plain(pattern, field))
        if pattern == (Wild.ANY,):
            return Has(field.name)
        if field.kind in (Kind.KEYWORD, Kind.KEYWORDS):
            if any(isinstance(part, Wild) for part in pattern):
                return Like(field.name, pattern)
            return Is(field.name, _plain(pattern, field))
        text = _plain(pattern, field)
        if field.kind is Kind.LONG:
            number = _number(text, field)
            return Between(field.name, number, number)
        if field.kind is Kind.DATE:
            return During(field.name, *self._span(text, field))
        return _network(text, field)

    def _range(self, node: tree.Range | tree.From | tree.To, field: Field | None) -> Condition:
        low, high = _bounds(node)
        if field is None:
            raise BadQuery(f"{_shown(str(node))}: a range needs a field before it, as in data.records:>1000")
        if field.kind is Kind.LONG:
            return _numbers(field, low, high)
        if field.kind is Kind.DATE:
            return self._times(field, low, high)
        more = '; a network is written source.ip:"10.0.0.0/8"' if field.kind is Kind.IP else ""
        raise BadQuery(f"{field.name} is no number and no time: it has no ranges{more}")

    def _times(self, field: Field, low: Bound, high: Bound) -> Condition:
        start = end = None
        if low is not None:
            start = self._span(low[0], field)[0 if low[1] else 1]
        if high is not None:
            end = self._span(high[0], field)[1 if high[1] else 0]
        return During(field.name, start, end)

    def _span(self, text: str, field: Field) -> tuple[datetime, datetime]:
        """A company day from its start to its end, a moment for the microsecond it names."""
        try:
            if "T" not in text:
                day = date.fromisoformat(text)
                return self._calendar.start_of(day), self._calendar.end_of(day)
            moment = self._calendar.localize(datetime.fromisoformat(text)).astimezone(UTC)
            return moment, moment + MICROSECOND
        except (ValueError, OverflowError):
            told = "is no ISO 8601 day or time; quotes belong around a time with a zone"
            raise BadQuery(f"{field.name}: {_shown(text)} {told}") from None


Bound = tuple[str, bool] | None
"""The text of a bound and whether it is included; None where the range is open."""


def _bounds(node: tree.Range | tree.From | tree.To) -> tuple[Bound, Bound]:
    if isinstance(node, tree.Range):
        return _bound(node.low, node.include_low), _bound(node.high, node.include_high)
    bound = _bound(node.a, node.include)
    return (bound, None) if isinstance(node, tree.From) else (None, bound)


def _bound(node: tree.Item, included: bool) -> Bound:
    if isinstance(node, tree.Prohibit):
        text, included = _bound(node.a, included) or ("*", included)
        return f"-{text}", included
    pattern = _pattern(node)
    return None if pattern == (Wild.ANY,) else (_text(pattern), included)


def _numbers(field: Field, low: Bound, high: Bound) -> Condition:
    least = None if low is None else _number(low[0], field) + (not low[1])
    most = None if high is None else _number(high[0], field) - (not high[1])
    if (least or 0) > MOST or (most or 0) < LEAST:
        return Any()
    return Between(field.name, least, most) if low or high else Has(field.name)


def _number(text: str, field: Field) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and LEAST <= int(text) <= MOST):
        raise BadQuery(f"{field.name}: {_shown(text)} is no whole number of 64 bits")
    return int(text)


def _network(text: str, field: Field) -> Condition:
    try:
        return Within(field.name, network_of(text))
    except ValueError:
        raise BadQuery(f'{field.name}: {_shown(text)} is no address and no network like "10.0.0.0/8"') from None


def _free(node: tree.Term) -> Condition:
    """Words of the original line."""
    pattern = _pattern(node)
    if pattern == (Wild.ANY,):
        return All()
    text = _text(pattern)
    kept = text.removesuffix("*")
    if sum(isinstance(part, Wild) for part in pattern) > (pattern[-1:] == (Wild.ANY,)):
        raise BadQuery(f"{_shown(node.value)}: without a field, * may stand at the end of a word only")
    found = tuple(pl.select(words(pl.lit(kept))).item().split())
    if not found:
        raise BadQuery(f"{_shown(node.value)}: there is no letter or digit to search for")
    return Words(found, open_end=kept != text and category(kept[-1])[0] in "LMN")


def _pattern(node: tree.Item) -> tuple[str | Wild, ...]:
    """What a word or phrase means, its escapes undone."""
    quoted = isinstance(node, tree.Phrase)
    parts: list[str | Wild] = []
    letters = iter(node.value[1:-1] if quoted else node.value)
    for letter in letters:
        escaped = letter == "\\"
        plain = next(letters) if escaped else letter
        if escaped and plain.isalnum():
            raise BadQuery(f'{_shown(node.value)}: a backslash is written twice, as in "C:\\\\Users"')
        if not quoted and not escaped and plain in "*?":
            parts.append(Wild(plain))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += plain
        else:
            parts.append(plain)
    if sum(isinstance(part, Wild) for part in parts) > MOST_WILDCARDS:
        raise BadQuery(f"{_shown(node.value)}: more than {MOST_WILDCARDS} wildcards in one value")
    return tuple(parts)


def _plain(pattern: tuple[str | Wild, ...], field: Field) -> str:
    if any(isinstance(part, Wild) for part in pattern):
        raise BadQuery(f"{field.name}: {_shown(_text(pattern))}: no wildcards here, they are for keywords")
    return _text(pattern)


def _text(pattern: tuple[str | Wild, ...]) -> str:
    return "".join(part.value if isinstance(part, Wild) else part for part in pattern)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
