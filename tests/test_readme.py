"""The code of the front pages runs as it stands, and says what it says."""

import re
from pathlib import Path

import pytest
import sklearn

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
START = ROOT / "docs" / "start.md"


def run(page):
    """Run a page's blocks of code one after another; return what they leave."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    assert blocks
    scope = {}
    with sklearn.config_context():
        for block in blocks:
            exec(compile(block, str(page), "exec"), scope)
    return scope


def test_the_answers_of_the_readme_are_as_near_as_it_says():
    scope = run(README)
    asked = scope["pigs"][scope["new"]]
    errors = (scope["answers"] - asked["Weight"]).drop(scope["known"].index).abs()
    [claimed] = re.findall(r"These answers are off by ([\d.]+) kg", README.read_text())
    assert errors.groupby(asked["Pig"]).mean().mean() == pytest.approx(
        float(claimed), abs=0.15
    )


def test_the_readme_is_one_screen():
    assert len(README.read_text().splitlines()) <= 50


@pytest.mark.slow
def test_two_minutes_run(capsys):
    scope = run(START)
    printed = capsys.readouterr().out.splitlines()
    off = float(re.search(r"off by ([\d.]+) kg", printed[0])[1])
    assert off < 2.5
    assert float(printed[1]) > 0.9
    assert scope["search"].best_params_


@pytest.mark.parametrize("page", [README, START], ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page):
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    assert not re.findall(r"\b[A-Z]+_[A-Z]+\b|TODO|\bXXX\b", prose)


def test_pictures_are_there():
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README.read_text()):
        assert (README.parent / path).is_file()
