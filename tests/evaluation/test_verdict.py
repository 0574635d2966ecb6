"""The verdict, as plain as the scores allow."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from skmeta.evaluation.choice import Choice
from skmeta.evaluation.verdict import against_others, make_verdict
from skmeta.evaluation.wording import MetricWording
from skmeta.model_selection._statistics import holm
from tests.evaluation.conftest import scores_of


def choice(meta="maml", plain="ridge", shots=5):
    return Choice(meta, plain, shots, pd.Series({meta: 0.8, plain: 0.7}), 12)


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
        choice(),
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
        choice(),
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == "level"
    assert "judge on more of them" in verdict.text


def test_shots_that_one_has_no_answer_at_are_passed_over():
    scores = scores_of(0.1)
    scores = scores[(scores.shots > 1) | (scores.estimator == "maml")]
    given = {"metric": MetricWording("accuracy"), "shot": "labelled row"}
    duels = make_verdict(scores, choice(), **given).duels
    assert [duel.shots for duel in duels] == [5, 10]
    for wrong in (choice(shots=1), choice(plain="nobody")):
        with pytest.raises(ValueError, match="No task has a score for both"):
            make_verdict(scores, wrong, **given)


@pytest.mark.parametrize("other", [0.3, -0.3])
def test_who_was_not_chosen_never_makes_the_verdict(other):
    scores = scores_of(0.0)
    mine = (scores.estimator == "cnp") | (scores.estimator == "dummy")
    scores.loc[mine, "score"] += other
    given = {"metric": MetricWording("accuracy"), "shot": "labelled row"}
    verdict = make_verdict(scores, choice(), **given)
    assert verdict.outcome == "level"
    assert (verdict.duel.meta, verdict.duel.plain) == ("maml", "ridge")


def test_others_are_tested_against_the_plain_way_with_holms_correction():
    scores = scores_of(0.1)
    tests = against_others(scores, choice()).set_index("estimator")
    assert set(tests.index) == {"cnp", "dummy"}
    assert tests.difference["dummy"] == pytest.approx(-0.3)
    assert tests.won["dummy"] == 0
    table = scores[scores.shots == 5].pivot(
        index="task", columns="estimator", values="score"
    )
    gains = table.sub(table["ridge"], axis=0).round(9)  # 0.1 less is a tie for both
    p_values = [wilcoxon(gains[name]).pvalue for name in tests.index]
    np.testing.assert_allclose(tests.p_value, p_values)
    np.testing.assert_allclose(tests.p_holm, holm(p_values))
    assert (tests.p_holm > tests.p_value).any()


def test_tasks_that_one_cannot_be_scored_on_are_left_out():
    scores = scores_of(0.1)
    scores.loc[(scores.task == 4) & (scores.estimator == "maml"), "score"] = np.nan
    verdict = make_verdict(
        scores,
        choice(),
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
        choice(),
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == "helps"
    assert "After 10 labelled rows, ridge is ahead of maml by 0.193" in verdict.text
    assert "After 1 labelled" not in verdict.text
