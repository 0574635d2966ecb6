"""GPBoost: boosting and a random intercept."""

import numpy as np

from skmeta.model_selection import GPBoost


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
