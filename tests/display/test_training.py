"""The course of training: its data, and what lands on the axes."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import MetaRegressor
from skmeta.display import TrainingDisplay

mpl.use("Agg")


def test_training_shows_the_history_and_the_epoch_that_was_kept(maml):
    display = TrainingDisplay.from_estimator(maml)
    losses = maml.history_[:, "valid_loss"]
    np.testing.assert_array_equal(display.lines_["valid"].get_ydata(), losses)
    np.testing.assert_array_equal(
        display.lines_["train"].get_ydata(), maml.history_[:, "train_loss"]
    )
    assert display.best_epoch == np.argmin(losses) + 1
    assert display.figure_ is display.ax_.figure


def test_training_without_validation_has_no_best_epoch(sinusoids):
    X, y, task = sinusoids
    meta = MetaRegressor("maml", max_epochs=1, early_stopping=False, random_state=0)
    display = TrainingDisplay.from_estimator(
        make_pipeline(StandardScaler(), meta.fit(X, y, groups=task))[1:]
    )
    assert display.best_epoch is None
    assert list(display.lines_) == ["train"]


def test_an_empty_history_is_an_error():
    with pytest.raises(ValueError, match="no epoch"):
        TrainingDisplay.from_history([{"epoch": 1}])
