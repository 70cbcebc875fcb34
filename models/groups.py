"""Who is compared with whom: people of one post, of one department, or who behave alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from models.detector import MAD_TO_SIGMA, middle_and_spread
from models.features import LONG, STEPS
from models.kinds import KINDS
from models.table import Floats, Ints
from models.usual import Usual

LEAST = 5
"""Of fewer persons nothing is usual."""
ALIKE = 25
"""For every so many persons there is a group of people who behave alike."""
MOST_ALIKE = 60
FAR = 4.0
"""In a habit that is further out than so many spreads, people are as unlike as they can be."""
EVERYBODY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """What is usual in each group (by its number) and kind of day, where each person counts once: the middle of the
    persons' own, and their spread, within and between persons together. A kind of day that fewer than `LEAST` know is
    that of the wider group. `size` is how many persons it was made of. The last group is everybody.

    `person` is the group of each person, `post` that of whoever has come since, by department and title or department
    alone (`post_key`)."""

    names: tuple[str, ...]
    size: Ints
    centre: Floats
    low: Floats
    spread: Floats
    person: Ints
    post: Mapping[str, int]

    def of_features(self, read: Sequence[bool]) -> Groups:
        """Only these features."""
        chosen = np.flatnonzero(read)
        return replace(self, **{name: getattr(self, name)[..., chosen] for name in ("centre", "low", "spread")})


def post_key(department: str, title: str = "") -> str:
    return f"{department}\x1f{title}"


def groups_of(usual: Usual, seed: int = 0) -> Groups:
    """Everybody's group is the narrower (by the spread of what its people do) of the post and the people who behave
    alike, else the department. Newcomers behave like most of their post, or of their department."""
    members = _named(usual)
    alike = behaving_alike(usual, seed)
    members |= {f"alike {number}": np.flatnonzero(alike == number) for number in range(alike.max(initial=-1) + 1)}
    members = {name: some for name, some in members.items() if len(some) >= LEAST}
    members[EVERYBODY] = np.arange(len(usual.persons))
    names = tuple(members)
    wider = [_wider(name, members) for name in names]
    size, centre, low, spread = _tables(usual, list(members.values()), [names.index(name) for name in wider])
    width = np.log(np.maximum(np.nan_to_num(spread[:, 0]), 0.05)).mean(axis=1)
    narrow = {name: float(width[number]) for number, name in enumerate(names)}
    person = np.array(
        [names.index(_narrowest(post, f"alike {one}", narrow)) for post, one in zip(usual.posts, alike, strict=True)],
        dtype=np.int64,
    )
    return Groups(
        names=names,
        size=size,
        centre=centre,
        low=low,
        spread=spread,
        person=person,
        post=_of_newcomers(usual, alike, narrow, names),
    )


def behaving_alike(usual: Usual, seed: int = 0) -> Ints:
    """The number of each person's group by what is usual for them on working days; -1 for those of groups of fewer than
    `LEAST`."""
    working = usual.of_kind(0)
    found = np.full(len(usual.persons), -1)
    count = min(MOST_ALIKE, len(working.person) // ALIKE)
    if count < 2:
        return found
    chosen = [number for number, name in enumerate(usual.names) if name not in LONG and name not in STEPS]
    profile = working.low[:, chosen]
    centre, spread = middle_and_spread(profile)
    profile = np.clip(np.nan_to_num((profile - centre) / spread), -FAR, FAR)
    means = MiniBatchKMeans(count, random_state=seed, n_init=3).fit(profile.astype(np.float32))
    label = means.labels_.astype(np.int64)
    large = np.flatnonzero(np.bincount(label, minlength=count) >= LEAST)
    number = np.full(count, -1)
    number[large] = np.arange(len(large))
    found[working.person] = number[label]
    return found


def _named(usual: Usual) -> dict[str, Ints]:
    found: dict[str, list[int]] = {}
    for row, (department, title) in enumerate(usual.posts):
        if department:
            found.setdefault(post_key(department), []).append(row)
            if title:
                found.setdefault(post_key(department, title), []).append(row)
    return {name: np.array(rows) for name, rows in found.items()}


def _wider(name: str, members: Mapping[str, Ints]) -> str:
    department = post_key(name.partition("\x1f")[0])
    return department if "\x1f" in name and name != department and department in members else EVERYBODY


def _narrowest(post: tuple[str, str], alike: str, narrow: Mapping[str, float]) -> str:
    close = [name for name in (post_key(*post), alike) if name in narrow and name != post_key("")]
    if close:
        return min(close, key=lambda name: narrow[name])
    return post_key(post[0]) if post_key(post[0]) in narrow else EVERYBODY


def _of_newcomers(usual: Usual, alike: Ints, narrow: Mapping[str, float], names: Sequence[str]) -> dict[str, int]:
    often: dict[str, Counter[int]] = {}
    for (department, title), one in zip(usual.posts, alike, strict=True):
        for key in {post_key(department, title), post_key(department)} if department else ():
            often.setdefault(key, Counter())[int(one)] += 1
    return {
        key: names.index(_narrowest((key.partition("\x1f")[0], key.partition("\x1f")[2]), f"alike {most}", narrow))
        for key, counter in often.items()
        for most in [max(counter, key=lambda one: (counter[one], -one))]
    }


def _tables(usual: Usual, members: Sequence[Ints], wider: Sequence[int]) -> tuple[Ints, Floats, Floats, Floats]:
    shape = (len(members), len(KINDS))
    size = np.zeros(shape, dtype=np.int64)
    tables = [np.full((*shape, len(usual.names)), np.nan, dtype=np.float32) for _ in range(3)]
    for kind in range(len(KINDS)):
        own = usual.of_kind(kind)
        row_of = np.full(len(usual.persons), -1)
        row_of[own.person] = np.arange(len(own.person))
        for group, persons in enumerate(members):
            rows = row_of[persons]
            rows = rows[rows >= 0]
            if len(rows) >= (LEAST if group < len(members) - 1 else 1):
                size[group, kind] = len(rows)
                found = median(own.centre[rows]), median(own.low[rows]), _spread(own.centre[rows], own.spread[rows])
                for table, values in zip(tables, found, strict=True):
                    table[group, kind] = values
    _fill(size, tables, wider)
    return size, tables[0], tables[1], tables[2]


def _fill(size: Ints, tables: Sequence[Floats], wider: Sequence[int]) -> None:
    """Kinds of day that a group does not know, from wider groups; everybody's from another kind."""
    last = len(size) - 1
    known = np.flatnonzero(size[last])
    for kind in range(len(KINDS)):
        if not size[last, kind] and len(known):
            for table in tables:
                table[last, kind] = table[last, known[0]]
    for group in sorted(range(last), key=lambda group: wider[group] != last):
        unknown = size[group] == 0
        for table in tables:
            table[group, unknown] = table[wider[group], unknown]


def median(rows: Floats) -> Floats:
    """Of each column; not a number where none is known."""
    ordered = np.sort(rows, axis=0)  # what is not known comes last
    known = len(rows) - np.isnan(rows).sum(axis=0)
    low, high = (np.maximum((known - odd) // 2, 0) for odd in (1, 0))
    columns = np.arange(rows.shape[1])
    found: Floats = np.where(
        known > 0, (ordered[low, columns] + ordered[np.minimum(high, len(rows) - 1), columns]) / 2, np.nan
    )
    return found


def _spread(centre: Floats, spread: Floats) -> Floats:
    between = MAD_TO_SIGMA * np.nan_to_num(median(np.abs(centre - median(centre))))
    known = ~np.isnan(spread)
    within = np.where(known, np.square(spread), 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    found: Floats = np.sqrt(np.square(between) + within)
    return found
