"""All plain ways: what every one of them takes, whatever it does inside."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor

from skmeta.model_selection import (
    _one_model,
    _simulated,
    few_shot_curve,
    plain_ways,
)
from skmeta.model_selection._simulated import draw_supports

NAMES = [
    "mean",
    "own nearest",
    "own linear",
    "pooled linear",
    "pooled boosting",
    "boosting + mean",
    "boosting + residual",
    "boosting + group",
    "lightgbm + group",
    "catboost + group",
    "gpboost",
    "mixed linear",
]


def table(kind, n_tasks=16, n_rows=14):
    """A table with a category, a gap and names that packages do not like."""
    rng = np.random.default_rng(0)
    task = np.repeat([f"t{each:02}" for each in range(n_tasks)], n_rows)
    number = rng.normal(size=len(task))
    colour = rng.choice(["red", "green", "blue"], size=len(task))
    y = number + (colour == "red") + rng.normal(size=n_tasks).repeat(n_rows)
    number[::17] = np.nan
    X = pd.DataFrame({"a:[b]": number, "colour": pd.Categorical(colour)})
    if kind == "classifier":
        y = np.array(["low", "mid", "top"])[np.digitize(y, [-0.5, 1])]
    return X, y, task


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.parametrize("name", NAMES)
def test_each_takes_a_table_with_categories_and_three_classes(kind, name, capfd):
    X, y, task = table(kind)
    way = clone(plain_ways(kind)[name])
    assert (is_classifier if kind == "classifier" else is_regressor)(way)
    old = task < "t10"
    capfd.readouterr()
    way.fit(X[old], y[old], groups=task[old])
    few = ~old & (np.arange(len(y)) % 14 < 4)
    way.adapt(X[few], y[few], groups=task[few])
    answers = way.predict(X[~old], groups=task[~old])
    assert answers.shape == ((~old).sum(),)
    if kind == "classifier":
        likely = way.predict_proba(X[~old], groups=task[~old])
        assert likely.shape == (len(answers), 3)
        np.testing.assert_allclose(likely.sum(axis=1), 1)
        assert likely.min() > 0
        assert (way.classes_[likely.argmax(axis=1)] == answers).all()
    else:
        assert np.isfinite(answers).all()
    assert capfd.readouterr() == ("", "")  # packages like to report on their work


def test_names_inside_a_task_are_for_those_that_say_so():
    X, _, task = table("regressor")
    y = np.char.add(task, np.where(np.arange(len(task)) % 2, "x", "y"))
    for name, way in plain_ways("classifier").items():
        if name == "mean" or name.startswith("own"):
            way.fit(X, y, groups=task).adapt(X[:6], y[:6]).predict(X[6:14])
        else:
            with pytest.raises(ValueError, match="per_task labels"):
                way.fit(X, y, groups=task)


def test_rivals_are_there_where_their_packages_are(monkeypatch):
    assert list(plain_ways("regressor")) == NAMES
    without = [name for name in NAMES if name.split(" ")[0] not in RIVALS]
    assert list(plain_ways("regressor", rivals=False)) == without
    from skmeta.model_selection import _boosting, _plain_ways

    monkeypatch.setattr(_boosting, "is_installed", lambda package: False)
    monkeypatch.setattr(_plain_ways, "is_installed", lambda package: False)
    assert list(plain_ways("regressor")) == without
    X, y, task = table("regressor")
    with pytest.raises(ImportError, match=r"skmeta\[rivals\]"):
        plain_ways("regressor", rivals=True)["gpboost"].fit(X, y, groups=task)


RIVALS = ("lightgbm", "catboost", "gpboost")


def test_those_with_a_prior_answer_before_the_first_row():
    X, y, task = table("regressor")
    ways = {n: w for n, w in plain_ways("regressor").items() if n != "catboost + group"}
    curve = few_shot_curve(ways, X, y, task, shots=(0, 2), n_repeats=1)
    at_none = set(curve[curve.shots == 0].estimator)
    assert set(ways) - at_none == {"own nearest", "own linear"}


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_those_that_choose_by_simulated_supports_can_take_the_first_rows(
    kind, monkeypatch
):
    X, y, task = table(kind)
    seen = []

    def watch(*given):
        seen.append((given[0], draw_supports(*given)))
        return seen[-1][1]

    for module in (_simulated, _one_model):
        monkeypatch.setattr(module, "draw_supports", watch)
    ways = plain_ways(kind, rivals=False, support="first")
    able = [name for name, way in ways.items() if hasattr(way, "support")]
    assert able == ["boosting + mean", "boosting + residual", "mixed linear"]
    for name in able:
        ways[name].fit(X, y, groups=task)
        for of_task, known in seen:
            for one in np.unique(of_task):
                own = known[of_task == one]
                assert own[: own.sum()].all()
    assert seen
    with pytest.raises(ValueError, match="'random' or 'first'"):
        plain_ways(kind, support="last")["mixed linear"].fit(X, y, groups=task)
