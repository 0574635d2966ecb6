"""What evaluate is asked for, and what it leaves behind."""

import joblib
import numpy as np
import pandas as pd
import pytest

import skmeta
from skmeta.evaluation import InputError, evaluate
from tests.quick import TASK, X, Y


def table(**columns):
    return pd.DataFrame({"x": X[:, 0], "y": Y, "wave": TASK}).assign(**columns)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"task": "regresion"}, "task is 'classification' or 'regression'"),
        ({"shots": []}, "shots are whole numbers"),
        ({"shots": [1.5]}, "shots are whole numbers"),
        ({"shots": [-1]}, "shots are whole numbers"),
        ({"n_jobs": 0}, "not 0; -1 is all cores"),
        ({"random_state": -1}, "random_state must be"),
    ],
)
def test_options_that_are_none_are_refused_before_the_work(asked, said):
    with pytest.raises(InputError, match=said):
        evaluate(table(), target="y", groups="wave", out=None, **asked)


@pytest.mark.filterwarnings("ignore")
def test_the_model_takes_the_table_and_its_labels_as_they_are(tmp_path, capsys):
    given = table(y=Y > 0).rename(columns={"x": 0})
    quick = {"algorithms": ["protonet"], "plain": ["mean"], "max_epochs": 1}
    evaluate(
        given, target="y", groups="wave", out=tmp_path, shots=[1, 3], **quick
    ).report(tmp_path / "page.html")
    pipe = joblib.load(tmp_path / "model.joblib")
    skmeta.adapt(pipe, given[[0]], given["y"], groups=given["wave"])
    answers = pipe.predict(given[[0]], groups=given["wave"])
    assert answers.dtype == bool
    assert np.mean(answers == given["y"]) > 0.5
