"""The ledger by itself: whether its tree is whole, and whether every signed head, wherever it was kept, is of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.x509 import Certificate

from core.canonical import moment_text
from core.errors import Broken
from core.proof import Ledger, SignedHead, SigningKey
from core.tiles import DIGESTS, WIDTH, node_of, perfect
from evidence.heads import Exported, earlier_than_before
from evidence.signing import check_keys, check_signature, fingerprint
from evidence.timestamps import claimed_at, stamped_at

AHEAD_AT_MOST = timedelta(minutes=5)
"""Clocks differ by so much; a head from further in the future is told of."""


@dataclass(slots=True, kw_only=True)
class Checked:
    """What was found: how many leaves, heads and time stamps hold, `problems` a sentence each, and `notes` of what is
    odd and explained."""

    leaves: int = 0
    heads: int = 0
    tokens: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Tree:
    """The tree as its leaves make it, whatever lies above them in the records."""

    def __init__(self, ledger: Ledger, algorithm: str) -> None:
        self._ledger = ledger
        self._algorithm = algorithm
        self._digest = DIGESTS[algorithm]
        self._held: tuple[int, Sequence[bytes]] = (-1, ())
        self._above: list[list[bytes]] = []
        self.size = 0

    def build(self) -> list[str]:
        """Read every leaf's hash; returns what is wrong with how they lie and with what lies above them."""
        problems: list[str] = []
        above: list[bytes] = []
        for number, row in self._ledger.tree_rows(self._algorithm):
            if number * WIDTH != self.size:
                return [f"the hashes of leaves {self.size} to {number * WIDTH} are missing"]
            self.size += len(row)
            if len(row) == WIDTH:
                above.append(perfect(row, self._digest))
        while above:
            self._above.append(above)
            problems += self._differs(len(self._above), above)
            full = range(0, len(above) - WIDTH + 1, WIDTH)
            above = [perfect(above[at : at + WIDTH], self._digest) for at in full]
        return problems

    def root(self, size: int) -> bytes:
        """The root of the first leaves."""
        return node_of((0, size), self._row, self._digest) if size else self._digest(b"")

    def _differs(self, level: int, made: Sequence[bytes]) -> list[str]:
        stored = [one for _, row in self._ledger.tree_rows(self._algorithm, level) for one in row]
        span = WIDTH**level
        stored += [b""] * (len(made) - len(stored))
        # More may be stored by now.
        different = [number for number, (a, b) in enumerate(zip(made, stored, strict=False)) if a != b]
        return [f"the hashes of leaves {at * span} to {(at + 1) * span} were changed" for at in different[:10]]

    def _row(self, level: int, number: int) -> Sequence[bytes]:
        if level:
            return self._above[level - 1][number * WIDTH : (number + 1) * WIDTH]
        if self._held[0] != number:
            leaves = range(number * WIDTH, min((number + 1) * WIDTH, self.size))
            self._held = number, [self._ledger.node((at, at + 1), self._algorithm) for at in leaves]
        return self._held[1]


def check(
    ledger: Ledger,
    trusted: Mapping[str, Sequence[Certificate]],
    now: datetime,
    elsewhere: Exported | None = None,
) -> Checked:
    """The ledger against its own heads and those kept elsewhere, which count for more: whoever can change the records
    may have signed them anew. `trusted` are the certificates of time-stamping authorities, by name."""
    found = Checked()
    heads, keys = ledger.heads(), ledger.keys()
    # Taken first: what is appended meanwhile is no loss.
    size = ledger.size()
    _entries(ledger, size, found)
    _keys(keys, elsewhere, found)
    known = {signed.head.statement() for signed in heads}
    others = [one for one in elsewhere.heads if one.head.statement() not in known] if elsewhere else []
    if others:
        found.problems.append(f"{_named(others[0])} was taken away: it was exported and the records do not have it")
    trees = {algorithm: Tree(ledger, algorithm) for algorithm in ledger.algorithms()}
    for algorithm, tree in trees.items():
        found.problems += [f"{problem} ({algorithm})" for problem in tree.build()]
        if tree.size < size:
            found.problems.append(f"the ledger has {size} leaves, and hashes of {tree.size} ({algorithm})")
    every_key = [*keys, *(elsewhere.keys if elsewhere else ())]
    _heads([*heads, *others], every_key, trees, size, ledger.log(), found)
    for signed in heads:
        _tokens(signed, trusted, found)
    _clock(heads, now, found)
    found.leaves = size
    return found


def _entries(ledger: Ledger, size: int, found: Checked) -> None:
    end = 0
    for entry in ledger.entries():
        if entry.first != end or not entry.whole():
            found.problems.append(f"what the ledger knows of leaves {end} to {entry.first + entry.count} does not fit")
        end = entry.first + entry.count
    if end < size:
        found.problems.append(f"what the ledger knew of leaves {end} to {size} is gone")


def _keys(keys: Sequence[SigningKey], elsewhere: Exported | None, found: Checked) -> None:
    for some in (keys, elsewhere.keys if elsewhere else ()):
        try:
            check_keys(some)
        except Broken as error:
            found.problems.append(str(error))
    own = {key.public for key in keys}
    for key in elsewhere.keys if elsewhere else ():
        if key.public not in own:
            found.problems.append(f"the key {fingerprint(key.public)} is the ledger's elsewhere, and not here")


def _heads(
    heads: Sequence[SignedHead],
    keys: Sequence[SigningKey],
    trees: Mapping[str, Tree],
    size: int,
    log: str,
    found: Checked,
) -> None:
    held = 0
    wrong: SignedHead | None = None
    for signed in sorted(heads, key=lambda one: (one.head.size, one.head.at)):
        head = signed.head
        try:
            check_signature(signed, keys)
        except Broken as error:
            found.problems.append(str(error))
            continue
        if head.log != log:
            found.problems.append(f"{_named(signed)} is of another ledger, {head.log}; this one is {log}")
        elif head.size > size or any(
            _differs(tree, head.size, head.roots.get(name, "")) for name, tree in trees.items()
        ):
            wrong = wrong or signed
        else:
            found.heads += 1
            held = head.size if wrong is None else held
    if wrong is not None:
        found.problems.append(
            f"{_named(wrong)} is not of these leaves: after it was signed, something was changed, removed or put in"
            f" among leaves {held} to {wrong.head.size}"
        )


def _differs(tree: Tree, size: int, root: str) -> bool:
    try:
        return size > tree.size or tree.root(size).hex() != root
    except Broken:
        return True


def _tokens(signed: SignedHead, trusted: Mapping[str, Sequence[Certificate]], found: Checked) -> None:
    for token in signed.tokens:
        try:
            certificates = trusted.get(token.authority)
            if certificates is None:
                claimed_at(token)
                found.notes.append(f"nobody says any more which certificates {token.authority} has: not checked")
                continue
            stamped = stamped_at(token, signed.head.statement(), certificates)
        except Broken as error:
            found.problems.append(f"{_named(signed)}: {error}")
            continue
        found.tokens += 1
        if stamped < signed.head.at - AHEAD_AT_MOST:
            found.notes.append(f"{_named(signed)} was stamped on {moment_text(stamped)} already: the clock was ahead")


def _clock(heads: Sequence[SignedHead], now: datetime, found: Checked) -> None:
    """A clock that is wrong now is a problem; that it was wrong once, time stamps and the order of heads tell."""
    if heads and heads[-1].head.at > now + AHEAD_AT_MOST:
        found.problems.append(f"{_named(heads[-1])} is from the future: the clock is wrong, or was when it was made")
    early = earlier_than_before(heads)
    for signed in early:
        told = f"{_named(signed)} is dated before a smaller one: the clock was wrong at one of them"
        (found.problems if signed is heads[-1] else found.notes).append(told)


def _named(signed: SignedHead) -> str:
    return f"the head of {signed.head.size} leaves of {moment_text(signed.head.at)}"
