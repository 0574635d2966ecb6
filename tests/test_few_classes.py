"""Few training classes: what memorises them, and what docs/few_classes.md advises."""

from pathlib import Path

import numpy as np
import pytest
import torch

from skmeta import MetaClassifier
from skmeta.algorithms import ProtoNet

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

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
    monkeypatch.syspath_prepend(BENCHMARKS)
    import digits

    return digits


@pytest.fixture
def pools(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import pools

    return pools


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


def test_classes_that_judge_the_defaults_for_pools_are_kept_apart(pools):
    _, y = pools.load("digits")
    old, new = pools.split_classes(y)
    assert sorted([*old, *new]) == [*range(10)]
    assert not set(old) & set(new)
    support, query = pools.draw_episodes(y, new, 5, seed=0)
    assert support.shape == (200, 5, 5)
    assert query.shape == (200, 5, 10)
    assert set(y[query].ravel()) == set(new)
    for few, asked in zip(support, query, strict=True):
        assert not set(few.ravel()) & set(asked.ravel())
        assert (y[few] == y[asked][:, :5]).all()


def make_pool(n_classes, rng):
    """Draw classes that differ in six directions, whose rows differ in six others."""
    meaning, nuisance = rng.normal(size=(2, 6, 20))
    centre = rng.normal(size=(n_classes, 6))
    y = np.repeat(np.arange(n_classes), 30)
    X = (centre[y] + 0.3 * rng.normal(size=(len(y), 6))) @ meaning
    X += 2.0 * rng.normal(size=(len(y), 6)) @ nuisance
    return X + 0.5 * rng.normal(size=(len(y), 20)), y


@pytest.mark.slow
def test_defaults_for_pools_learn_more_than_episodes_alone():
    """Twelve classes to learn from, and twenty new ones in tasks of five."""
    gains = []
    for seed in range(2):
        X, y = make_pool(32, np.random.default_rng(seed))
        old, task = y < 12, (y - 12) // 5
        scores = []
        for algorithm, augment, optimizer in [
            (ProtoNet(class_loss=0), None, torch.optim.Adam),
            ("protonet", "auto", "auto"),
        ]:
            meta = MetaClassifier(
                algorithm,
                tasks="classes",
                augment=augment,
                optimizer=optimizer,
                max_epochs=20,
                tasks_per_epoch=128,
                batch_size=8,
                random_state=seed,
            ).fit(X[old], y[old])
            scores.append(meta.score(X[~old], y[~old], groups=task[~old]))
        gains.append(scores[1] - scores[0])
    assert np.mean(gains) > 0.01
