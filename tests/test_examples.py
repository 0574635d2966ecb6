"""Every example runs, from its own file, as a reader would run it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

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
    environment = {
        **os.environ,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,  # an example needs nothing but what is installed
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    title = path.read_text().split("\n")[1]
    assert title.strip() == title != ""
