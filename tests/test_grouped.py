"""What benchmarks/grouped.py learns from, asks, keeps and reports."""

import json
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def grouped(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import _grouped

    return _grouped


@pytest.mark.parametrize(
    ("name", "kind", "shape", "n_tasks"),
    [
        ("contraception", "classifier", (1767, 7), 57),
        ("insteval", "classifier", (7385, 6), 300),
        ("dietox", "regressor", (861, 8), 72),
        ("remifentanil", "regressor", (1992, 10), 65),
    ],
)
def test_a_table_is_the_same_wherever_it_is_read(grouped, name, kind, shape, n_tasks):
    table = grouped.load(name)
    assert (table.kind, table.X.shape) == (kind, shape)
    assert np.isfinite(table.X).all()
    assert np.isfinite(table.y).all()
    n_rows = np.unique(table.groups, return_counts=True)[1]
    assert len(n_rows) == n_tasks <= grouped.MAX_TASKS
    assert grouped.MIN_ROWS <= n_rows.min() <= n_rows.max() <= grouped.MAX_ROWS
    assert (table.n_classes > 0) == (kind == "classifier")


def test_tasks_to_learn_from_are_never_asked(grouped):
    groups = np.repeat(np.arange(60).astype(str), 15)
    learnt, new = grouped.split(groups, seed=1)
    asked = new[3][1]
    for size, (known, own) in new.items():
        assert set(np.unique(groups[known], return_counts=True)[1]) == {size}
        assert not set(known) & set(own)
        assert np.array_equal(own, asked)  # so that sizes can be compared
        assert set(groups[known]) == set(groups[own])
        assert not set(groups[known]) & set(groups[learnt])
    assert set(new[3][0]) < set(new[8][0])
    assert len(np.unique(groups[asked])) == 24  # 40 %


def test_small_tasks_are_asked_after_fewer_rows(grouped):
    groups = np.repeat(np.arange(60), 8)  # 8 known rows would leave none to ask
    assert list(grouped.split(groups)[1]) == [3]


def test_a_loss_is_a_mean_within_each_task(grouped):
    groups = np.array(["b", "a", "b"])
    values = grouped.task_losses(
        "regressor", np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 6.0]), groups, 2.0
    )
    np.testing.assert_allclose(values, [0, (1 + 9) / 2 / 2])  # "a", then "b"
    certain = np.array([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]])
    classes = grouped.task_losses("classifier", np.array([0, 1, 1]), certain, groups)
    np.testing.assert_allclose(
        classes, [-np.log(1e-4 / (1 + 1e-4)), (np.log(1 + 1e-4) + np.log(2)) / 2]
    )


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import _grouped_report

    return _grouped_report


def record(*losses, **more):
    """What is saved of a learner after three rows of a table, a loss for each seed."""
    return {"loss": {"3": list(losses)}, "fit": [1.0], "answer": [0.5], **more}


def results(**tables):
    return {
        "plain ways": ["linear", "boosting"],
        "tables": {
            name: {"tasks": 9, "sizes": [3], "learners": learners}
            for name, learners in tables.items()
        },
    }


def test_losses_are_averaged_over_seeds_before_the_ratio(report):
    known = results(
        pigs={
            "linear": record(1.0, 2.0),
            "boosting": record(2.0, 0.8),  # the best one on average
            "gp": record(0.7, 0.7),
        }
    )
    found = report.ratios(known)
    assert found["gp"]["pigs", "3"] == pytest.approx(0.5)
    assert found["boosting"]["pigs", "3"] == 1


def test_a_learner_with_one_seed_is_compared_on_that_seed(report):
    known = results(
        pigs={
            "linear": record(1.0, 9.0),
            "boosting": record(2.0, 0.1),
            "gp": record(0.5),
        }
    )
    assert report.ratios(known)["gp"]["pigs", "3"] == 0.5


def test_who_raises_on_a_table_has_lost_it(report):
    known = results(
        pigs={"linear": record(1.0), "gp": record(0.5)},
        cities={"linear": record(1.0), "gp": record(None, error="ValueError: no")},
    )
    row = report.summarise(report.ratios(known)["gp"])
    assert row["worst"] == np.inf
    assert row["worst cell"] == ("cities", "3")
    assert row["mean"] == pytest.approx((0.5 * report.CAP) ** 0.5)
    assert (row["near"], row["ahead"]) == (0.5, 0.5)


def test_a_page_shows_the_figures_of_the_file(report):
    known = results(pigs={"linear": record(1.0), "gp": record(0.5)})
    page = """Before.
<!-- grouped: summary of gp,
 linear -->
<!-- end -->
Between.
<!-- grouped: gp beside linear, boosting -->
old
<!-- end -->
"""
    filled = report.filled(page, known)
    assert "| gp | 1 | 0.500 | 100 % | 100 % | 0.50 (pigs, 3) | 1 | 0.5 |" in filled
    assert "| linear | 0.50 | 1 of 1 | 0 of 1 |" in filled
    assert "old" not in filled
    assert filled.startswith("Before.\n")
    assert report.filled(filled, known) == filled


def test_the_picture_shows_tables_by_size(report, tmp_path):
    known = results(
        pigs={"boosting": record(1.0), "default": record(1e30), "gp": record(0.5)}
    )
    for draw in (report.draw, report.draw_front):
        draw(known, tmp_path / "picture.png")
        assert (tmp_path / "picture.png").stat().st_size > 1000
        (tmp_path / "picture.png").unlink()


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as it sets it itself
    import grouped

    monkeypatch.setattr(grouped, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(grouped, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["grouped.py"])
    return grouped


def run(benchmark, monkeypatch, *arguments):
    monkeypatch.setattr(benchmark, "save", lambda *args, **kwargs: None)
    monkeypatch.setattr(benchmark, "draw", lambda *args: None)
    monkeypatch.setattr(benchmark, "fill_pages", lambda results, mark: None)
    monkeypatch.setattr("sys.argv", ["grouped.py", *arguments])
    benchmark.main()


def test_a_run_that_was_stopped_goes_on(benchmark, monkeypatch, capsys):
    asked = []

    def measure(name, table, seed, **rules):
        if name == "mean" and seed == 1 and asked.count((name, seed)) == 0:
            asked.append((name, seed))
            raise KeyboardInterrupt
        asked.append((name, seed))
        loss = {"3": 1.0 + seed, "8": 1.0}
        return {"loss": loss, "fit": 1.0, "answer": {"3": 1.0, "8": 1.0}}

    monkeypatch.setattr(benchmark, "measure", measure)
    arguments = ("--tables", "dietox", "--learners", "mean", "--seeds", "3")
    with pytest.raises(KeyboardInterrupt):
        run(benchmark, monkeypatch, *arguments)
    run(benchmark, monkeypatch, *arguments)
    assert asked == [("mean", 0), ("mean", 1), ("mean", 1), ("mean", 2)]
    learners = benchmark.gather({})["tables"]["dietox"]["learners"]
    assert learners["mean"]["loss"]["3"] == [1.0, 2.0, 3.0]
    run(benchmark, monkeypatch, *arguments, "--again")
    assert len(asked) == 7
    assert "| mean | 2 | 1.000 |" in capsys.readouterr().out


def test_settings_are_chosen_without_the_new_tasks(benchmark, grouped, monkeypatch):
    import _grouped_learners

    seen = []

    class Watching:
        def fit(self, X, y, groups):
            self.mean = y.mean()
            seen.extend(groups)

        def adapt(self, X, y, groups):
            seen.extend(groups)

        def predict(self, X, groups):
            seen.extend(groups)
            return np.full(len(X), self.mean)

    monkeypatch.setattr(_grouped_learners, "make_learner", lambda *_: Watching())
    table = grouped.load("dietox")
    old, _ = grouped.split(table.groups, seed=2)
    found = _grouped_learners.measure("mean", "dietox", 2, inner=True)
    assert set(seen) == set(table.groups[old])
    # The mean of others explains nothing: its error is the variance, more or less.
    assert found["loss"]["8"] == pytest.approx(1, rel=0.2)


def test_where_groups_are_few_the_new_tasks_are_the_same(benchmark, monkeypatch):
    import _grouped_learners

    seen = {}

    class Watching:
        def fit(self, X, y, groups):
            self.old = set(groups)

        def adapt(self, X, y, groups):
            seen[len(self.old)] = set(groups)
            assert not self.old & set(groups)

        def predict(self, X, groups):
            return np.zeros(len(X))

    monkeypatch.setattr(_grouped_learners, "make_learner", lambda *_: Watching())
    for n_old in (10, 20):
        found = _grouped_learners.measure("mean", "dietox", 0, n_old=n_old)
        assert "error" not in found
    assert seen[10] == seen[20]


def test_means_by_the_number_of_tasks_stand_in_their_order(benchmark, report):
    found = results(pigs={"linear": record(1.0), "gp": record(0.5)})
    known = benchmark.add_few({"few tasks": {"20": {"gp": 0.4}}}, found, 160)
    known = benchmark.add_few(known, found, 3)
    assert report.few_table(known, ["gp", "linear", "nobody"]) == [
        "| tasks to learn from | 3 | 20 | 160 |",
        "| --- | --- | --- | --- |",
        "| gp | 0.50 | 0.40 | 0.50 |",
        "| linear | 1.00 |  | 1.00 |",
    ]


@pytest.mark.parametrize("answer", [np.nan, None])
def test_who_raises_or_answers_with_no_number_has_no_loss(
    benchmark, monkeypatch, answer
):
    import _grouped_learners

    class Broken:
        def fit(self, X, y, groups):
            if answer is None:
                raise ValueError("too few rows")

        def adapt(self, X, y, groups):
            pass

        def predict(self, X, groups):
            return np.full(len(X), answer)

    monkeypatch.setattr(_grouped_learners, "make_learner", lambda *_: Broken())
    found = _grouped_learners.measure("mean", "dietox", 0)
    assert found["loss"] == {"3": None, "8": None}
    assert found["error"]
    lost = benchmark.by_seed([found])
    assert lost["loss"] == {"3": [None], "8": [None]}


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_in_the_large_table_tasks_differ_and_lines_are_not_all(
    benchmark, monkeypatch, kind
):
    import _grouped_large

    monkeypatch.setattr(_grouped_large, "N_TASKS", 60)
    monkeypatch.setattr(_grouped_large, "N_NEW", 40)
    names = ["mean", "pooled linear", "pooled boosting", "boosting + residual"]
    found = _grouped_large.measure_large(kind, names)
    losses = [found[name]["loss"] for name in names]
    assert losses == sorted(losses, reverse=True)
    assert all(row["fit"] + row["adapt"] > 0 for row in found.values())


@pytest.mark.parametrize(
    ("name", "table", "file"),
    [
        ("pooled linear", "dietox", "grouped"),
        ("mean", "contraception", "grouped"),
        ("own linear", "gapminder", "grouped_apart"),
    ],
)
def test_the_figures_of_the_file_come_out_again(benchmark, name, table, file):
    known = json.loads((BENCHMARKS / f"results/{file}.json").read_text())
    losses = known["results"]["tables"][table]["learners"][name]["loss"]
    import _grouped_learners

    found = _grouped_learners.measure(name, table, seed=0)["loss"]
    for size, loss in found.items():
        assert loss == pytest.approx(losses[size][0], rel=1e-3)


def test_pages_show_the_figures_of_the_file(report):
    known = json.loads((BENCHMARKS / "results/grouped.json").read_text())["results"]
    for page in report.PAGES:
        text = (BENCHMARKS.parent / page).read_text()
        assert "<!-- grouped: " in text
        assert report.filled(text, known) == text, "run grouped.py --summary"


def test_the_ensemble_is_ahead_on_every_table_or_near_and_costs_four_fits(report):
    known = json.loads((BENCHMARKS / "results/grouped.json").read_text())["results"]
    found = report.ratios(known)
    rows = {name: report.summarise(found[name]) for name in ("stack", "default")}
    assert rows["stack"]["mean"] <= 0.89
    assert rows["stack"]["near"] >= 0.92
    assert rows["stack"]["worst"] <= 1.06
    fits = [report.seconds(known, name, "fit") for name in ("stack", "default")]
    assert fits[0] <= 4 * fits[1]
    page = " ".join((BENCHMARKS.parent / "docs/ensemble.md").read_text().split())
    assert f"takes {fits[0] / fits[1]:.1f} times that of `gp` alone" in page
    assert f"loss is {rows['stack']['mean']:.3f} of the best plain way's" in page
    assert f"that of `gp` is {rows['default']['mean']:.3f}" in page


def test_a_page_shows_the_figures_of_the_tables_that_are_kept_apart(report, grouped):
    results = BENCHMARKS / "results/grouped_apart.json"
    known = json.loads(results.read_text())["results"]
    assert set(known["tables"]) == set(grouped.KEPT_APART)
    assert not set(grouped.KEPT_APART) & set(grouped.TABLES)
    text = (BENCHMARKS.parent / "docs/which.md").read_text()
    assert "<!-- grouped_apart: " in text
    filled = report.filled(text, known, "grouped_apart")
    assert filled == text, "run grouped.py --kept-apart --summary"


@pytest.fixture
def intervals(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import intervals

    return intervals


def test_a_level_covers_what_it_says_with_all_tasks_alike(intervals):
    scores, task = np.array([3.0, 1.0, 2.0, 4.0]), np.array([0, 0, 0, 1])
    # A sixth of the weight each, and a half.
    assert intervals.level(scores, task, 1 / 6) == 1.5
    assert intervals.level(scores, task, 1 / 2) == 3.5
    assert intervals.level(scores, task, 1.0) == 4


def test_new_tasks_are_drawn_from_all_and_their_known_rows_are_not_asked(intervals):
    groups = np.repeat(np.arange(60), np.arange(60) % 9 + 7)
    old, new = intervals.part(groups, seed=2)
    assert len(np.unique(groups[new[0][1]])) == 24
    assert not set(groups[old]) & set(groups[new[0][1]])
    sizes = np.unique(groups[new[0][1]], return_counts=True)
    assert np.bincount(groups)[sizes[0]].min() == 7  # small ones among them
    for size, (known, asked) in new.items():
        assert not set(known) & set(asked)
        counts = np.unique(groups[known], return_counts=True)[1]
        assert set(counts) <= {size}
        assert set(groups[known]) <= set(groups[asked])


def test_halves_share_the_known_rows_of_each_task(intervals):
    groups = np.repeat([4, 7], [3, 8])
    known = intervals.load("dietox")._replace(
        X=np.zeros((11, 1)), y=np.arange(11), groups=groups
    )
    learnt, kept = intervals.halves(known, np.random.default_rng(0))
    assert np.unique(learnt.groups, return_counts=True)[1].tolist() == [2, 4]
    assert np.unique(kept.groups, return_counts=True)[1].tolist() == [1, 4]
    assert sorted([*learnt.y, *kept.y]) == list(range(11))
    far = intervals.largest(np.array([1.0, 5, 2]), np.array([7, 4, 7]), groups)
    assert far.tolist() == [5] * 3 + [2] * 8
