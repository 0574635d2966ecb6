"""What an evaluation gives back, and what is left of one that is stopped."""

import io
from contextlib import redirect_stderr

import joblib
import numpy as np
import pandas as pd
import pytest

import skmeta
from skmeta import MetaRegressor
from skmeta.__main__ import main
from skmeta.evaluation import Stopped, evaluate
from skmeta.evaluation.report_tables import benefit

HOSTILE = "<script>alert(1)</script> | `x`"


def table_of_shops(n_tasks=12, n_rows=10):
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(n_tasks), n_rows)
    X = rng.normal(size=(len(task), 2))
    y = (
        X[:, 0] * rng.normal(1, 0.2, size=n_tasks)[task]
        + rng.normal(size=n_tasks)[task]
    )
    return pd.DataFrame(
        {"price": X[:, 0], "size": X[:, 1], "shop": task, HOSTILE: 100 + 10 * y}
    )


def judged(**how):
    with redirect_stderr(io.StringIO()):
        return evaluate(
            table_of_shops(),
            target=HOSTILE,
            groups="shop",
            shots=[1, 4],
            plain=["mean", "own linear"],
            max_epochs=1,
            **{"out": None, "algorithms": ["r2d2"], **how},
        )


@pytest.fixture(scope="module")
def result():
    return judged()


def test_nothing_is_written_where_no_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    judged()
    assert not list(tmp_path.iterdir())


def test_scores_are_a_row_for_each_task_and_number_of_shots(result):
    scores = result.scores_
    assert scores.columns.tolist() == ["estimator", "kind", "shots", "task", "score"]
    assert len(scores) == 3 * 2 * len(result.verdict.duel.tasks)
    kinds = scores.groupby("estimator")["kind"].unique().explode()
    assert kinds.to_dict() == {"mean": "plain", "own linear": "plain", "r2d2": "meta"}


def test_the_best_estimator_takes_rows_of_the_table(result):
    new = table_of_shops(1).drop(columns=["shop"])
    y = new.pop(HOSTILE).to_numpy()
    best = skmeta.adapt(result.best_estimator_, new[:5], y[:5])
    assert best.predict(new[5:]).shape == (5,)
    assert result.best_estimator_ is result.best_estimator_


def test_a_notebook_shows_the_verdict_and_every_learner(result):
    shown = result._repr_html_()
    assert result.verdict.headline in shown
    for name in ("mean (plain", "own linear (plain", "r2d2 (meta-learner", "4 rows"):
        assert name in shown
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_report_goes_where_it_is_asked_for(result, tmp_path):
    page = result.report(tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    assert "What would it bring me?" in text
    assert "<script" not in text


def test_what_it_would_bring_is_told_in_the_unit_of_the_metric(result):
    text = benefit(result)
    metric, duel = result.metric, result.verdict.duel
    assert metric.show(duel.meta_scores.mean()) in text
    assert metric.show(duel.plain_scores.mean()) in text
    assert f"in the unit of “{HOSTILE}”" in text
    assert "4 known rows" in text


def test_a_model_card_lies_beside_the_model(tmp_path):
    result = judged(out=tmp_path / "out")
    folder = tmp_path / "out"
    names = {each.name for each in folder.iterdir()} - {"model.skmeta"}
    assert names == {"model.joblib", "model_card.md", "report.html", "scores.csv"}
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    for words in (
        result.verdict.headline,
        "# Evaluation",
        "model.joblib",
        "own linear",
    ):
        assert words in card
    assert "<script" not in card
    kept = pd.read_csv(folder / "scores.csv")
    np.testing.assert_allclose(kept["score"], result.scores_["score"])
    assert hasattr(joblib.load(folder / "model.joblib"), "predict")


# Ctrl-C ---------------------------------------------------------------------------


def interrupted(monkeypatch, cls, n_fits):
    seen, fit = [], cls.fit

    def stopping(self, *given, **how):
        seen.append(1)
        if len(seen) == n_fits:
            raise KeyboardInterrupt
        return fit(self, *given, **how)

    monkeypatch.setattr(cls, "fit", stopping)


def test_what_was_judged_before_ctrl_c_is_kept(tmp_path, monkeypatch):
    # three folds to choose by, then all tasks
    interrupted(monkeypatch, MetaRegressor, 4)
    with pytest.raises(Stopped) as stop:
        judged(out=tmp_path)
    assert stop.value.result is None
    kept = pd.read_csv(tmp_path / "scores.csv")
    assert set(kept["estimator"]) == {"mean", "own linear"}
    assert [each.name for each in tmp_path.iterdir()] == ["scores.csv"]


def test_a_verdict_is_told_of_those_that_were_judged(tmp_path, monkeypatch):
    interrupted(monkeypatch, MetaRegressor, 8)  # the second of two, after six folds
    with pytest.raises(KeyboardInterrupt) as stop:
        judged(out=tmp_path, algorithms=["r2d2", "cnp"])
    found = stop.value.result
    assert found.stopped
    assert found.meta == ["r2d2"]
    assert "stopped before these were judged: cnp" in found.remarks
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "stopped before these were judged: cnp" in page


def test_ctrl_c_before_anything_is_judged_leaves_nothing(tmp_path, monkeypatch):
    interrupted(monkeypatch, MetaRegressor, 1)
    with pytest.raises(KeyboardInterrupt):
        judged(out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_says_so_and_exits_with_130(tmp_path, monkeypatch, capsys):
    interrupted(monkeypatch, MetaRegressor, 4)
    path = tmp_path / "t.csv"
    table_of_shops().rename(columns={HOSTILE: "sold"}).to_csv(path, index=False)
    words = ["--target=sold", "--groups=shop", "--algorithms=r2d2", "--plain=mean"]
    words += ["--shots", "4", "--max-epochs=1", f"--out={tmp_path / 'r'}"]
    assert main(["evaluate", str(path), *words]) == 130
    assert "what was judged is in" in capsys.readouterr().out
