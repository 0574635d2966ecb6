"""`python -m skmeta evaluate`, from an ugly table to a report in a browser."""

import contextlib
import html
import io
import re

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import skmeta
from skmeta.__main__ import main
from skmeta.evaluation import evaluate
from tests._browser import find_chromium, open_page

HOSTILE = "<script>document.title = 'pwned'</script>"
COLUMN = "<img src=x onerror=alert(1)> & $x^"


def ugly_table(n_tasks=20, seed=0):
    """Every ugliness a table may have."""
    rng = np.random.default_rng(seed)
    size = rng.integers(8, 14, size=n_tasks)
    task = np.repeat(np.arange(n_tasks), size)
    n = len(task)
    X = rng.normal(size=(n, 2))
    signal = np.einsum("nd,nd->n", X, rng.normal(size=(n_tasks, 2))[task])
    names = np.array([f"shop № {i}" for i in range(n_tasks)], dtype=object)
    names[::3] = [f"{HOSTILE}{i}" for i in range(len(names[::3]))]
    table = pd.DataFrame(
        {
            "price": X[:, 0],
            COLUMN: X[:, 1],
            "day": pd.date_range("2023-01-01", periods=n, freq="7h").astype(str),
            "open": rng.random(n) < 0.5,
            "kind": rng.choice(["bar", "inn", "café"], size=n),
            "note": [f"text {i}" for i in range(n)],
            "street": [f"street {t}" for t in task],  # new ones in new tasks
            "maybe": rng.choice([True, False, None], size=n),
            "odd": rng.choice(["1", "2", "unknown"], size=n),
            "constant": 7,
            "nothing": np.nan,
            "shop": names[task],
            "sold out": np.where(signal > 0, "yes", "no"),
            "sales": 1000 + 50 * signal,
        }
    )
    table.loc[rng.random(n) < 0.2, "price"] = np.nan
    table.loc[rng.random(n) < 0.2, ["day", "kind"]] = None
    table.loc[3, "price"] = np.inf
    table.loc[[1, 5], ["sold out", "sales"]] = np.nan
    table.loc[[9], "shop"] = None
    alone = table.iloc[[0, 20, 40]].assign(shop=["lone 1", "lone 2", "lone 3"])
    return pd.concat([table, alone], ignore_index=True)


def run(*words):
    """Run the command; return its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["evaluate", *map(str, words)])
    return code, out.getvalue(), err.getvalue()


def judged(folder, *options):
    path = folder / "ugly $a$.csv"
    ugly_table().to_csv(path, index=False)
    code, out, err = run(
        path,
        "--groups=shop",
        "--shots",
        *"135",
        "--max-epochs=2",
        f"--out={folder / 'report'}",
        *options,
    )
    assert code == 0, err
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    return out, err, page, folder / "report"


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    return judged(
        tmp_path_factory.mktemp("classes"),
        "--target=sold out",
        "--drop",
        "sales",
        "--algorithms",
        "maml",
        "protonet",
        "--plain",
        "mean",
        "own linear",
        "boosting + residual",
        "mixed linear",
    )


@pytest.mark.slow
def test_the_terminal_shows_a_line_per_learner_and_the_verdict(classified):
    out, err, _, folder = classified
    assert "23 tasks by 'shop'; 17 to learn from, 6 to judge on" in out
    assert "classification, since it holds 2 different names" in out
    assert "2 rows without a target" in out
    assert "1 row without a task" in out
    score = r"\d\.\d+ ± \d\.\d+"
    rows = dict(re.findall(rf"^(\w[\w+ ()]*?)  +({score}.*)$", out, re.MULTILINE))
    chosen = {name.removesuffix(" (chosen)") for name in rows if "chosen" in name}
    assert {name.removesuffix(" (chosen)") for name in rows} == {
        "maml",
        "protonet",
        "mean",
        "own linear",
        "boosting + residual",
        "mixed linear",
    }
    assert len(chosen) == len(chosen & {"maml", "protonet"}) + 1 == 2
    assert "chosen on tasks to learn from, met on new ones" in out
    assert all(len(re.findall(score, row)) == 3 for row in rows.values())
    assert "Meta-learning" in out
    assert str(folder / "report.html") in out
    assert re.search(r"^choosing by \d+ tasks", err, re.MULTILINE)
    assert "judging on 6 new tasks" in err  # a line for each stage, and no bar
    assert "%" not in err


@pytest.mark.slow
def test_the_report_is_one_file_that_takes_nothing_from_elsewhere(classified):
    _, _, page, folder = classified
    files = {each.name for each in folder.iterdir()}
    kept = {"model.joblib", "model_card.md", "report.html", "scores.csv"}
    assert files - {"model.skmeta"} == kept
    assert page.count("<svg") >= 5
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"@import|url\((?!#)", page)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_names_from_the_table_stay_text(classified):
    _, _, page, _ = classified
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;img src=x" in page


@pytest.mark.slow
def test_the_saved_model_learns_a_new_shop_from_the_tables_own_rows(classified):
    model = joblib.load(classified[3] / "model.joblib")
    new = ugly_table(seed=1).dropna(subset=["sold out"])
    new = new[new["shop"] == "shop № 1"]
    X, y = new.drop(columns=["shop", "sold out", "sales"]), new["sold out"].to_numpy()
    answers = skmeta.adapt(model, X[:5], y[:5]).predict(X[5:])
    assert set(answers) <= {"yes", "no"}
    assert len(answers) == len(X) - 5


@pytest.mark.slow
def test_the_code_in_the_report_does_what_the_report_says(classified, capsys):
    _, _, page, _ = classified
    blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
    code = next(block for block in blocks if "make_problem" in block)
    place = {}
    exec(html.unescape(code), place)
    assert len(place["problem"].test[1]) > 0
    name = place["meta"].algorithm
    assert f"The chosen meta-learner is {name}" in page
    assert place["meta"].n_tasks_ == 17


def test_the_same_seed_gives_the_same_report(tmp_path):
    ugly_table(8).to_csv(tmp_path / "t.csv", index=False)
    words = [
        tmp_path / "t.csv",
        "--target=sales",
        "--groups=shop",
        "--drop=sold out",
        "--algorithms=r2d2",
        "--plain=mixed linear",
        "--shots=2",
        "--max-epochs=1",
        f"--out={tmp_path / 'r'}",
    ]
    pages = []
    for _ in range(2):
        code, out, err = run(*words)
        assert code == 0, err
        page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
        pages.append(re.sub(r"\d+\.\d s<", "", page))
    assert pages[0] == pages[1]
    assert "regression, since it holds" in out
    assert "mean absolute error, lower is better" in out


def test_names_that_mean_something_inside_a_task_only_are_judged_as_such(tmp_path):
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    parts = []
    for writer in range(8):
        for digit in rng.permutation(10)[:3]:
            rows = rng.permutation(np.flatnonzero(y == digit))[:6]
            part = pd.DataFrame(X[rows]).add_prefix("p")
            parts.append(part.assign(writer=writer, sign=f"{writer}:{digit}"))
    pd.concat(parts).to_csv(tmp_path / "t.csv", index=False)
    code, out, err = run(
        tmp_path / "t.csv",
        "--target=sign",
        "--groups=writer",
        "--algorithms=simpleshot",
        "--shots=2",
        "--max-epochs=1",
        f"--out={tmp_path / 'r'}",
    )
    assert code == 0, err
    assert "After 2 labelled rows of each class of a new task" in out
    assert "pooled" not in out
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "they are names inside a task" in page
    code, _, err = run(
        tmp_path / "t.csv", "--target=sign", "--groups=writer", "--shots", "0", "1"
    )
    assert code == 1
    assert "leave 0 out of --shots" in err


@pytest.mark.slow
def test_a_browser_shows_the_report_without_a_request_or_a_complaint(
    classified, tmp_path
):
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    report = classified[3] / "report.html"
    with open_page(chromium, str(tmp_path / "profile")) as page:
        page.open(report.as_uri())
        assert [url for url in page.requests if not url.startswith("data:")] == [
            report.as_uri()
        ]
        assert page.complaints == []
        assert page.run("document.title") == "sold out by shop"
        assert page.run("document.scripts.length + document.images.length") == 0
        text = page.run("document.body.innerText")
        for words in (
            "Meta-learning",
            "The data",
            "Who wins, and by how much",
            "Task by task",
            "How it was judged",
            "The code to reproduce it",
            "2 rows without a target",
            COLUMN,
        ):
            assert words in text
        # Nothing wider than the window, on a phone as well, and pictures with names.
        assert page.run("document.documentElement.scrollWidth") <= 1000
        assert page.run(
            "[...document.querySelectorAll('svg')].every(each =>"
            " each.getAttribute('aria-label') && each.clientHeight > 50)"
        )
        colour = "getComputedStyle(document.body).backgroundColor"
        page.set_colour_scheme("light")
        light = page.run(colour)
        page.set_colour_scheme("dark")
        assert page.run(colour) != light


# What goes wrong -----------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.csv"
    ugly_table(8).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target=sold", "--groups=shop"], "Did you mean 'sold out'"),
        (["--target=constant", "--groups=shop"], "is 7 in every row"),
        (["--target=nothing", "--groups=shop"], "nothing but missing values"),
        (["--target=sales", "--groups=note"], "makes 0 tasks"),
        (["--target=sales", "--groups=shop", "--shots=99"], "ask for fewer --shots"),
        (
            ["--target=sales", "--groups=shop", "--algorithms=mmal"],
            "maml",
        ),
        (
            ["--target=sales", "--groups=shop", "--algorithms=protonet"],
            "'protonet' does not learn regression",
        ),
        (
            ["--target=sales", "--groups=shop", "--plain=mixed liner"],
            "Did you mean 'mixed linear'",
        ),
        (["--target=sales", "--groups=shop", "--metric=acuracy"], "'accuracy'"),
        (["--target=sales", "--groups=shop", "--metric=accuracy"], "cannot judge"),
        (["--target=sold out", "--groups=shop", "--task=regression"], "needs numbers"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(small, tmp_path, words, message):
    code, _, err = run(small, "--shots=2", *words, f"--out={tmp_path / 'new'}")
    assert code == 1
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_said_before_the_work(small, tmp_path):
    (tmp_path / "file").write_text("")
    given = [small, "--target=sales", "--groups=shop", "--shots=2"]
    for out in ("file", "file/below"):
        code, _, err = run(*given, f"--out={tmp_path / out}")
        assert code == 1
        assert "file" in err
        assert "choosing" not in err


def test_a_missing_file_is_answered_with_the_closest_name(small):
    code, _, err = run(small.with_name("smal.csv"), "--target=a", "--groups=b")
    assert code == 1
    assert "Did you mean 'small.csv'?" in err


def test_an_algorithm_that_fails_does_not_take_the_others_down(
    small, tmp_path, monkeypatch
):
    def fail(self, *args):
        raise RuntimeError("broke <b>down</b>")

    monkeypatch.setattr("skmeta.algorithms.R2D2.build", fail)
    code, _, err = run(
        small,
        "--target=sales",
        "--groups=shop",
        "--shots=2",
        "--algorithms",
        "r2d2",
        "cnp",
        "--plain",
        "mean",
        "own linear",
        "--max-epochs=1",
        f"--out={tmp_path / 'r'}",
    )
    assert code == 0
    assert "failed: broke <b>down</b>" in err
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert "broke &lt;b&gt;down&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "words", [["--target=a"], ["--target=a", "--groups=b", "--shots=-1"]]
)
def test_wrong_usage_exits_with_2(small, words):
    with pytest.raises(SystemExit) as stop:
        run(small, *words)
    assert stop.value.code == 2


def test_without_its_packages_the_command_says_what_to_install(small, monkeypatch):
    monkeypatch.setattr(
        "skmeta.commands.evaluate.find_spec",
        lambda name: None if name == "jinja2" else True,
    )
    code, _, err = run(small, "--target=sales", "--groups=shop")
    assert code == 1
    assert 'needs jinja2: pip install "skmeta[evaluate]"' in err


# Rows in time --------------------------------------------------------------------


def drifting_visits(n_tasks=14, n_rows=12):
    """Levels that drift from visit to visit; the rows of the file are shuffled."""
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(n_tasks), n_rows)
    drift = np.cumsum(rng.normal(0.5, 0.3, size=(n_tasks, n_rows)), axis=1).ravel()
    table = pd.DataFrame(
        {
            "dose": rng.normal(size=len(task)),
            "visit": np.tile(pd.date_range("2024-01-01", periods=n_rows), n_tasks),
            "patient": [f"p{each:02}" for each in task],
            "level": drift + rng.normal(size=n_tasks)[task],
            "known": np.tile(np.arange(n_rows) < 4, n_tasks),
        }
    )
    return table.sample(frac=1, random_state=1)


QUICKLY = ["--target=level", "--groups=patient", "--algorithms=r2d2", "--plain=mean"]
QUICKLY += ["--shots", "2", "4", "--max-epochs=1"]


def test_a_table_is_judged_by_its_column_of_time(tmp_path, capsys):
    drifting_visits().to_csv(tmp_path / "t.csv", index=False)
    errors, words = {}, [tmp_path / "t.csv", *QUICKLY, f"--out={tmp_path / 'r'}"]
    for how in ([], ["--time=visit"], ["--in-support=known"]):
        code, out, err = run(*words, *how, "--drop", "known" if not how else "dose")
        assert code == 0, err
        row = re.search(r"^mean[^\n\d]*([\d.]+) ± [\d.]+ +([\d.]+)", out, re.MULTILINE)
        errors[tuple(how)] = float(row[2])
        page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
        cautions = out.count("caution: "), page.count('<p class="caution">')
        assert cautions == ((0, 0) if how else (1, 1))
        known = {
            "": "random rows",
            "--time=visit": "the first rows by “visit”",
            "--in-support=known": "any of the rows that are given as support",
        }["".join(how)]
        assert f"known of a new task: {known}" in out
        assert f"Known of a new task are {known}." in page
        assert "".join(how[:1]).replace("=", " ") in html.unescape(page)
        blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", page, re.DOTALL)
        code = next(block for block in blocks if "make_problem" in block)
        place = {}
        exec(html.unescape(code), place)
        assert place["meta"].support == ("first" if "--time=visit" in how else "random")
        assert place["meta"].spec_.fixed_split == bool(how)
    # A mean of any four visits is nearer to the others than that of the first four.
    assert errors[("--time=visit",)] > 1.3 * errors[()]


def test_a_meta_dataset_is_evaluated_as_it_is_given(tmp_path, capsys):
    table = drifting_visits()
    tasks = skmeta.MetaDataset(
        table[["dose"]], table["level"], table["patient"], in_support=table["known"]
    )
    result = evaluate(
        tasks,
        shots=[2, 4],
        algorithms=["r2d2"],
        plain=["mean"],
        max_epochs=1,
        out=tmp_path,
    )
    of_task = result.problem.groups == result.verdict.duel.tasks[0]
    own = result.problem.y[of_task], result.problem.in_support[of_task]
    assert own[1].sum() == 4
    assert (
        "known of a new task: any of the rows that are given" in capsys.readouterr()[0]
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "table = table_of(tasks)" in page
