"""The verdict, as plain as the scores allow."""

import numpy as np
import pytest

from skmeta.evaluation.verdict import make_verdict
from skmeta.evaluation.wording import MetricWording
from tests.evaluation.conftest import scores_of


@pytest.mark.parametrize(
    ("gain", "outcome", "says"),
    [
        (0.1, "helps", "Meta-learning helps here"),
        (-0.1, "hurts", "does not help here"),
        (0.0, "level", "does not clearly help"),
    ],
)
def test_the_verdict_is_plain(gain, outcome, says):
    scores = scores_of(gain)
    verdict = make_verdict(
        scores,
        ["cnp", "maml"],
        ["dummy", "ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == outcome
    assert says in verdict.headline
    duel = verdict.duel
    assert (duel.shots, duel.meta, duel.plain) == (5, "maml", "ridge")
    assert duel.n_won + duel.n_lost == 20
    assert ("Take the plain way, ridge" in verdict.text) == (outcome != "helps")
    assert [each.shots for each in verdict.duels] == [1, 5, 10]


def test_too_few_tasks_decide_nothing():
    verdict = make_verdict(
        scores_of(0.3, n_tasks=3),
        ["maml"],
        ["ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == "level"
    assert "judge on more of them" in verdict.text


def test_shots_that_one_has_no_answer_at_are_passed_over():
    scores = scores_of(0.1)
    scores = scores[(scores.shots > 1) | (scores.estimator == "maml")]
    given = {"metric": MetricWording("accuracy"), "shot": "labelled row"}
    assert [
        d.shots for d in make_verdict(scores, ["maml"], ["ridge"], **given).duels
    ] == [
        5,
        10,
    ]
    with pytest.raises(ValueError, match="No task has a score"):
        make_verdict(scores, ["maml"], ["nobody"], **given)


def test_tasks_that_one_cannot_be_scored_on_are_left_out():
    scores = scores_of(0.1)
    scores.loc[(scores.task == 4) & (scores.estimator == "maml"), "score"] = np.nan
    verdict = make_verdict(
        scores,
        ["maml"],
        ["ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert 4 not in verdict.duel.tasks
    assert len(verdict.duel.tasks) == 19


def test_other_numbers_of_shots_with_another_answer_are_named():
    scores = scores_of(0.1)
    late = (scores.shots == 10) & (scores.estimator == "ridge")
    scores.loc[late, "score"] += 0.3
    verdict = make_verdict(
        scores,
        ["maml"],
        ["ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == "helps"
    assert "After 10 labelled rows, ridge is ahead of maml by 0.193" in verdict.text
    assert "After 1 labelled" not in verdict.text
