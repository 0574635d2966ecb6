"""Few training classes: what memorises them, and what docs/few_classes.md advises."""

from pathlib import Path

import numpy as np
import pytest


@pytest.mark.slow
def test_the_recommended_settings_beat_the_nearest_centroid_where_plain_ones_lose(
    monkeypatch,
):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import digits

    splits = digits.draw_splits(2)
    base = np.array(
        [[digits.score_centroids(old, n) for n in digits.SHOTS] for old in splits]
    )
    for name, learner in digits.make_learners().items():
        scores, _ = digits.measure(*learner, splits)
        if name.endswith("recommended"):
            assert (scores > base + 0.01).all(), name
        else:
            assert (scores < base).all(), name
