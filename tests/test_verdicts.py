"""What benchmarks/verdicts.py lets evaluate judge, keeps and reports."""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from skmeta.datasets import load_movielens
from skmeta.evaluation import evaluate
from skmeta.evaluation.evaluate import _METRICS
from skmeta.evaluation.learners import _DEFAULT
from skmeta.model_selection import plain_ways
from skmeta.model_selection._statistics import wilcoxon_p_value

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
FILE = json.loads((BENCHMARKS / "results/verdicts.json").read_text())["results"]
TABLES = FILE["tables"]


@pytest.fixture
def verdicts(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import _verdicts

    return _verdicts


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import _verdicts_report

    return _verdicts_report


def test_what_is_asked_is_what_evaluate_does_unasked(verdicts):
    defaults = inspect.signature(evaluate).parameters
    assert defaults["shots"].default == verdicts.SHOTS
    assert defaults["random_state"].default == verdicts.SEED
    assert verdicts.METRICS == _METRICS


@pytest.mark.parametrize(
    ("name", "kind", "shots"),
    [
        ("contraception", "classification", [1, 5, 10]),
        ("laborsupply", "regression", [1, 3, 5]),  # ten rows in each task
    ],
)
def test_tasks_are_parted_as_evaluate_parts_them(verdicts, name, kind, shots):
    problem, found = verdicts.load_problem(name)
    assert (problem.kind, problem.label_space, found) == (kind, "shared", shots)
    old, new = set(problem.train[2]), np.unique(problem.test[2], return_counts=True)
    assert not old & set(new[0])
    assert new[1].min() > max(shots)
    assert len(new[0]) == pytest.approx(0.3 * (len(old) + len(new[0])), abs=1)


def test_features_of_films_know_nothing_of_new_viewers(verdicts):
    problem, _ = verdicts.load_problem("movielens")
    data = load_movielens(random_state=0)
    assert set(problem.test[2]) == set(data.groups_test.astype(str))
    assert set(problem.train[2]) == set(data.groups_train.astype(str))
    assert np.unique(problem.groups, return_counts=True)[1].max() == 60
    assert list(problem.X) == data.feature_names


def verdict(outcome, score, plain, p):
    return {
        "tasks": 50,
        "new tasks": 22,
        "shots": 5,
        "metric": "neg_mean_absolute_error",
        "chosen": "gp",
        "chosen plain": "mixed linear",
        "outcome": outcome,
        "p": p,
        "score": score,
        "score of plain": plain,
        "half width": 0.25,
        "gains": [score - plain, score - plain],
    }


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as it sets it itself
    import verdicts

    monkeypatch.setattr(verdicts, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(verdicts, "FOLDER", tmp_path)
    monkeypatch.setattr(verdicts, "fill_pages", lambda results: None)
    monkeypatch.setattr(verdicts, "save", lambda *args, **kwargs: None)
    return verdicts


def run(benchmark, monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["verdicts.py", *arguments])
    benchmark.main()


def test_a_run_that_was_stopped_goes_on(benchmark, monkeypatch, capsys):
    asked = []

    def measure(name, **options):
        asked.append((name, options["rivals"]))
        if asked == [("dietox", False), ("storms", False)]:
            raise KeyboardInterrupt
        return verdict("level", -1.0, -1.0, 1.0) | {"minutes": 0.5}

    monkeypatch.setattr(benchmark, "measure", measure)
    arguments = ("--tables", "dietox", "storms")
    with pytest.raises(KeyboardInterrupt):
        run(benchmark, monkeypatch, *arguments)
    run(benchmark, monkeypatch, *arguments)
    assert [name for name, _ in asked] == ["dietox", "storms", "storms"]
    assert "Of 2 tables" in capsys.readouterr().out
    assert list(benchmark.gather({})["tables"]) == ["dietox", "storms"]
    run(benchmark, monkeypatch, *arguments, "--again")
    assert len(asked) == 5
    run(benchmark, monkeypatch, "--tables", "dietox", "--rivals")  # is another question
    assert asked[5:] == [("dietox", True)]
    assert list(benchmark.gather({})["with rivals"]) == ["dietox"]


def test_a_page_shows_verdicts_and_how_many_there_are(report):
    known = {
        "tables": {
            "dietox": verdict("helps", -1.5, -2.0, 1e-6),
            "nox": verdict("hurts", -2.0, -1.5, 0.012),
        },
        "with rivals": {"dietox": verdict("level", -2.0, -2.0, 1.0)},
    }
    page = """<!-- verdicts: summary -->
stale
<!-- end -->
<!-- verdicts: table -->
<!-- end -->
<!-- verdicts: summary with rivals -->
<!-- end -->
"""
    filled = report.filled(page, known)
    assert (
        "Of 2 tables, meta-learning helps on 1, the two cannot be told apart on 0, "
        "and the plain way is ahead on 1 (nox)." in filled
    )
    assert (
        "| dietox | 50, 22 | 5 | gp | mixed linear | 1.50 | 2.00 | +0.500 ± 0.250 "
        "| < 0.0001 | **helps** |" in filled
    )
    assert "−0.500 ± 0.250 | 0.012 | does not help |" in filled
    assert "nlswork, laborsupply, remifentanil, movielens.\n" in filled  # not known yet
    assert "Of 1 table, meta-learning helps on 0" in filled
    assert "stale" not in filled
    assert report.filled(filled, known) == filled


def test_pages_show_the_figures_of_the_file(report):
    for page in report.PAGES:
        text = (BENCHMARKS.parent / page).read_text()
        assert "<!-- verdicts: table -->" in text
        assert report.filled(text, FILE) == text, "run verdicts.py --summary"


def test_every_table_has_its_verdict(verdicts):
    assert list(TABLES) == list(verdicts.NAMES)


@pytest.mark.parametrize("name", TABLES)
def test_a_verdict_is_of_the_two_that_were_chosen_beforehand(name):
    own = TABLES[name]
    assert own["algorithms"] == _DEFAULT[own["kind"]]
    for group, chosen in (("algorithms", "chosen"), ("plain", "chosen plain")):
        best = max(own[group], key=lambda each: own["chosen by"].get(each, -np.inf))
        assert own["chosen by"][own[chosen]] == own["chosen by"][best]
    competed = {*own["algorithms"], *own["plain"]}
    assert set(own["others"]) == competed - {own["chosen"], own["chosen plain"]}
    kind = "classifier" if own["kind"] == "classification" else "regressor"
    assert {*own["plain"], *own["left out"]} == set(plain_ways(kind, rivals=False))
    assert not own["failures"]


@pytest.mark.parametrize("name", TABLES)
def test_helps_is_said_where_the_chosen_one_is_ahead_beyond_chance(name):
    own = TABLES[name]
    gains = np.array(own["gains"])
    assert len(gains) <= own["new tasks"]
    p_value = wilcoxon_p_value(gains)
    assert p_value == pytest.approx(own["p"], rel=1e-3)  # of four digits
    expected = "level"
    if p_value < 0.05:
        expected = "helps" if gains.mean() > 0 else "hurts"
    assert own["outcome"] == expected
    ahead = own["score"] - own["score of plain"]  # of four digits, too
    assert ahead == pytest.approx(gains.mean(), abs=2e-3 * abs(own["score"]))


def test_meta_learning_helps_more_often_than_it_hurts():
    outcomes = [own["outcome"] for own in TABLES.values()]
    assert outcomes.count("helps") > outcomes.count("hurts")


# Without the stack, which takes four times as long; what is fitted, is fitted in full.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["union", "dietox"])
def test_the_figures_of_the_file_come_out_again(verdicts, name):
    known = TABLES[name]
    found = verdicts.measure(name, algorithms=["gp"])
    assert found["chosen plain"] == known["chosen plain"]
    for each in ["gp", *known["plain"]]:
        assert found["scores"][each] == pytest.approx(known["scores"][each], rel=0.02)
    if known["chosen"] == "gp":
        assert found["outcome"] == known["outcome"]
