"""Deep kernel transfer as an algorithm: parameters, laws, and what it learns."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gpytorch.kernels import RBFKernel
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks
from skmeta_gp import DKT

from skmeta import MetaClassifier, MetaRegressor, plugins
from skmeta.algorithms import ProtoNet, Spec
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.testing import expected_failed_checks, parametrize_with_algorithm_checks

CLASSIFIER = Spec(3, 4, "classifier", "shared")
PER_TASK = Spec(3, 0, "classifier", "per_task")
REGRESSOR = Spec(3, 1, "regressor")


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@parametrize_with_algorithm_checks(
    [
        DKT(),
        DKT("quadratic", mean="constant", learn_noise=False),
        DKT("cosine", learn_noise=True),
        DKT("rbf"),
        DKT("matern", mean="constant", noise=0.01),
        DKT(RBFKernel),  # a function from the width to a kernel, too
    ]
)
def test_algorithm_keeps_the_law(algorithm, check):
    check(algorithm)


def test_the_name_is_registered_by_this_distribution():
    [entry] = [e for e in plugins.entries("algorithm") if e.name == "dkt"]
    assert entry.cls is DKT
    assert entry.distribution == "skmeta-gp"


def test_gpytorch_is_imported_when_an_algorithm_is_looked_up_and_not_before():
    code = """
        import sys, skmeta_gp
        from skmeta import plugins
        assert "mlp" in plugins.names("backbone")
        assert "gpytorch" not in sys.modules
        assert plugins.get("algorithm", "dkt") is skmeta_gp.DKT
    """
    lines = "\n".join(line.strip() for line in code.splitlines())
    run = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        (DKT(kernel="rfb"), "kernel must be one of .*'rbf'.*not 'rfb'"),
        (DKT(kernel=3), "kernel must be one of .* not 3"),
        (DKT(kernel=str), "must make a gpytorch kernel .* not a str"),
        (DKT(mean="zero"), "mean must be one of .*'linear'.* not 'zero'"),
        (DKT(noise=1e-5), "noise must be a variance above 0.0001, not 1e-05"),
        (DKT(noise=float("nan")), "noise must be a variance .* not nan"),
        (DKT(learn_noise="yes"), "learn_noise must be .* not 'yes'"),
    ],
)
def test_a_parameter_out_of_range_is_an_error_that_says_what_it_may_be(
    algorithm, message
):
    with pytest.raises(ValueError, match=message):
        algorithm.build(MLP(), REGRESSOR)


@pytest.mark.parametrize(
    ("learn_noise", "spec", "learns"),
    [
        ("auto", CLASSIFIER, True),
        ("auto", REGRESSOR, True),
        ("auto", PER_TASK, False),
        (True, PER_TASK, True),
        (False, REGRESSOR, False),
    ],
)
def test_noise_starts_as_given_and_is_learnt_if_wanted(learn_noise, spec, learns):
    module = DKT(noise=0.3, learn_noise=learn_noise).build(MLP(), spec)
    assert module.likelihood.noise.item() == pytest.approx(0.3)
    assert module.likelihood.raw_noise.requires_grad is learns


@pytest.mark.parametrize("mean", ["linear", "constant"])
@pytest.mark.parametrize("spec", [CLASSIFIER, REGRESSOR], ids=["shared", "regressor"])
def test_the_prior_mean_is_zero_at_first(mean, spec):
    module = DKT(mean=mean).build(MLP(), spec)
    prior = module.prior_mean(torch.randn(2, 5, 64), torch.tensor([4, 4]))
    assert prior.shape == (2, 5, spec.n_outputs)
    assert not prior.any()


def test_has_a_prior_where_outputs_mean_the_same_in_every_task():
    assert DKT().has_prior(CLASSIFIER)
    assert DKT().has_prior(REGRESSOR)
    assert not DKT().has_prior(PER_TASK)


def fit_sinusoids(n_shot, **parameters):
    X, y, task = make_sinusoids(n_tasks=2000, n_rows=40, random_state=0)
    return MetaRegressor(
        "dkt",
        MLP((40, 40)),
        n_shot=n_shot,
        n_query=10,
        batch_size=25,
        lr=3e-3,
        random_state=0,
        **parameters,
    ).fit(X, y, groups=task)


def test_a_fitted_learner_survives_pickling_and_answers_in_the_unit_of_y():
    meta = fit_sinusoids(5, max_epochs=1, tasks_per_epoch=64)
    X, y, _ = make_sinusoids(n_tasks=1, n_rows=20, random_state=1)
    mean, std = meta.adapt(X[:10], y[:10]).predict(X, return_std=True)
    again = pickle.loads(pickle.dumps(meta)).predict(X, return_std=True)
    np.testing.assert_array_equal(again, (mean, std))
    noise = meta.module_.likelihood.noise.item() ** 0.5
    assert (std >= noise * y.std() * 0.999).all()


@pytest.mark.slow
@pytest.mark.parametrize("n_shot", [5, 10])
def test_learns_sinusoids_and_knows_how_well(n_shot):
    """The task and sizes of the tests of MAML, which ends at 0.9 with ten rows."""
    meta = fit_sinusoids(n_shot, max_epochs=30)
    X, y, task = make_sinusoids(n_tasks=500, n_rows=50, random_state=1)
    support = np.tile(np.arange(50) < n_shot, 500)
    meta.adapt(X[support], y[support], groups=task[support])
    mean, std = meta.predict(X[~support], groups=task[~support], return_std=True)
    error = mean - y[~support]
    assert np.mean(error**2) < 0.1
    assert np.mean(np.abs(error) < 2 * std) > 0.9


@pytest.mark.slow
def test_the_readme_runs():
    readme = Path(__file__).parents[1] / "README.md"
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text(), flags=re.DOTALL)
    names = {}
    exec("\n".join(blocks), names)
    assert names["std"].shape == names["mean"].shape == (40,)


@pytest.mark.slow
def test_tells_new_digits_apart_better_than_prototypes_do():
    X, y = load_digits(return_X_y=True)
    old, rng = y < 6, np.random.default_rng(0)
    # 50 tasks: five support and ten query rows of each of the digits 6 to 9.
    of_digit = [np.flatnonzero(y == digit) for digit in (6, 7, 8, 9)] * 50
    rows = np.concatenate([rng.permutation(own)[:15] for own in of_digit])
    support, task = np.tile(np.arange(15) < 5, 200), np.repeat(np.arange(50), 60)
    accuracy, loss = {}, {}
    for algorithm in (DKT(), ProtoNet()):
        meta = MetaClassifier(
            algorithm, "linear", tasks="classes", max_epochs=3, random_state=0
        ).fit(X[old], y[old])
        meta.adapt(X[rows[support]], y[rows[support]], groups=task[support])
        p = meta.predict_proba(X[rows[~support]], groups=task[~support])
        name = type(algorithm).__name__
        accuracy[name] = np.mean(meta.classes_[p.argmax(axis=1)] == y[rows[~support]])
        loss[name] = log_loss(y[rows[~support]], p, labels=meta.classes_)
    assert accuracy["DKT"] > 0.85
    assert accuracy["DKT"] > accuracy["ProtoNet"]
    assert loss["DKT"] < loss["ProtoNet"]


QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 5, "random_state": 0}


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaClassifier("dkt", tasks="classes", **QUICK),
        MetaRegressor("dkt", tasks="table", **QUICK),
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_estimator_keeps_scikit_learns_conventions(estimator, check):
    check(estimator)
