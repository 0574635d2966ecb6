"""fit says so when the plain baseline is better than what it meta-learnt."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.neighbors import NearestCentroid
from skorch.callbacks import Callback

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.engine.baseline_check import nearest_centroid, support_mean, warn_if_worse
from skmeta.engine.net import mean_score
from skmeta.episodes import Batch, Episode, EpisodeSampler
from skmeta.episodes.table import Table


def digits_episodes():
    X, y = load_digits(return_X_y=True)
    table = Table(X.astype(np.float32), y)
    sampler = EpisodeSampler(table, np.zeros(len(y), int), y, n_shot=(1, 4), n_query=9)
    return sampler.episode(*sampler.draw(20, np.random.default_rng(0)))


def test_the_baseline_is_the_nearest_centroid_of_scikit_learn():
    support, query = episode = digits_episodes()
    scores = []
    for i in range(len(support.X)):
        few, new = support.mask[i], query.mask[i]
        plain = NearestCentroid().fit(support.X[i][few], support.y[i][few])
        answers = plain.predict(query.X[i][new])
        scores.append(accuracy_score(query.y[i][new], answers))
    score = mean_score(nearest_centroid(episode), query)
    assert score == pytest.approx(np.mean(scores), abs=1e-6)


def test_a_class_without_support_rows_is_not_chosen():
    X = torch.tensor([[[5.0], [7.0]]])
    y = torch.tensor([[1, 1]])
    mask = torch.ones(1, 2, dtype=torch.bool)
    support = Batch(X, y, mask, torch.tensor([3]))
    answers = nearest_centroid(Episode(support, support._replace(X=0 * X)))
    assert answers.argmax(dim=-1).tolist() == [[1, 1]]


def test_the_baseline_for_values_is_the_mean_of_the_real_rows():
    mask = torch.tensor([[True, True, False], [False, False, False]])
    y = torch.tensor([[1.0, 3.0, 99.0], [99.0, 99.0, 99.0]])
    batch = Batch(torch.zeros(2, 3, 1), y, mask, torch.zeros(2))
    answers = support_mean(Episode(batch, batch))
    assert answers[:, 0, 0].tolist() == [2.0, 0.0]


def test_fit_warns_when_memorised_classes_make_new_ones_worse():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(
        "protonet",
        tasks="classes",
        n_shot=1,
        n_way=4,
        early_stopping=True,
        validation_fraction=0.4,
        max_epochs=2,
        random_state=0,
    )
    with pytest.warns(UserWarning, match=r"does not help here.*% of the rows") as seen:
        meta.fit(X, y)
    assert sum("does not help" in str(w.message) for w in seen) == 1
    assert seen[0].filename == __file__  # the user's line


def test_fit_warns_of_values_that_the_mean_of_the_support_answers_better():
    X, y, task = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    meta = MetaRegressor(
        "cnp",
        max_epochs=1,
        tasks_per_epoch=8,
        n_shot=(15, 15),
        n_query=5,
        random_state=0,
    )
    noise = np.random.default_rng(0).normal(size=len(y))
    with pytest.warns(UserWarning, match="squared error"):
        meta.fit(X, task + 0.01 * noise, groups=task)


@pytest.mark.slow
def test_fit_says_nothing_when_meta_learning_helps():
    X, y, task = make_sinusoids(n_tasks=200, n_rows=20, random_state=0)
    meta = MetaRegressor("r2d2", max_epochs=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        meta.fit(X, y, groups=task)


# What a kernel learner that was led astray had on the table of trade unions.
ASTRAY = [0.38, 0.40, 0.35, 0.32, 0.33, 0.36, 0.43, 0.86, 1.68, 1.92e15, 2.12, 2.04]
NOISE = [0.70, 0.69, 0.70, 0.69, 0.68, 0.70, 0.71, 0.69, 0.70, 0.71]


@pytest.mark.parametrize("losses", [ASTRAY, [-3.0, -3.1, -3.0, -3.1, -2.5, 0.4, 0.5]])
def test_a_training_that_ends_far_above_its_beginning_says_so(losses):
    history = [{"train_loss": loss} for loss in losses]
    with pytest.warns(RuntimeWarning, match="Meta-training diverged: its loss was"):
        warn_if_worse(SimpleNamespace(history=history))


@pytest.mark.parametrize("losses", [NOISE, [1.0, 0.6, 9e9, 0.5, 0.5, 0.4], [1.0, 9.0]])
def test_noise_and_what_ends_well_are_no_divergence(losses):
    history = [{"train_loss": loss} for loss in losses]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_worse(SimpleNamespace(history=history))


class Shaken(Callback):
    """Weights grow by themselves from the fourth epoch on."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) > 4:
            with torch.no_grad():
                for weight in net.module_.parameters():
                    weight.mul_(2)


def test_fit_says_that_it_diverged():
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor(
        "cnp",
        max_epochs=8,
        early_stopping=False,
        callbacks=[("shaken", Shaken())],
        random_state=0,
    )
    with pytest.warns(RuntimeWarning, match="Lower lr or max_epochs"):
        meta.fit(X, y, groups=task)
