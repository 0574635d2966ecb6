"""The types that py.typed promises to users, as mypy sees them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import skmeta

pytestmark = pytest.mark.slow  # mypy reads all of torch and numpy first

SCRIPT = """
from typing import assert_type

import numpy as np

from skmeta import (
    FewShotClassifier,
    FewShotRegressor,
    MetaClassifier,
    MetaDataset,
    MetaRegressor,
    adapt,
)
from skmeta.algorithms import MAML, ProtoNet
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids

X, y, g = make_sinusoids(n_tasks=10, random_state=0)
assert_type(X, np.ndarray)

meta = MetaRegressor(MAML(inner_steps=2), MLP(hidden=(8,)), max_epochs=1)
assert_type(meta.fit(X, y, groups=g), MetaRegressor)
assert_type(meta.fit(MetaDataset(X, y, g)), MetaRegressor)
assert_type(meta.partial_fit(X, y, groups=g), MetaRegressor)
assert_type(meta.adapt(X[:5], y[:5]), MetaRegressor)
assert_type(meta.adapt([[0.1], [0.2]], [1.0, 2.0]).predict([[0.3]]), np.ndarray)
assert_type(meta.predict(X, g, return_std=True), tuple[np.ndarray, np.ndarray])
assert_type(meta.transform(X), np.ndarray)
assert_type(meta.score(X, y, groups=g), float)
assert_type(meta.as_regressor(), FewShotRegressor)
assert_type(FewShotRegressor(meta).fit(X[:5], y[:5]), FewShotRegressor)
assert_type(adapt(meta, X[:5], y[:5]), MetaRegressor)

own = MetaClassifier(ProtoNet("cosine"), class_weight={0: 2.0}, n_shot=(0, 5))
assert_type(own.fit(X, y > 0, groups=g), MetaClassifier)
assert_type(own.predict_proba(X, g), np.ndarray)
assert_type(own.classes_, np.ndarray)
assert_type(own.as_classifier().fit(X, y > 0), FewShotClassifier)
"""

MISTAKES = """
from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML

MetaClassifier("maml", tasks="class")
MetaRegressor("maml", n_way=5)
MAML(learn_inner_lr="row")
MetaRegressor().predict([[0.1]], group=[0])
MetaRegressor().fit([[0.1]], [0.2]).predict([[0.3]], return_std=True).mean()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("types")  # what mypy has read serves both tests


def check(path: Path, text: str) -> str:
    """Check a script as strictly as mypy can, with skmeta as an installed package."""
    path.joinpath("script.py").write_text(text)
    root = str(Path(skmeta.__file__).parents[1])  # where it was imported from
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir=cache", "script.py"],
        cwd=path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


def test_a_users_script_gets_the_types_that_docstrings_say(folder):
    assert check(folder, SCRIPT).startswith("Success")


def test_mistakes_of_users_are_found_before_they_run(folder):
    found = check(folder, MISTAKES).splitlines()
    lines = {int(each.split(":")[1]) for each in found if ": error: " in each}
    wrong = [n for n, line in enumerate(MISTAKES.splitlines(), 1) if "(" in line]
    assert sorted(lines) == wrong
