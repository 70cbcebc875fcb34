"""How far a person-day is from the person's own usual, and from that of people alike."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.detector import Detector, View, odd_together
from models.features import LONG
from models.groups import Groups, groups_of, post_key
from models.kinds import KINDS
from models.table import Bools, Floats, Ints, compressed
from models.usual import NEEDS, Usual, usual_of

PRIOR = 10
"""Own days of a kind at which the own past weighs as much as the peers'."""
PRIOR_PEERS = 5
MOVED = 0.25
"""What the own past weighs, beside the new peers, from the day on which department or title are no longer those of
which was learned."""
FLOOR = 0.1
"""No spread is below this (compressed), nor below `SHARE` of everybody's: of whoever never exports it is 0, and the
first file is not as odd as the first thousand."""
SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Past:
    """What there is to learn from: what is usual, for whom and for people alike, and some of the days."""

    usual: Usual
    groups: Groups
    days: pl.DataFrame


class Deviation(Detector):
    """A detector that knows by the kind of day what is usual for persons and for those whom they are compared with."""

    needs: tuple[str, ...] = NEEDS

    @staticmethod
    def reads(name: str) -> bool:
        """Not what many days add up to: one deed would be odd for as many days, and three such sums of it agree."""
        return Detector.reads(name) and name not in LONG

    @abstractmethod
    def learn(self, past: Past) -> Self:
        """Learn from what is usual, as `fit` does from the days that make it."""

    def _learn(self, days: pl.DataFrame) -> None:
        usual = usual_of([days])
        self.learn(Past(usual, groups_of(usual), days))

    def _compared(self, past: Past) -> tuple[Usual, Groups]:
        """Keep who is compared with whom; what is usual of the features that it reads."""
        usual, groups = past.usual, past.groups
        read = [self.reads(name) for name in usual.names]
        self.persons_ = np.array(usual.persons, dtype=str)
        self.posts_ = np.array([post_key(*post) for post in usual.posts], dtype=str)
        self.group_ = groups.person
        self.group_posts_ = np.array(list(groups.post), dtype=str)
        self.group_of_posts_ = np.array(list(groups.post.values()), dtype=np.int64)
        self.groups_ = np.array(groups.names, dtype=str)
        self._named(usual.names)
        usual, groups = usual.of_features(read), groups.of_features(read)
        self.floor_ = np.maximum(SHARE * np.nan_to_num(groups.spread[-1]), FLOOR)
        return usual, groups

    def _odd(self, z: Floats) -> Floats:
        return odd_together(z)

    def _who(self, days: pl.DataFrame) -> tuple[Ints, Ints, Ints, Bools]:
        """Of each row: the number of the person (-1 for who is not known), of the group (the last, everybody, where
        there is no other), of the kind of day, and whether the person has another post than was learned."""
        person = places(days["person"], self.persons_)
        department, title = pl.col("department").fill_null(""), pl.col("title").fill_null("")
        keys = days.select(
            pl.format("{}\x1f{}", department, title).alias("post"),
            pl.format("{}\x1f", department).alias("department"),
        )
        posts = np.append(self.posts_, "")
        known = person >= 0
        there = (days["department"].fill_null("") != "").to_numpy()
        moved = known & there & (keys["post"].to_numpy().astype(str) != posts[person])
        of_posts = np.append(self.group_of_posts_, len(self.groups_) - 1)
        exact, wide = (places(keys[name], self.group_posts_) for name in ("post", "department"))
        by_post = of_posts[np.where(exact >= 0, exact, wide)]
        own = np.append(self.group_, len(self.groups_) - 1)[person]
        kind = days["kind"].replace_strict(list(KINDS), range(len(KINDS)), default=0, return_dtype=pl.Int64).to_numpy()
        return person, np.where(known & ~moved, own, by_post), kind, moved

    def _against(self, days: pl.DataFrame, of: Ints, kind: Ints, centre: Floats, scale: Floats, known: Bools) -> View:
        """Each row against a centre and a spread, and `of` says which ones of those given, each for a kind of day."""
        usual = np.nan_to_num(centre.astype(np.float64))
        spread = np.maximum(np.nan_to_num(scale.astype(np.float64)), self.floor_[kind])
        usual, spread, nothing = usual[of], spread[of], np.isnan(centre)[of]
        z = compressed(days, self.read_)
        z -= usual
        z /= spread
        np.nan_to_num(z, copy=False)
        z[nothing] = 0
        return View(z=z, centre=usual, scale=spread, usual=usual, known=known)


class Own(Deviation):
    """Against the person's own days of the kind, frozen when learned, so that nobody can lead them along slowly, and
    drawn towards the peers' where there are few of them (the credibility of H. Bühlmann, Experience rating and
    credibility, ASTIN Bulletin 4, 1967). No score for who had fewer than `least` days of any kind."""

    def __init__(self, *, least: int = 10, chunk: int = 16_384) -> None:
        self.least = least
        self.chunk = chunk

    def learn(self, past: Past) -> Self:
        usual, groups = self._compared(past)
        days = np.bincount(usual.person, weights=usual.days, minlength=len(usual.persons))
        self.enough_ = np.append(days >= self.least, False)
        weight = (usual.days / (usual.days + PRIOR))[:, None].astype(np.float32)
        group = groups.person[usual.person]
        peers = self._middle_of(groups)
        theirs = peers[group, usual.kind], groups.spread[group, usual.kind]
        self.centre_ = _mixed(self._middle(usual), theirs[0], weight)
        self.scale_ = _mixed_spread((self._middle(usual), usual.spread), theirs, weight)
        self.place_ = np.full((len(usual.persons) + 1, len(KINDS)), -1)
        self.place_[usual.person, usual.kind] = np.arange(len(usual.person))
        self.peers_centre_, self.peers_scale_ = peers, groups.spread
        return self

    def _middle(self, usual: Usual) -> Floats:
        return usual.centre

    def _middle_of(self, groups: Groups) -> Floats:
        return groups.centre

    def _view(self, days: pl.DataFrame) -> View:
        person, group, kind, moved = self._who(days)
        known = self.enough_[person]
        first, of = alike(person, group, kind, moved)
        person, group, kind, moved = person[first], group[first], kind[first], moved[first]
        place = self.place_[person, kind]
        centre, scale = self.peers_centre_[group, kind], self.peers_scale_[group, kind]
        weight = np.where(place < 0, 0, np.where(moved, MOVED, 1))[:, None].astype(np.float32)
        own = np.where(place < 0, 0, place)
        scale = _mixed_spread((self.centre_[own], self.scale_[own]), (centre, scale), weight)
        centre = _mixed(self.centre_[own], centre, weight)
        return self._against(days, of, kind, centre, scale, known)


class Peers(Deviation):
    """Against the people whom a person is compared with (`models.groups`). No score where there is no such group.

    Spreads are drawn towards everybody's as if `PRIOR_PEERS` persons of those had been seen too."""

    def __init__(self, *, chunk: int = 16_384) -> None:
        self.chunk = chunk

    def learn(self, past: Past) -> Self:
        _, groups = self._compared(past)
        weight = groups.size / (groups.size + PRIOR_PEERS)
        drawn = _mixed(np.square(groups.spread), np.square(groups.spread[-1:]), weight[:, :, None].astype(np.float32))
        self.centre_, self.scale_ = groups.centre, np.sqrt(drawn)
        return self

    def _view(self, days: pl.DataFrame) -> View:
        _, group, kind, _ = self._who(days)
        known = group != len(self.groups_) - 1
        first, of = alike(group, kind)
        group, kind = group[first], kind[first]
        return self._against(days, of, kind, self.centre_[group, kind], self.scale_[group, kind], known)


def alike(*columns: Ints | Bools) -> tuple[Ints, Ints]:
    """Of rows of small whole numbers, -1 or more, the first of each that are equal, and which of these each row is."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        key = key * (int(column.max(initial=0)) + 2) + column + 1
    _, first, of = np.unique(key, return_index=True, return_inverse=True)
    return first, of


def places(wanted: pl.Series, known: NDArray[np.str_]) -> Ints:
    """Where each is among the known, -1 where it is not."""
    table = pl.DataFrame([pl.Series("name", known, pl.String), pl.Series("place", range(len(known)), pl.Int64)])
    asked = wanted.alias("name").cast(pl.String).to_frame()
    return asked.join(table, on="name", how="left", maintain_order="left")["place"].fill_null(-1).to_numpy()


def _mixed(own: Floats, theirs: Floats, weight: Floats) -> Floats:
    """Both by weight; where one is not known, the other."""
    both = own * weight + theirs * (1 - weight)
    found: Floats = np.where(np.isnan(own), theirs, np.where(np.isnan(theirs), own, both))
    return found


def _mixed_spread(own: tuple[Floats, Floats], theirs: tuple[Floats, Floats], weight: Floats) -> Floats:
    """The spread of a mixture: where own and peers' centres differ, either may be what is to be expected."""
    within = _mixed(np.square(own[1]), np.square(theirs[1]), weight)
    between = np.nan_to_num(weight * (1 - weight) * np.square(own[0] - theirs[0]))
    found: Floats = np.sqrt(within + between)
    return found
