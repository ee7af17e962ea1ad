"""Intervals and tests against SciPy, published numbers and each other."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy import stats

from para.evaluation import (
    graded_area,
    holm,
    not_behind,
    paired_difference,
    success_by_distance,
    wilson,
    wilson_clustered,
)


@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (1, 1), (0, 100), (1, 100), (54, 100), (117, 192), (199, 200), (200, 200)]
)
def test_wilson_is_scipys(k, n):
    ours, theirs = wilson(k, n), stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.low <= ours.value <= ours.high


def clustered(*counts):
    """The rate of several clusters' (successes, n)."""
    labels = [k for k, (_, n) in enumerate(counts) for _ in range(n)]
    return wilson_clustered([i < s for s, n in counts for i in range(n)], labels)


def test_clusters_that_agree_are_one_sample_and_others_are_fewer_than_their_episodes():
    assert clustered((9, 10), (9, 10)) == wilson(18, 20) == clustered((18, 20))
    assert clustered((0, 0), (3, 4)) == wilson(3, 4)
    assert clustered((1, 1), (0, 1), (1, 1)) == wilson(2, 3), "places asked once each"
    assert clustered().n == 0 and clustered((0, 6)) == wilson(0, 6) == clustered(*[(0, 1)] * 6)
    two = clustered((100, 100), (0, 100))  # one or the other: two draws, whatever the number of episodes
    assert (two.successes, two.n, two.value) == (100, 200, 0.5) and two.low < 0.1 and two.high > 0.9


def test_where_all_succeed_nothing_is_known_of_the_spread():
    """One more success cannot widen the interval, and places that are asked again are no further places."""
    assert clustered(*[(100, 100)] * 3).low == pytest.approx(clustered((99, 100), (100, 100), (100, 100)).low)
    assert clustered(*[(0, 100)] * 3).high == pytest.approx(clustered((1, 100), (0, 100), (0, 100)).high)
    assert clustered(*[(100, 100)] * 3).high == 1 and clustered(*[(0, 100)] * 3).low == 0
    unequal = [clustered(*parts) for parts in permutations([(100, 100), (10, 10), (50, 50)])]
    assert len(set(unequal)) == 1, "the order of the trainings says nothing"
    ones = np.ones(700)
    places = np.repeat(np.arange(100), 7).tolist()
    assert (same := paired_difference(ones, ones, places)).high == -same.low == pytest.approx(0.03)


def test_few_places_say_little():
    """Neither is better, but each has places where it is: of 4 such places one is seldom called better, of 1 never."""
    rng, called = np.random.default_rng(2), 0
    for seed in range(200):
        shares = np.repeat(rng.uniform(0.2, 0.8, (2, 4)), 8, axis=1)
        d = paired_difference(
            *(rng.random((2, 32)) < shares), np.repeat(np.arange(4), 8).tolist(), draws=100, seed=seed
        )
        called += d.p_value < 0.05 and not d.low <= 0 <= d.high
    assert called <= 14, called
    a = np.r_[np.ones(4), np.zeros(20)]
    one = paired_difference(a, np.zeros(24), [0] * 24)
    assert (one.low, one.high) == (-1, 1) and one.p_value > 0.9


def test_an_interval_over_trainings_covers_what_training_gives():
    """Rates that vary from training to training by 5 points about 0.9: Wilson's own interval misses 0.9 far too often."""
    rng, k, n, hit, known = np.random.default_rng(0), 5, 100, 0, 0
    for _ in range(400):
        placed = rng.binomial(n, np.clip(rng.normal(0.9, 0.05, k), 0, 1))
        pooled, spread = wilson(int(placed.sum()), k * n), clustered(*((int(p), n) for p in placed))
        hit += pooled.low <= 0.9 <= pooled.high
        known += spread.low <= 0.9 <= spread.high
    assert hit < 0.8 * 400 < 0.85 * 400 < known


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize(
    ("p", "spread", "n"), [(0.75, 0.05, 100), (0.9, 0.04, 200), (0.95, 0.02, 200), (0.99, 0.02, 100)]
)
def test_few_trainings_tell_their_spread_badly_and_the_interval_knows_it(p, spread, n, k):
    """What README says of intervals of three to five trainings."""
    rng, hit, a = np.random.default_rng(0), 0, p * (p * (1 - p) / spread**2 - 1)
    for _ in range(600):
        rate = clustered(*((int(s), n) for s in rng.binomial(n, rng.beta(a, a * (1 - p) / p, k))))
        hit += rate.low <= p <= rate.high
    assert 0.93 * 600 <= hit, hit / 600


def test_an_interval_knows_that_a_place_is_asked_again():
    """50 places, each asked under 8 cameras and by 3 trainings: what is hard is mostly the place."""
    rng, own, known = np.random.default_rng(0), 0, 0
    for _ in range(200):
        hard = np.repeat(rng.choice([0.6, 1.0], 50, p=[0.5, 0.5]), 24)  # 0.8 in the mean
        placed = rng.random(1200) < hard
        rate = wilson_clustered(placed, np.tile(np.arange(3), 400).tolist(), np.repeat(np.arange(50), 24).tolist())
        plain = wilson(int(placed.sum()), 1200)
        own, known = own + (plain.low <= 0.8 <= plain.high), known + (rate.low <= 0.8 <= rate.high)
    assert own < 0.75 * 200 < 0.9 * 200 < known


def test_a_difference_knows_that_a_place_is_asked_again():
    rng, missed, known = np.random.default_rng(0), 0, 0
    for seed in range(60):
        better = rng.random(30) < 0.5  # at half of the places a is better, at the others b, under every camera
        a, b = np.repeat(better, 10), np.repeat(~better, 10)
        places = np.repeat(np.arange(30), 10).tolist()
        one, other = (
            paired_difference(a, b, draws=400, seed=seed),
            paired_difference(a, b, places, draws=400, seed=seed),
        )
        missed, known = missed + (one.low > 0 or one.high < 0), known + (other.low <= 0 <= other.high)
        assert one.value == other.value
    assert missed > 20 and known > 50
    ones = np.ones(20)
    assert paired_difference(ones, ones).low == pytest.approx(-0.15), "20 conditions say nothing of 15 points"
    assert paired_difference(a, b, list(range(300))) == paired_difference(a, b), "each its own place"
    with pytest.raises(ValueError, match="one place for each condition: got 2 and 300"):
        paired_difference(a, b, [0, 1])


def test_wilson_of_nothing_says_nothing():
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


def test_paired_difference_knows_that_conditions_are_shared():
    rng = np.random.default_rng(0)
    hard = rng.random(200)
    b = hard < 0.5
    a = hard < 0.6  # a solves all that b solves, and some more
    paired = paired_difference(a, b)
    shuffled = paired_difference(a, rng.permutation(b))
    assert paired.value == pytest.approx(a.mean() - b.mean()) == pytest.approx(shuffled.value)
    assert paired.high - paired.low < 0.7 * (shuffled.high - shuffled.low)
    assert paired.only_b == 0 and paired.low > 0


def test_the_bootstrap_interval_agrees_with_the_normal_one():
    rng = np.random.default_rng(1)
    a, b = rng.random(400) < 0.7, rng.random(400) < 0.5
    found, d = paired_difference(a, b), a.astype(float) - b
    half = 1.96 * d.std() / 20
    assert (found.low, found.high) == pytest.approx((d.mean() - half, d.mean() + half), abs=0.01)


def test_the_p_value_is_mcnemars_exact_one():
    a, b = np.array([1] * 9 + [0] * 2 + [1] * 20), np.array([0] * 9 + [1] * 2 + [1] * 20)
    assert paired_difference(a, b).p_value == pytest.approx(stats.binomtest(9, 11).pvalue)
    assert paired_difference(b, a).p_value == pytest.approx(stats.binomtest(2, 11).pvalue)
    assert paired_difference(a, a).p_value == 1


def test_training_seeds_widen_the_interval():
    rng = np.random.default_rng(2)
    b = np.zeros((3, 200))
    a = np.stack([rng.random(200) < share for share in (0.2, 0.5, 0.8)])
    one = paired_difference(a[1], b[1])
    three = paired_difference(a, b)
    assert three.high - three.low > 2 * (one.high - one.low)


def test_three_trainings_of_each_still_give_an_interval_that_holds_the_difference():
    """a is better by 15 points in the mean over trainings, each of which is some 8 points off."""
    rng, held = np.random.default_rng(0), 0
    for seed in range(100):
        a, b = (rng.random((3, 100)) < rng.normal(p, 0.08, 3)[:, None] for p in (0.75, 0.6))
        d = paired_difference(a, b, draws=200, seed=seed)
        held += d.low <= 0.15 <= d.high
    assert held >= 95, held


def test_nothing_in_common_gives_no_answer():
    empty = paired_difference(np.empty(0), np.empty(0))
    assert empty.n == 0 and (empty.low, empty.high, empty.p_value) == (-1, 1, 1)
    with pytest.raises(ValueError, match="same conditions, got 2 and 3"):
        paired_difference(np.ones(2), np.ones(3))


def test_not_behind_is_a_matter_of_the_intervals_lower_end():
    same = np.ones(200)
    assert not_behind(paired_difference(same, same))
    few = np.array([1, 0] * 10)
    assert not not_behind(paired_difference(few, few[::-1]))


def test_holm_step_by_step():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_area_under_a_graded_curve():
    assert graded_area([0, 10, 20], [1, 1, 1]) == 1
    assert graded_area([20, 0, 10], [0, 1, 0.5]) == pytest.approx(0.5)
    paper = graded_area([0, 3.6, 7.1, 10.7, 14.3, 17.9, 21.4, 25], [0.88, 0.79, 0.62, 0.63, 0.62, 0.62, 0.33, 0.38])
    assert paper == pytest.approx(0.606, abs=0.001)
    with pytest.raises(ValueError, match="must differ"):
        graded_area([1, 1], [0, 1])


def test_success_by_distance_counts_every_episode_once():
    rng = np.random.default_rng(3)
    distance = rng.uniform(0.04, 0.32, 200)
    success = rng.random(200) < 1 - 2 * distance
    bins = success_by_distance(distance, success)
    assert len(bins) == 6 and sum(b.rate.n for b in bins) == 200
    assert sum(b.rate.successes for b in bins) == success.sum()
    assert all(b.low_m <= b.mean_m <= b.high_m for b in bins)
    assert all(a.high_m <= b.low_m for a, b in pairwise(bins))
    assert {b.rate.n for b in bins} <= {33, 34}
    assert success_by_distance(np.array([]), np.array([])) == []
