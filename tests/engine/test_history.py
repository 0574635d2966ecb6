"""The course of training as a table."""

import builtins
import pickle

import pandas as pd
import pytest

import skmeta
from tests.quick import TASK, X, Y, regressor

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)


def test_the_history_is_a_table_of_epochs(tmp_path):
    meta = regressor().fit(X, Y, groups=TASK)
    frame = meta.history_.to_frame()
    names = ["epoch", "train_loss", "valid_loss", "valid_score", "dur"]
    assert list(frame.columns) == names
    assert frame["epoch"].tolist() == [1, 2]
    assert frame["valid_loss"].tolist() == meta.history_[:, "valid_loss"]
    meta.save(tmp_path / "a")
    for again in (pickle.loads(pickle.dumps(meta)), skmeta.load(tmp_path / "a")):
        pd.testing.assert_frame_equal(again.history_.to_frame(), frame)


def test_without_validation_its_columns_are_missing_values():
    meta = regressor(early_stopping=False).fit(X, Y, groups=TASK)
    assert meta.history_.to_frame()["valid_loss"].isna().all()


def test_without_pandas_the_error_says_what_to_do(monkeypatch):
    meta = regressor().fit(X, Y, groups=TASK)
    real = builtins.__import__

    def without_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match="pip install pandas"):
        meta.history_.to_frame()
