"""The tree of RFC 6962, held to the vectors of Certificate Transparency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Broken
from core.merkle import Frontier, consistency, cover, grew, leaf_hash, node_hash, root, root_from, sha256, split

LEAVES = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def node(first: int, end: int) -> bytes:
    if end - first == 1:
        return HASHES[first]
    middle = split((first, end))
    return node_hash(node(first, middle), node(middle, end))


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root(HASHES[:size]).hex() == ROOTS[size]


def test_an_audit_path_and_a_consistency_proof_are_those_of_the_rfc() -> None:
    assert cover(7, [3]) == [(0, 2), (2, 3), (4, 7)]
    assert consistency(3, 7) == [(2, 3), (3, 4), (0, 2), (4, 7)]
    assert consistency(4, 7) == [(4, 7)]
    assert consistency(6, 7) == [(4, 6), (6, 7), (0, 4)]


@given(st.integers(1, 8), st.data())
def test_any_leaves_and_their_cover_make_the_root_and_nothing_else_does(size: int, data: st.DataObject) -> None:
    shown = sorted(data.draw(st.sets(st.integers(0, size - 1))))
    leaves = {index: HASHES[index] for index in shown}
    nodes = {one: node(*one) for one in cover(size, shown)}
    assert root_from(size, leaves, nodes).hex() == ROOTS[size]
    changed = data.draw(st.sampled_from([*leaves, *nodes]))
    parts = (leaves, nodes)
    other = [{name: sha256(b"") if name == changed else one for name, one in part.items()} for part in parts]
    assert root_from(size, *other).hex() != ROOTS[size]
    fewer = [{name: one for name, one in part.items() if name != changed} for part in parts]
    if changed != (0, size):
        with pytest.raises(Broken):
            root_from(size, *fewer)
    with pytest.raises(Broken):
        root_from(size, leaves, {**nodes, (90, 91): sha256(b"")})


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_a_tree_that_grew_is_told_from_any_other(one: int, other: int, data: st.DataObject) -> None:
    old, new = sorted((one, other))
    proof = [node(*part) for part in consistency(old, new)]
    roots = [bytes.fromhex(ROOTS[size]) for size in (old, new)]
    assert grew(old, roots[0], new, roots[1], proof)
    assert not grew(old, roots[0], new, sha256(b"another"), proof)
    assert not grew(old, sha256(b"another"), new, roots[1], proof)
    assert not grew(old, roots[0], new, roots[1], [*proof, sha256(b"more")])
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        assert not grew(old, roots[0], new, roots[1], [*proof[:place], sha256(b""), *proof[place + 1 :]])
        assert not grew(old, roots[0], new, roots[1], proof[:-1])


@given(st.lists(st.integers(0, 5), max_size=6))
def test_a_frontier_goes_on_from_its_peaks(parts: list[int]) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(sum(parts))]
    frontier, done = Frontier(), 0
    for part in parts:
        frontier = Frontier(frontier.size, frontier.peaks)
        frontier.append(leaves[done : done + part])
        done += part
        assert frontier.root() == root(leaves[:done])
    with pytest.raises(Broken):
        Frontier(3, [b""])


def test_every_tree_grew_out_of_the_empty_one() -> None:
    assert grew(0, root([]), 5, root(HASHES[:5]), [])
    assert not grew(0, sha256(b"another"), 5, root(HASHES[:5]), [])
