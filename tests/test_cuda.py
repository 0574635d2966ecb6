"""What benchmarks/cuda.py measures without a card, and keeps of a broken part."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(sys, "path", sys.path)
    return importlib.import_module("cuda")


@pytest.fixture
def options(tmp_path):
    return SimpleNamespace(
        device="cpu",
        small=True,
        seconds=60,
        minutes=1,
        lines=tmp_path / "lines",
        out=tmp_path / "cuda.json",
    )


@pytest.mark.parametrize("part", ["machine", "steps", "tasks"])
def test_a_part_notes_numbers_and_no_error(benchmark, options, part):
    options.part = part
    benchmark.run_part(options)
    noted = dict(map(json.loads, options.lines.read_text().splitlines()))
    assert "error" not in str(noted)
    if part == "steps":
        assert all(took > 0 for took in noted["sine, on the card"].values())
        assert max(noted["sine, on the card: losses off by"].values()) < 1e-3
    if part == "tasks":
        rates = [own["tasks per second"] for own in noted.values() if own]
        assert len(rates) == 6
        assert min(rates) > 0


def test_what_a_part_has_noted_stays_when_it_breaks(benchmark, options, monkeypatch):
    def run_apart(name, seconds, options, lines):
        lines.write_text('["sine", {"skmeta": 1.5}]\n')
        return "ended with code 9"

    monkeypatch.setattr(benchmark, "run_apart", run_apart)
    options.parts = ["steps", "jax"]
    results = benchmark.measure(options)
    benchmark.report(results)
    assert json.loads(options.out.read_text())["results"].keys() == {"steps", "jax"}
    for found in results.values():
        assert found["sine"] == {"skmeta": 1.5}
        assert found["ended"] == "ended with code 9"


def test_no_part_begins_when_time_is_up(benchmark, options):
    options.minutes, options.parts = 0.1, ["steps"]
    assert benchmark.measure(options)["steps"]["ended"] == "no time left"
