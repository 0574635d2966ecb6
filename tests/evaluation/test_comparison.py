"""A learner that fails somewhere is told of."""

from skmeta.evaluation.comparison import _far_off
from tests.evaluation.conftest import scores_of


def test_a_learner_that_diverged_on_a_task_is_told_of():
    scores = scores_of(-0.1)
    scores["score"] *= -1
    assert _far_off(scores) == []
    scores.loc[scores.index[4], "score"] = -1e9
    name = scores.estimator.iloc[4]
    assert _far_off(scores)[0].startswith(f"{name}: its answers are far off on 1 task")
