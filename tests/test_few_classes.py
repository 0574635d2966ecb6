"""Few training classes: what memorises them, and what docs/few_classes.md advises."""

from pathlib import Path

import numpy as np
import pytest

METRIC = [
    "protonet",
    "matching",
    "relation",
    "siamese",
    "simpleshot",
    "baseline++",
    "r2d2",
    "metaoptnet",
]


@pytest.fixture
def digits(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import digits

    return digits


def test_the_algorithms_of_the_benchmark_are_those_that_settings_are_tried_of(digits):
    assert {name for name, _ in digits.make_learners()} == set(METRIC)


def test_settings_are_chosen_on_other_splits_than_are_reported(digits):
    reported = digits.draw_splits(200)
    assert len(set(reported)) == 200  # of 210: ten are left to choose by
    assert digits.draw_splits(40) == reported[:40]


@pytest.mark.slow
@pytest.mark.parametrize("name", METRIC)
def test_recommended_settings_beat_the_nearest_centroid_where_plain_ones_lose(
    name, digits
):
    learners, splits = digits.make_learners(), digits.draw_splits(2)
    base = [[digits.score_centroids(old, n) for n in digits.SHOTS] for old in splits]

    def gain(variant):
        scores = [digits.measure(*learners[name, variant], old)[0] for old in splits]
        return np.mean(np.subtract(scores, base), axis=0)  # by shots

    assert (gain("recommended") > 0.01).all()
    assert (gain("plain") < 0).all()
