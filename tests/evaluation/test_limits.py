"""A learner that diverged has no say in what a picture shows."""

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation.limits import far_gain, steady_range


def curve(**scores):
    rows = [(name, score) for name, own in scores.items() for score in own]
    return pd.DataFrame(rows, columns=["estimator", "score"])


@pytest.mark.parametrize("far", [1e3, 1e12, -1e3])
def test_who_diverged_is_named_and_left_out(far):
    found = curve(mean=[3.0, 2.5], gp=[2.0, 1.5], own=[9.0, 4.0], maml=[far, 2.0])
    assert steady_range(found, "mean", 0.0) == (1.5, 9.0, ["maml"])


def test_usual_learners_are_all_shown():
    found = curve(mean=[36.5, 36.5], own=[50.0, 38.0], gp=[36.4, np.nan])
    assert steady_range(found, "mean", 0.0) == (36.4, 50.0, [])
    shares = curve(mean=[0.0, 0.0], gp=[0.9, 1.0])
    assert steady_range(shares, "mean", 0.5) == (0.0, 1.0, [])


def test_a_few_far_gains_end_at_the_edge():
    gains = np.append(np.linspace(-1, 1, 19), 1e6)
    assert far_gain(gains) == pytest.approx(3 * 1.0, rel=0.2)
    assert far_gain(np.linspace(-1, 1, 19)) is None
    assert far_gain(np.zeros(5)) is None
    assert far_gain(np.array([])) is None
