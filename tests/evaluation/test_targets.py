"""Evaluations of several targets."""

import io
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pandas as pd
import pytest

import skmeta
from skmeta import MetaDataset
from skmeta.__main__ import main
from skmeta.evaluation import InputError, evaluate, table_of
from skmeta.evaluation.report_tables import target_rows
from skmeta.evaluation.targets import mean_over_targets
from skmeta.evaluation.wording import MetricWording
from skmeta.model_selection import few_shot_curve
from tests.evaluation.test_result import HOSTILE, table_of_shops

TARGETS = [HOSTILE, "cost"]


def table_of_two(n_tasks=12):
    table = table_of_shops(n_tasks)
    noise = np.random.default_rng(1).normal(size=len(table))
    return table.assign(cost=5000 * table["size"] + 1000 * table["shop"] + 900 * noise)


def judged(table=None, **how):
    with redirect_stderr(io.StringIO()):
        return evaluate(
            table_of_two() if table is None else table,
            **{
                "target": TARGETS,
                "groups": "shop",
                "shots": [1, 4],
                "plain": ["mean", "own linear"],
                "algorithms": ["r2d2"],
                "max_epochs": 1,
                "out": None,
                **how,
            },
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def result(folder):
    table = folder / "shops.csv"
    table_of_two().to_csv(table, index=False)
    with redirect_stdout(io.StringIO()) as out:
        found = judged(table, out=folder)
    found.printed = out.getvalue()
    return found


def test_a_score_is_the_mean_of_targets_each_in_its_own_unit(result):
    units = result.problem.units
    np.testing.assert_allclose(units, result.problem.train[1].std(axis=0))
    by_target = result.target_scores_.pivot_table(
        index=["estimator", "shots", "task"], columns="target", values="score"
    )
    expected = (by_target[TARGETS] / units).mean(axis=1)
    found = result.scores_.set_index(["estimator", "shots", "task"])["score"]
    np.testing.assert_allclose(found[expected.index], expected)
    assert (by_target["cost"] < -100).all()  # as people know it


def test_the_choice_goes_by_the_same_mean(result):
    # Of bare errors that of "cost" would be all there is.
    assert np.abs([score for _, score in result.choice.scores.items()]).max() < 3


def test_targets_are_shown_one_by_one(result, folder):
    rows = target_rows(result)
    assert [row["name"] for row in rows] == result.names_by_score
    scores = result.target_scores
    at = scores[(scores["shots"] == 4) & (scores["estimator"] == rows[0]["name"])]
    cost = at[at["target"] == "cost"]["score"].mean()
    assert rows[0]["cells"][1]["score"] == result.metric.show(cost)
    assert sum(row["cells"][0]["best"] for row in rows) == 1
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Mean absolute error of each target, in its own unit" in page
    assert "A score is the mean over 2 targets; “scaled”" in page
    assert "<script>alert" not in page
    assert "mean absolute error of each target, 4 rows" in result.printed
    assert "targets '<script>alert(1)</script> | `x`' and 'cost'" in result.printed
    saved = pd.read_csv(folder / "scores_by_target.csv")
    assert len(saved) == 2 * len(result.scores_)


def test_the_saved_model_learns_and_answers_all_targets(result, folder):
    new = table_of_two(1)
    y = new[TARGETS].to_numpy()
    for name in ("r2d2", "own linear"):
        best = skmeta.adapt(result.pipeline(name), new[["price", "size"]][:5], y[:5])
        assert best.predict(new[["price", "size"]][5:]).shape == (5, 2)
    assert (folder / "model.joblib").exists()


def test_the_code_of_the_report_runs(result):
    from skmeta.evaluation.report_code import training_code

    with redirect_stdout(io.StringIO()):
        space: dict = {}
        exec(training_code(result, result.source), space)
    assert space["model"].predict(space["X_own"]).shape == (len(space["X_own"]), 2)


def test_labels_of_two_classes_are_judged_together(tmp_path):
    table = table_of_two()
    table[HOSTILE] = np.where(table[HOSTILE] > 100, "much", "little")
    table["cost"] = table["cost"] > table["cost"].median()
    path, out = tmp_path / "shops.csv", tmp_path / "report"
    table.to_csv(path, index=False)
    words = ["--groups=shop", "--algorithms=r2d2", "--plain=mean", "--shots", "1", "4"]
    words += ["--max-epochs=1", f"--out={out}", "--target", *TARGETS]
    with redirect_stdout(io.StringIO()) as said, redirect_stderr(io.StringIO()):
        assert main(["evaluate", str(path), *words]) == 0
    assert "is 1 for 'much', 0 for 'little'" in said.getvalue()
    assert "accuracy of each target" in said.getvalue()
    scores = pd.read_csv(out / "scores.csv")
    both = pd.read_csv(out / "scores_by_target.csv")
    keys = ["estimator", "shots", "task"]
    mean = both.groupby(keys)["score"].mean()
    np.testing.assert_allclose(scores.set_index(keys)["score"][mean.index], mean)


def test_tasks_of_a_meta_dataset_bring_several_targets():
    table = table_of_two()
    tasks = MetaDataset(table[["price", "size"]], table[TARGETS], table["shop"])
    assert [*table_of(tasks)][2:] == ["target0", "target1", "task"]
    with pytest.raises(InputError, match="makes 0 tasks with 51 rows"):  # all is read
        judged(tasks, target="target", groups="task", shots=[50])


def test_what_cannot_be_judged_together_is_said():
    with pytest.raises(InputError, match="groups names one column"):
        judged(groups=["shop", "price"])
    table = table_of_two().assign(**{HOSTILE: lambda t: t["cost"] > 0})
    with pytest.raises(InputError, match="and 'cost' for regression"):
        judged(table)
    table["cost"] = table["size"] > 0
    with pytest.raises(InputError, match="'siamese' does not learn several targets"):
        judged(table, algorithms=["siamese"])


@pytest.mark.parametrize(
    ("metric", "power"),
    [("neg_mean_squared_error", 2), ("neg_max_error", 1), ("r2", 0), ("accuracy", 0)],
)
def test_metrics_know_the_power_of_the_unit(metric, power):
    scores = pd.DataFrame({"task": [0, 0], "target": [0, 1], "score": [1.0, np.nan]})
    found = mean_over_targets(scores, metric, np.array([4.0, 1.0]))
    assert found["score"].tolist() == [4.0**-power]
    assert MetricWording(metric, 2).is_scaled == (power > 0)
    assert not MetricWording(metric).said_of_targets


def test_a_curve_gives_the_scores_of_targets():
    from sklearn.linear_model import Ridge

    table = table_of_two(8)
    given = (table[["price", "size"]], table[TARGETS], table["shop"])
    how = {"shots": (1, 4), "metric": "neg_mean_absolute_error", "n_repeats": 2}
    apart = few_shot_curve({"own": Ridge()}, *given, per_target=True, **how)
    assert [*apart] == ["estimator", "shots", "task", "repeat", "target", "score"]
    whole = few_shot_curve({"own": Ridge()}, *given, per_task=True, **how)
    keys = ["estimator", "shots", "task", "repeat"]
    np.testing.assert_allclose(
        apart.groupby(keys)["score"].mean(), whole.set_index(keys)["score"].sort_index()
    )
    one = few_shot_curve(
        {"own": Ridge()}, given[0], given[1]["cost"], given[2], per_target=True, **how
    )
    np.testing.assert_allclose(
        one["score"], apart[apart["target"] == 1]["score"].to_numpy()
    )
