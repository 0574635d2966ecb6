"""Every example runs, from its own file, as a reader would run it."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import forked

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(ROOT.joinpath("examples").glob("*.py"))
# A notebook for each kind of user: two of them run here, all where the site is built.
LONGER = {
    "20_sales_by_region",
    "22_patients",
    "24_ratings",
    "25_purchases",
    "26_sales_by_store",
}


def run(path):
    """Do as ``python path`` does."""
    sys.argv, sys.path[0] = [str(path)], str(path.parent)
    runpy.run_path(str(path), run_name="__main__")


def test_there_are_examples_and_they_are_numbered():
    assert len(EXAMPLES) >= 5
    assert all(path.name[:2].isdigit() for path in EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    if path.stem in LONGER:
        pytest.skip("it runs where the site is built")
    for word, needed in {"optuna": "optuna", "onnx": "onnxruntime"}.items():
        if word in path.stem and find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    # An example needs nothing but what is installed.
    done = forked.run(run, path, cwd=tmp_path, environment={"MPLBACKEND": "Agg"})
    assert done.exitcode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    title = path.read_text().split("\n")[1]
    assert title.strip() == title != ""
