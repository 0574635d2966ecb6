"""GPBoost: boosting and a random intercept."""

import numpy as np
import pandas as pd
import pytest

from skmeta.model_selection import GPBoost
from skmeta.model_selection._gpboost import _numbers


def test_three_rows_tell_the_level_of_a_new_task(capfd):
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(60), 12)
    X = rng.normal(size=(len(task), 2))
    level = rng.normal(scale=300, size=60)[task]
    y = 5000 + 100 * (X[:, 0] > 0) + level + rng.normal(scale=10, size=len(task))
    old, place = task < 40, np.arange(len(task)) % 12
    model = GPBoost("regressor").fit(X[old], y[old], groups=task[old])
    shown, asked = ~old & (place < 3), ~old & (place >= 3)
    model.adapt(X[shown], y[shown], groups=task[shown])
    error = model.predict(X[asked], groups=task[asked]) - y[asked]
    assert np.abs(error).mean() < 80
    error = model.adapt().predict(X[asked]) - y[asked]
    assert np.abs(error).mean() > 150
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("names", [["no", "yes"], ["a", "b", "c"]])
def test_three_rows_tell_the_classes_that_a_new_task_likes(names, capfd):
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(60), 12)
    X = rng.normal(size=(len(task), 2))
    liked = np.arange(60) % len(names)
    y = np.where(rng.random(len(task)) < 0.9, liked[task], rng.integers(9, size=720))
    y = np.array(names)[y % len(names)]
    old, place = task < 40, np.arange(len(task)) % 12
    model = GPBoost("classifier").fit(X[old], y[old], groups=task[old])
    assert len(model.adapt().boosters_) == (1 if len(names) == 2 else 3)
    shown, asked = ~old & (place < 3), ~old & (place >= 3)
    model.adapt(X[shown], y[shown], groups=task[shown])
    likely = model.predict_proba(X[asked], groups=task[asked])
    np.testing.assert_allclose(likely.sum(axis=1), 1)
    assert model.classes_.tolist() == names
    of_task = np.array([likely[task[asked] == each].mean(0) for each in range(40, 60)])
    assert (of_task.argmax(axis=1) == liked[40:]).mean() > 0.9
    assert (of_task.max(axis=1) > 1.2 / len(names)).mean() > 0.9
    assert capfd.readouterr() == ("", "")


def test_categories_are_codes_and_what_is_new_is_missing():
    frame = pd.DataFrame(
        {
            "size": [1.5, np.nan, 3.0],
            "of": pd.Categorical(["x", None, "y"], categories=["y", "x"]),
        }
    )
    numbers, where = _numbers(frame)
    assert where == [1]
    np.testing.assert_array_equal(numbers, [[1.5, 1.0], [np.nan, np.nan], [3.0, 0.0]])
