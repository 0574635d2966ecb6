"""The algorithms as skmeta's: laws, parameters, and what they learn."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks
from skmeta_metric import ArcFace, Lp, MultiSimilarity, NTXent, Triplet

from skmeta import MetaClassifier, plugins
from skmeta.algorithms import Spec
from skmeta.backbones import MLP, Linear
from skmeta.episodes import Batch, Episode
from skmeta.testing import (
    expected_failed_checks,
    parametrize_with_algorithm_checks,
)

SPEC = Spec(3, 0, "classifier", "per_task", n_train_classes=4)
ALGORITHMS = [
    Triplet(),
    Triplet("euclidean", smooth=True, predict_by="mean"),
    Triplet("mahalanobis", miner="hard"),
    Triplet("manhattan", miner="semihard"),
    Triplet(miner="batch_hard"),
    NTXent(),
    NTXent("lp", miner="multi_similarity", predict_by="mean"),
    NTXent("snr", miner="batch_hard"),
    MultiSimilarity(),
    MultiSimilarity("lp", miner=None),
    MultiSimilarity(Lp(p=1), miner="batch_hard"),
    ArcFace(),
    ArcFace(margin=5, scale=64, predict_by="mean"),
]


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@parametrize_with_algorithm_checks(ALGORITHMS)
def test_algorithm_keeps_the_law(algorithm, check):
    check(algorithm)


def test_names_are_registered_by_this_distribution():
    own = {
        entry.name: entry.cls
        for entry in plugins.entries("algorithm")
        if entry.distribution == "skmeta-metric"
    }
    assert own == {
        "arcface": ArcFace,
        "multi_similarity": MultiSimilarity,
        "ntxent": NTXent,
        "triplet": Triplet,
    }


def test_the_library_is_imported_when_it_is_looked_up_and_not_before():
    code = """
        import sys, skmeta_metric
        from skmeta import plugins
        assert "mlp" in plugins.names("backbone")
        assert "pytorch_metric_learning" not in sys.modules
        assert plugins.get("algorithm", "triplet") is skmeta_metric.Triplet
        assert "pytorch_metric_learning" in sys.modules
    """
    lines = "\n".join(line.strip() for line in code.splitlines())
    run = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        (Triplet(margin=0), "margin must be a positive number, not 0"),
        (Triplet(miner="multi_similarity"), "miner must be one of .*'semihard'"),
        (Triplet("lq"), "Unknown distance 'lq'"),
        (NTXent(temperature=-1), "temperature must be a positive number"),
        (NTXent(epsilon="0.1"), "epsilon must be a positive number, not '0.1'"),
        (NTXent(miner="hard"), "miner must be one of .*'batch_hard'"),
        (MultiSimilarity(beta=float("nan")), "beta must be a positive number, not nan"),
        (MultiSimilarity(predict_by="median"), "predict_by must be .*'nearest'"),
        (ArcFace(scale=None), "scale must be a positive number, not None"),
        (ArcFace(margin=200), "margin is an angle below 180 degrees"),
    ],
    ids=str,
)
def test_a_parameter_out_of_range_is_an_error_that_says_what_it_may_be(
    algorithm, message
):
    with pytest.raises(ValueError, match=message):
        algorithm.build(MLP(), SPEC)


def episode(n_classes=2, n_rows=4, label=None):
    X = torch.randn(1, n_rows, 3)
    y = torch.arange(n_rows).unsqueeze(0) % n_classes
    mask = torch.ones(1, n_rows).bool()
    batch = Batch(X, y, mask, torch.tensor([n_classes]), label)
    return Episode(batch, batch._replace(X=torch.randn(1, n_rows, 3)))


def test_arcface_asks_for_training_classes():
    module = ArcFace().build(MLP(), SPEC)
    with pytest.raises(ValueError, match=r"Batch\.label"):
        ArcFace().meta_loss(module, episode())
    with pytest.raises(ValueError, match="holds 9, and the module was built for 4"):
        ArcFace().meta_loss(module, episode(label=torch.full((1, 4), 9)))


def test_arcface_learns_where_a_row_lies_on_the_vector_of_its_class():
    module = ArcFace().build(Linear(3), SPEC)
    with torch.no_grad():
        module.loss.W.copy_(torch.eye(3, 4))
        module.backbone.weight.copy_(torch.eye(3))
    support, query = episode(label=torch.zeros(1, 4, dtype=torch.long))
    support = support._replace(X=torch.eye(3)[[0, 0, 0, 0]].unsqueeze(0))
    ArcFace().meta_loss(module, Episode(support, query)).backward()
    for weight in module.parameters():
        assert weight.grad is None or weight.grad.isfinite().all()


@pytest.mark.parametrize(
    "algorithm", ALGORITHMS, ids=lambda a: " ".join(repr(a).split())
)
def test_no_loss_where_there_is_no_pair_and_nothing_breaks(algorithm):
    label = torch.full((1, 1), -1)
    one_row = episode(n_classes=1, n_rows=1, label=label)
    module = algorithm.build(MLP((4,)), SPEC)
    nothing = torch.zeros_like(one_row.query.mask)
    loss = algorithm.meta_loss(
        module, Episode(one_row.support, one_row.query._replace(mask=nothing))
    )
    assert loss.item() == 0
    loss.backward()


def test_a_meta_batch_of_usual_size_takes_moderate_memory():
    """The library's own way of pairing would take terabytes for NT-Xent."""
    batch = Batch(
        torch.randn(32, 25, 3),
        torch.arange(25).expand(32, 25) % 5,
        torch.ones(32, 25).bool(),
        torch.full((32,), 5),
    )
    query = Batch(*(torch.cat([part] * 3, dim=1) for part in batch[:3]), batch[3])
    for algorithm in (Triplet(), NTXent(), MultiSimilarity()):
        module = algorithm.build(MLP((4,)), SPEC)
        algorithm.meta_loss(module, Episode(batch, query)).backward()


def test_parameters_can_be_searched_and_a_name_stands_for_a_distance():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier(
        "triplet", "linear", tasks="classes", max_epochs=1, tasks_per_epoch=32
    )
    grid = {"algorithm": [Triplet("snr"), NTXent("lp"), "multi_similarity"]}
    search = GridSearchCV(clone(meta), grid, cv=2).fit(X[:300], y[:300])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def fit_digits(algorithm, backbone="linear", **parameters):
    """Learn from every other row of six digits."""
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 6][::2], y[y < 6][::2]
    meta = MetaClassifier(
        algorithm,
        backbone,
        tasks="classes",
        tasks_per_epoch=128,
        random_state=0,
        **parameters,
    )
    return meta.fit(X, y)


def one_shot_accuracy(meta):
    """Try the other rows of these digits in 50 tasks, given one row of each digit."""
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 6][1::2], y[y < 6][1::2]
    rng = np.random.default_rng(0)
    of_digit = [np.flatnonzero(y == digit) for digit in range(6)] * 50
    rows = np.concatenate([rng.permutation(own)[:16] for own in of_digit])
    support, task = np.tile(np.arange(16) < 1, 300), np.repeat(np.arange(50), 96)
    meta.adapt(X[rows[support]], y[rows[support]], groups=task[support])
    answers = meta.predict(X[rows[~support]], groups=task[~support])
    return np.mean(answers == y[rows[~support]])


NAMES = pytest.mark.parametrize(
    "name", ["arcface", "multi_similarity", "ntxent", "triplet"]
)


@pytest.mark.slow
@NAMES
def test_new_rows_of_known_classes_are_told_apart_far_better_than_by_pixels(name):
    pixels = one_shot_accuracy(fit_digits(name, "identity", max_epochs=1))
    learnt = one_shot_accuracy(fit_digits(name, max_epochs=12))
    assert learnt > pixels + 0.1


@pytest.mark.parametrize(
    "algorithm",
    [Triplet(), NTXent(), MultiSimilarity(), ArcFace()],
    ids=lambda algorithm: type(algorithm).__name__,
)
def test_cross_entropy_teaches_the_scale_alone(algorithm):
    module = algorithm.build(MLP((4,)), SPEC)
    rows = episode(n_classes=2, n_rows=6, label=torch.arange(6).unsqueeze(0) % 4)
    gradients = []
    for scale in (0.0, 2.0):
        module.zero_grad()
        module.log_scale.data.fill_(scale)
        algorithm.meta_loss(module, rows).backward()
        gradients.append({k: p.grad for k, p in module.named_parameters()})
    scales = [own.pop("log_scale") for own in gradients]
    assert scales[0] != scales[1]
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


def test_a_single_pair_is_a_pair():
    """To the library it is none, so that what stands beside it would decide."""
    algorithm = MultiSimilarity(miner=None)
    module = algorithm.build(Linear(3), SPEC)
    one = episode(n_classes=1, n_rows=1)
    support_and_query = algorithm.meta_loss(module, one)
    assert support_and_query > 0


@NAMES
def test_a_fitted_learner_survives_pickling(name):
    meta = fit_digits(name, max_epochs=1)
    again = pickle.loads(pickle.dumps(meta))
    assert one_shot_accuracy(again) == one_shot_accuracy(meta)


@pytest.mark.slow
def test_the_readme_runs():
    readme = Path(__file__).parents[1] / "README.md"
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text(), flags=re.DOTALL)
    names = {}
    exec("\n".join(blocks), names)
    assert 0.5 < names["accuracy"] <= 1


QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 5, "random_state": 0}


@pytest.mark.slow
@parametrize_with_checks(
    [MetaClassifier("ntxent", tasks="classes", **QUICK)],
    expected_failed_checks=expected_failed_checks,
)
def test_estimator_keeps_scikit_learns_conventions(estimator, check):
    check(estimator)
