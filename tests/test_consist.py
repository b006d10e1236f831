"""The cut of a strip into wagons is exact: held against every cut there is."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagery.errors import InputError
from models.axes.strips import ALONG_M
from models.wagons import consist
from models.wagons.consist import Evidence, Weights, cut, cut_knowing

# Wagons of 3 to 5 columns, of 2 where the image cuts them: small enough to list every cut.
SMALL = Weights(
    occupied=0.5,
    bias=0.25,
    ends=1.0,
    wagon=-0.5,
    shortest_m=3 * ALONG_M,
    longest_m=5 * ALONG_M,
    cut_m=2 * ALONG_M,
)
N = 11
LOGITS = arrays(np.float64, N, elements=st.floats(-4, 4, width=16))


def every_cut(first: int):
    """All lists of non-overlapping (start, stop) from column ``first`` on."""
    yield []
    for s in range(first, N):
        for e in range(s + 2, min(N, s + 5) + 1):
            for rest in every_cut(e):
                yield [(s, e), *rest]


CUTS = [list(c) for c in every_cut(0)]


def score(evidence, weights, usual, start, stop):
    """What one wagon earns, by the rule as the module's first lines give it."""
    lengths = weights.columns().tolist()
    cut_by_edge = evidence.edge[start] or evidence.edge[stop]
    if stop - start not in lengths or (
        (stop - start) * ALONG_M < weights.shortest_m - 1e-6 and not cut_by_edge
    ):
        return -np.inf
    inside = weights.occupied * (evidence.occupied[start:stop] + weights.bias).sum()
    ends = weights.ends * (evidence.start[start] + evidence.stop[stop - 1])
    return inside + ends + weights.wagon + usual[lengths.index(stop - start)]


def all_values(evidence: Evidence, usual) -> np.ndarray:
    spans = [(s, e) for s, e in itertools.combinations(range(N + 1), 2) if e - s <= 5]
    table = {(s, e): score(evidence, SMALL, usual, s, e) for s, e in spans}
    return np.array([sum(table[w] for w in c) for c in CUTS])


@settings(max_examples=25, deadline=None)
@given(
    LOGITS,
    LOGITS,
    LOGITS,
    arrays(np.float64, 4, elements=st.floats(-2, 2, width=16)),
    st.integers(0, 2**12 - 1),
)
def test_cut_and_odds_equal_the_listing_of_every_cut(occupied, start, stop, usual, edges):
    edge = np.array([bool(edges >> i & 1) for i in range(N + 1)])
    evidence = Evidence(occupied, start, stop, edge)
    values = all_values(evidence, usual)
    found = cut_knowing(evidence, SMALL, usual)
    wagons = list(zip(found.start.tolist(), found.stop.tolist(), strict=True))
    assert sum(score(evidence, SMALL, usual, s, e) for s, e in wagons) == pytest.approx(values.max())
    share = np.exp(values - values.max())
    share /= share.sum()
    for (s, e), odds in zip(wagons, found.odds, strict=True):
        near = int(1.0 / ALONG_M)
        # Each wagon near this one counts; two that are near it in one cut would count twice, hence the cap.
        expected = sum(
            p * sum(abs(a - s) <= near and abs(b - e) <= near for a, b in c)
            for c, p in zip(CUTS, share, strict=True)
        )
        assert odds == pytest.approx(min(expected, 1.0), abs=1e-9)


def test_coupled_wagons_are_told_apart_and_measured():
    columns = np.arange(400)
    occupied, start, stop = np.full(400, -3.0), np.full(400, -5.0), np.full(400, -5.0)
    truth = [(50, 85), (87, 122), (124, 190), (192, 212)]
    for s, e in truth:
        occupied[(columns >= s) & (columns < e)] = 3.0
        start[s], stop[e - 1] = 2.0, 2.0
    found = cut(Evidence(occupied, start, stop, np.zeros(401, bool)))
    assert list(zip(found.start, found.stop, strict=True)) == truth
    assert (found.odds > 0.9).all()


def test_a_joint_that_is_hardly_seen_is_found_among_wagons_of_one_length():
    occupied, ends = np.full(300, 3.0), np.full(300, -5.0)
    joints = range(5, 300, 36)
    start, stop = ends.copy(), ends.copy()
    for at in joints:
        start[at], stop[at - 1] = (2.0, 2.0) if at != 149 else (-2.0, -2.0)
    evidence = Evidence(occupied, start, stop, np.zeros(301, bool))
    alone = cut_knowing(evidence, Weights(), np.zeros(len(Weights().columns())))
    assert 149 not in alone.start
    assert 149 in cut(evidence).start


@given(arrays(np.int64, st.integers(0, 20), elements=st.integers(15, 70)), st.floats(0.01, 1))
def test_what_is_usual_is_a_density_and_never_forbids_a_length(lengths, sure):
    usual = Weights().usual(lengths, np.full(len(lengths), sure))
    assert np.exp(usual).mean() == pytest.approx(1.0)
    assert usual.min() >= np.log(1 - Weights().alike)


def test_an_empty_strip_holds_no_wagon_and_an_image_edge_may_cut_one():
    nothing = np.full(60, -3.0)
    assert len(cut(Evidence(nothing, nothing, nothing, np.zeros(61, bool))).start) == 0
    occupied = np.where(np.arange(60) < 10, 3.0, -3.0)
    ends = np.full(60, -1.0)
    edge = np.zeros(61, bool)
    assert (0, 10) not in zip(*_wagons(occupied, ends, edge), strict=True)
    edge[0] = True
    assert list(zip(*_wagons(occupied, ends, edge), strict=True)) == [(0, 10)]


def _wagons(occupied, ends, edge):
    found = cut(Evidence(occupied, ends, ends, edge))
    return found.start, found.stop


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="evidence over 5 columns"):
        Evidence(np.zeros(5), np.zeros(5), np.zeros(5), np.zeros(5, bool))


def test_a_strip_of_no_columns_is_empty():
    empty = np.zeros(0)
    assert len(consist.cut(Evidence(empty, empty, empty, np.zeros(1, bool))).start) == 0
