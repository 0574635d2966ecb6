"""`python -m skmeta adapt` and `predict`, as they are typed."""

import os

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta.bulk
from skmeta.__main__ import main
from tests.bulk.conftest import close, table_of, write
from tests.quick import regressor


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with rows, and a model that knows them by name."""
    table = table_of()
    meta = regressor(algorithm="r2d2").fit(
        table[["x"]], table["y"], groups=table["wave"]
    )
    meta.save(tmp_path / "model.skmeta")
    write(table, tmp_path / "rows.parquet")
    monkeypatch.chdir(tmp_path)
    adapted = meta.adapt(table[["x"]], table["y"], groups=table["wave"])
    return adapted.predict(table[["x"]], groups=table["wave"])


ROWS = "rows.parquet"
ADAPT = ["adapt", "model.skmeta", ROWS, "--groups", "wave", "--out", "tasks/"]
PREDICT = ["predict", "model.skmeta", "tasks/", ROWS, "--out", "answers.parquet"]


def test_from_the_model_to_the_answers(folder, capsys):
    assert main(ADAPT) == 0
    assert "30 tasks of 360 rows in tasks/" in capsys.readouterr().out
    assert main(PREDICT) == 0
    out, said = capsys.readouterr()
    assert out == "answers in answers.parquet\n"
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        *("look at the groups", "predict", "put answers in order")
    ]
    close(pd.read_parquet("answers.parquet")["y"], folder)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*ADAPT[:4], "store", *ADAPT[5:]], "has no column 'store'"),
        (["adapt", "none.skmeta", *ADAPT[2:]], "none.skmeta"),
        (["adapt", "rows.parquet", *ADAPT[2:]], "not written by skmeta"),
        (PREDICT, "no folder of tasks"),
    ],
)
def test_what_is_wrong_is_a_line(words, said, folder, capsys):
    assert main(words) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_ctrl_c_says_how_to_go_on(folder, capsys, monkeypatch):
    def stopped(*given, **how):
        raise KeyboardInterrupt

    monkeypatch.setattr(skmeta.bulk, "adapt_parquet", stopped)
    assert main(ADAPT) == 130
    assert "The same command goes on" in capsys.readouterr().err


def test_a_pipeline_that_joblib_has_written(folder, capsys):

    table = table_of()
    scaler = StandardScaler().fit(table[["x"]])
    meta = regressor(algorithm="r2d2").fit(
        scaler.transform(table[["x"]]), table["y"], groups=table["wave"]
    )
    joblib.dump(make_pipeline(scaler, meta), "model.joblib")
    assert main([ADAPT[0], "model.joblib", *ADAPT[2:]]) == 0
    assert main([PREDICT[0], "model.joblib", *PREDICT[2:]]) == 0
    answers = pd.read_parquet("answers.parquet")["y"]
    assert np.isfinite(answers).all()
    assert os.path.exists("tasks/manifest.json")
