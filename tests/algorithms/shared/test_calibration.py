"""Calibration: neutral at first, bounded in numbers of rows, zero for old files."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn

from skmeta import MetaClassifier
from skmeta.algorithms import R2D2, Calibration, MetaOptNet, Reptile, count_classes
from skmeta.episodes import Batch
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR


def test_it_changes_nothing_without_rows_before_it_has_learnt():
    logits = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    n_rows, counts = torch.tensor([0, 1, 10, 10**6]), torch.zeros(4, 3)
    assert torch.equal(Calibration(3)(logits, n_rows, counts), logits)


@pytest.mark.parametrize("t", [0.01, 1.0, 1e4])
def test_where_logits_tell_nothing_the_answer_is_the_shrunken_mean(t):
    pi, counts = np.array([0.2, 0.5, 0.3]), np.array([[0, 0, 0], [3, 0, 1], [40, 5, 0]])
    calibration = Calibration(3)
    calibration.odds.data = torch.tensor(np.log(pi) / 10)
    calibration.trust.data = torch.tensor(t**0.5 / 10, dtype=torch.float64)
    n = counts.sum(axis=1, keepdims=True)
    expected = (counts + pi / t) / (n + 1 / t)
    n_rows, counts = torch.tensor(n.ravel()), torch.tensor(counts)
    got = calibration(torch.zeros(3, 1, 3).double(), n_rows, counts).softmax(dim=-1)
    np.testing.assert_allclose(got[:, 0].detach(), expected, rtol=1e-6)


def test_rows_count_by_weight_and_by_how_little_a_prior_expected():
    y, mask = torch.tensor([[0, 2, 2, 0]]), torch.tensor([[True, True, True, False]])
    support = Batch(torch.zeros(1, 4, 1), y, mask, torch.tensor([3]))
    assert count_classes(support, 3).tolist() == [[1.0, 0.0, 2.0]]
    heavy = support._replace(weight=torch.tensor([[3.0, 0.5, 1.0, 9.0]]))
    assert count_classes(heavy, 3).tolist() == [[3.0, 0.0, 1.5]]
    offset = torch.zeros(1, 4, 1, 3)
    offset[0, 1, 0, 2] = 50.0  # sure, and right
    expected = count_classes(support._replace(offset=offset), 3)
    torch.testing.assert_close(expected, torch.tensor([[1.0, 0.0, 1.0]]))


def test_scale_follows_the_number_of_rows_and_is_bounded():
    calibration = Calibration(2)
    calibration.sureness.data = torch.tensor([1.0, -2.0])
    calibration.odds.data = torch.tensor([0.0, 0.3])
    calibration.trust.data.zero_()
    n_rows = torch.tensor([0, 5, 10**9])
    got = calibration(torch.ones(3, 1, 2), n_rows, torch.ones(3, 2))[:, 0]
    scales = torch.tensor([math.exp(1), 1.0, math.exp(-1)])
    torch.testing.assert_close(got, torch.stack([scales, scales + 3], dim=1))


def test_weights_of_before_load_as_if_nothing_were_calibrated():
    learner = nn.ModuleDict({"line": nn.Linear(2, 2), "calibration": Calibration(2)})
    before = {
        name: weight
        for name, weight in learner.state_dict().items()
        if not name.startswith("calibration")
    }
    learner["calibration"].odds.data += 1.0
    learner.load_state_dict(before)
    assert all((weight == 0).all() for weight in learner["calibration"].parameters())
    assert len(before) == 2  # what was given stays as it is
    del before["line.bias"]
    with pytest.raises(RuntimeError, match=r"line\.bias"):
        learner.load_state_dict(before)


@pytest.mark.parametrize(
    ("algorithm", "n_units", "part"),
    [
        (R2D2(), 20, 0.25),
        (R2D2(), 200, 0.15),
        (R2D2(), 10**4, 0.1),
        (MetaOptNet(), 100, 0.4),
        (MetaOptNet(), 300, 0.2),
        (Reptile(), 20, 0.1),
    ],
    ids=repr,
)
def test_few_tasks_with_shared_labels_hold_out_more_of_them(algorithm, n_units, part):
    given = algorithm.default_validation_fraction
    assert given(CLASSIFIER, n_units) == pytest.approx(part)
    assert given(PER_TASK, n_units) == given(REGRESSOR, n_units) == 0.1


def test_what_is_held_out_is_what_the_algorithm_recommends(monkeypatch):
    asked = []

    def recommend(self, spec, n_units):
        asked.append(n_units)
        return 0.5

    monkeypatch.setattr(R2D2, "default_validation_fraction", recommend)
    X, y = np.random.default_rng(0).normal(size=(80, 2)), np.arange(80) % 3 % 2
    meta = MetaClassifier(R2D2(), label_space="shared", max_epochs=1, random_state=0)
    auto = meta.fit(X, y, groups=np.arange(80) // 10).history_[-1]["valid_loss"]
    half = meta.set_params(validation_fraction=0.5)
    half = half.fit(X, y, groups=np.arange(80) // 10).history_[-1]["valid_loss"]
    tenth = meta.set_params(validation_fraction=0.1)
    tenth = tenth.fit(X, y, groups=np.arange(80) // 10).history_[-1]["valid_loss"]
    assert asked == [8]
    assert auto == half != tenth


@pytest.mark.slow
@pytest.mark.parametrize(
    "algorithm", [R2D2(), MetaOptNet(), Reptile()], ids=lambda a: type(a).__name__
)
def test_labels_that_no_column_tells_cost_little_more_than_their_shares(algorithm):
    """Noise is not taken for a signal: few rows of 40 tasks, one class in five."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1200, 5)), (rng.random(1200) < 0.2).astype(int)
    task = np.arange(1200) // 12
    old, rank = task < 40, np.arange(1200) % 12
    meta = MetaClassifier(
        algorithm, label_space="shared", n_shot=(1, 10), max_epochs=60, random_state=0
    ).fit(X[old], y[old], groups=task[old])
    share = y[old].mean()
    for n_rows in (3, 8):
        s, q = ~old & (rank < n_rows), ~old & (rank >= 8)
        mean = (np.bincount(task[s], y[s]) + 20 * share) / (n_rows + 20)
        meta.adapt(X[s], y[s], groups=task[s])
        proba = meta.predict_proba(X[q], groups=task[q])
        assert log_loss(y[q], proba) <= 1.1 * log_loss(y[q], mean[task[q]])
