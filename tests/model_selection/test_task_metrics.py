"""Metrics of all tasks at once are scikit-learn's of one task after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, fbeta_score, get_scorer, make_scorer

from skmeta.model_selection._metrics import Metric
from skmeta.model_selection._task_metrics import form_of

CLASSES = np.array(["a", "b", "c"])
VALUES = ["neg_mean_absolute_error", "neg_mean_squared_error", "r2"]
VALUES += ["neg_root_mean_squared_error"]


def answers_for(seed, metric, n_tasks=8):
    """Rows in any order, tasks of none, one or many, ties, a task that is constant."""
    rng = np.random.default_rng(seed)
    size = rng.integers(0, 9, size=n_tasks)
    size[0] = 4
    task = rng.permutation(np.repeat(np.arange(n_tasks), size))
    parts = [np.flatnonzero(task == each) for each in range(n_tasks)]
    if metric in VALUES:
        y, said = rng.normal(size=len(task)), rng.normal(size=len(task)).round(1)
        y[task == 1] = 0.1
        return y, [said[own] for own in parts], task, n_tasks, None
    classes = CLASSES[:2] if metric == "roc_auc" else CLASSES
    y = rng.choice(classes, size=len(task))
    said = rng.choice(classes, size=len(task))
    if metric != "accuracy":
        said = rng.integers(0, 4, size=(len(task), len(classes))) + 1e-9
        said = said / said.sum(axis=1, keepdims=True)
    return y, [said[own] for own in parts], task, n_tasks, [classes] * n_tasks


def one_by_one(metric, monkeypatch):
    own = Metric(metric)
    monkeypatch.setattr(own, "_form", None)
    return own


@pytest.mark.parametrize("metric", [*VALUES, "accuracy", "neg_log_loss", "roc_auc"])
def test_scores_of_all_tasks_are_those_of_each(metric, monkeypatch):
    here, alone = Metric(metric), one_by_one(metric, monkeypatch)
    monkeypatch.setattr(here, "_score", None)  # no call of scikit-learn's
    for seed in range(12):
        given = answers_for(seed, metric)
        found = here.per_task(*given)
        np.testing.assert_allclose(
            found, alone.per_task(*given), rtol=1e-12, atol=1e-14
        )
        assert np.isnan(found).any() or 0 not in np.bincount(given[2], minlength=8)


def test_other_metrics_and_other_parameters_have_no_form():
    assert form_of(get_scorer("accuracy")) is not None
    macro = make_scorer(f1_score, average="macro")
    for scorer in (macro, make_scorer(fbeta_score, beta=2.0), lambda model, X, y: 0.0):
        assert form_of(scorer) is None
    ovr = get_scorer("roc_auc_ovr")
    assert form_of(ovr) is None
    turned = make_scorer(get_scorer("r2")._score_func, greater_is_better=False)
    assert form_of(turned) is None


@pytest.mark.parametrize(
    ("metric", "spoil", "error"),
    [
        ("r2", lambda y, said: (y, said * np.nan), "NaN"),
        ("neg_mean_absolute_error", lambda y, said: (y, said / 0.0), "infinity"),
    ],
)
def test_what_scikit_learn_refuses_is_refused(metric, spoil, error):
    y, said = np.arange(4.0), np.ones(4)
    with np.errstate(divide="ignore"):
        y, said = spoil(y, said)
    with pytest.raises(ValueError, match=error):
        Metric(metric).per_task(y, [said], np.zeros(4, dtype=int), 1)


@pytest.mark.parametrize("metric", [*VALUES, "neg_log_loss", "roc_auc"])
def test_answers_of_single_precision_are_scored_at_once_as_well(metric, monkeypatch):
    # As networks give them; with targets that are doubles scikit-learn takes doubles.
    here, alone = Metric(metric), one_by_one(metric, monkeypatch)
    monkeypatch.setattr(here, "_score", None)
    y, said, *others = answers_for(0, metric)
    said = [each.astype(np.float32) for each in said]
    kinds = {y.dtype: 1e-6 if metric == "neg_log_loss" else 1e-12}
    if metric in VALUES:  # then it would take single precision
        kinds[np.dtype(np.float32)] = 1e-5
    for kind, rtol in kinds.items():
        given = y.astype(kind), said, *others
        np.testing.assert_allclose(here.per_task(*given), alone.per_task(*given), rtol)


@given(seed=st.integers(0, 2**16))
@settings(max_examples=20, deadline=None)
def test_an_unknown_label_is_as_wrong_as_one_by_one(seed):
    rng = np.random.default_rng(seed)
    y = rng.choice([*CLASSES, "d"], size=6)
    said = rng.dirichlet(np.ones(3), size=6)
    task = np.zeros(6, dtype=int)
    for metric, answers in (("neg_log_loss", said), ("accuracy", y[::-1])):
        here, alone = Metric(metric), Metric(metric)
        alone._form = None
        given_ = y, [answers], task, 1, [CLASSES]
        np.testing.assert_allclose(here.per_task(*given_), alone.per_task(*given_))
