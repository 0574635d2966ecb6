"""What the pages say of speed is what the benchmarks have measured."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_judging_takes_a_part_of_the_loop_and_evaluate_little_beyond_its_fits():
    file = ROOT / "benchmarks/results/judges.json"
    known = json.loads(file.read_text())["results"]
    page = " ".join((ROOT / "docs/judging.md").read_text().split())
    ratios = [known[kind]["processor ratio"] for kind in ("regressor", "classifier")]
    assert min(ratios) >= 5
    values, classes = (f"1/{ratio:.0f}" for ratio in ratios)
    said = f"{values} of the processor time of the loop over tasks for values"
    assert f"{said} and {classes} for classes" in page
    whole = known["evaluate"]
    assert whole["ratio"] <= 2
    assert f"{whole['ratio']:.2f} times what its learners' own fits take" in page
    for kind in ("regressor", "classifier"):
        apart = [v["mean difference"] for v in known[kind].values() if type(v) is dict]
        assert max(apart) < 1e-6
