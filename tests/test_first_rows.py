"""support="first" and given supports: what comes first is learnt, what follows asked.

Everywhere the same: in training, in every score, through pipelines and searches, in
ensembles and in files. The only feature of the tasks here is the time.
"""

import numpy as np
import pytest
import sklearn
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skmeta
from skmeta import MetaClassifier, MetaDataset, MetaRegressor
from skmeta.algorithms import CNP, MAML, ProtoNet
from skmeta.display import FewShotCurveDisplay, TaskScoreDisplay
from skmeta.ensemble import MetaStackingRegressor, judging
from skmeta.estimators import misfit_scoring
from skmeta.model_selection import (
    MixedLinear,
    compare,
    few_shot_curve,
    few_shot_scorer,
)
from tests.conftest import QUICK

N_TASKS, N_ROWS = 12, 14
ERROR = "neg_mean_absolute_error"


@pytest.fixture(scope="module")
def drifting():
    """Tasks whose level drifts, rows of all tasks mixed, each in its order of time."""
    rng = np.random.default_rng(0)
    task = rng.permutation(np.repeat(np.arange(N_TASKS), N_ROWS))
    time = np.empty(len(task))
    for one in range(N_TASKS):
        time[task == one] = np.arange(N_ROWS)
    level = rng.normal(size=N_TASKS)[task]
    return time[:, np.newaxis], level + time / 5 + rng.normal(size=len(task)) / 9, task


@pytest.fixture(scope="module")
def given(drifting):
    """The same, with a fifth to a half of every task given as support."""
    X, y, task = drifting
    return MetaDataset(X, y, task, in_support=X[:, 0] % 6 <= task % 3)


def error_of_mean(y, task, support, query):
    """Judge the mean of each task's support on its query."""
    errors = [
        np.abs(y[query & (task == one)] - y[support & (task == one)].mean()).mean()
        for one in np.unique(task)
    ]
    return -np.mean(errors)


def mean_of_support():
    return DummyRegressor()


def test_every_judge_learns_the_first_rows_and_asks_the_rest(drifting):
    X, y, task = drifting
    time = X[:, 0]
    expected = error_of_mean(y, task, time < 3, time >= 3)
    first = {"support": "first"}
    scorer = few_shot_scorer(ERROR, n_shot=3, **first)
    assert scorer(mean_of_support(), X, y, task) == pytest.approx(expected)
    options = {"metric": ERROR, "test_groups": np.unique(task), **first}
    curve = few_shot_curve(
        mean_of_support(), X, y, task, shots=(1, 3, 5), n_query=4, **options
    )
    for n_shot, score in zip(curve.shots, curve.score, strict=True):
        # The same is asked whatever is known.
        asked = (time >= 5) & (time < 9)
        assert score == pytest.approx(error_of_mean(y, task, time < n_shot, asked))
    named = {"a": mean_of_support(), "b": Ridge()}
    found = compare(named, X, y, task, shots=3, **options)
    assert found.scores.score[0] == pytest.approx(expected)
    assert set(found.per_task["repeat"]) == {0}  # there is but one split
    drawn = TaskScoreDisplay.from_estimator(
        *named.values(), X, y, task, shots=3, plot=False, **options
    )
    assert drawn.score.mean() == pytest.approx(expected)
    drawn = FewShotCurveDisplay.from_estimator(
        mean_of_support(), X, y, task, shots=3, plot=False, **options
    )
    assert drawn.curve.score[0] == pytest.approx(expected)


def test_every_judge_takes_given_supports(drifting, given):
    X, y, task = drifting
    known = given.in_support
    whole = error_of_mean(y, task, known, ~known)
    scorer = few_shot_scorer(ERROR, n_shot=None)
    assert scorer(mean_of_support(), given) == pytest.approx(whole)
    assert scorer(mean_of_support(), X, y, task, known) == pytest.approx(whole)
    two = known & (
        np.cumsum(np.eye(N_TASKS)[task] * known[:, None], axis=0)[
            np.arange(len(task)), task
        ]
        <= 2
    )
    some = error_of_mean(y, task, two, ~known)
    options = {"metric": ERROR, "support": "first", "test_groups": np.unique(task)}
    curve = few_shot_curve(mean_of_support(), given, shots=2, **options)
    assert curve.score[0] == pytest.approx(some)
    found = compare([mean_of_support(), Ridge()], given, shots=None, **options)
    assert found.scores.score[0] == pytest.approx(whole)
    assert set(found.scores.shots) == {np.bincount(task, known).max()}
    with pytest.raises(ValueError, match="No task is given 30 rows"):
        few_shot_curve(mean_of_support(), given, shots=30, **options)
    with pytest.raises(ValueError, match="takes supports as they are given"):
        compare([Ridge()], X, y, task, shots=None)
    with pytest.raises(ValueError, match="takes supports as they are given"):
        scorer(Ridge(), X, y, task)


def test_random_supports_may_be_drawn_of_the_given_ones(drifting, given):
    _, y, task = drifting
    seen = []

    def watch(true, answers):
        seen.append((len(true), answers[0]))
        return 0.0

    few_shot_curve(
        mean_of_support(),
        given,
        shots=1,
        metric=watch,
        test_groups=np.unique(task),
        n_repeats=80,
    )
    known = given.in_support
    assert {value for _, value in seen} == {*y[known]}  # each is drawn some time
    assert sum(n for n, _ in seen) == 80 * (~known).sum()


def test_a_few_shot_score_of_an_estimator_takes_the_first_rows(drifting):
    X, y, task = drifting
    meta = MetaRegressor("r2d2", n_shot=4, support="first", **QUICK).fit(X, y, task)
    early = X[:, 0] < 4
    as_given = MetaDataset(X, y, task, in_support=early)
    assert meta.score(X, y, groups=task) == meta.score(as_given)
    at_random = meta.score(X, y, groups=task, support="random")
    assert at_random != meta.score(X, y, groups=task)
    other = skmeta.MetaRegressor("r2d2", n_shot=4, **QUICK).fit(X, y, task)
    assert other.score(X, y, groups=task, support="first") == other.score(as_given)
    with pytest.raises(ValueError, match="'random' or 'first'"):
        meta.score(X, y, groups=task, support="last")


def test_none_is_as_the_meta_learners_have_it(drifting):
    X, y, task = drifting
    tasks = {"test_groups": np.unique(task)[:4]}
    first = MetaRegressor("r2d2", support="first", **QUICK)
    at_random = MetaRegressor("r2d2", **QUICK)
    pipe = make_pipeline(FunctionTransformer(), first)
    search = GridSearchCV(first, {"n_shot": [3]})
    for estimator in (first, pipe, search):
        named = {"meta": estimator, "plain": MixedLinear("regressor")}
        if estimator is search:
            with pytest.raises(ValueError, match="say support="):
                few_shot_curve([search, at_random], X, y, task, shots=3, **tasks)
            continue
        frame = few_shot_curve(named, X, y, task, shots=3, per_task=True, **tasks)
        asked = few_shot_curve(
            named, X, y, task, shots=3, per_task=True, support="first", **tasks
        )
        assert frame.equals(asked)
    plain = [Ridge()], X, y, task
    of_plain = few_shot_curve(*plain, shots=3, **tasks)
    assert of_plain.equals(few_shot_curve(*plain, shots=3, support="random", **tasks))
    with pytest.raises(ValueError, match="'random' or 'first'"):
        few_shot_curve(*plain, support="last")
    with pytest.raises(ValueError, match="'random' or 'first'"):
        few_shot_scorer(ERROR, support="last")(Ridge(), X, y, task)


def test_who_splits_tasks_does_not_change_their_order(drifting):
    X, y, task = drifting
    rng = np.random.default_rng(1)
    [split] = few_shot_splits(task)
    options = {"shots": 3, "metric": ERROR, "support": "first"}
    expected = few_shot_curve(mean_of_support(), X, y, task, cv=[split], **options)
    shuffled = [tuple(map(rng.permutation, split))]
    found = few_shot_curve(mean_of_support(), X, y, task, cv=shuffled, **options)
    assert found.equals(expected)


def few_shot_splits(task):
    return [(np.flatnonzero(task >= 4), np.flatnonzero(task < 4))]


class Watching(CNP):
    """Keeps the times of every episode that it is trained or validated on."""

    episodes = []

    def meta_loss(self, module, episode):
        self.episodes.append(episode)
        return super().meta_loss(module, episode)

    def adapt(self, module, support):
        self.supports.append(support)
        return super().adapt(module, support)

    supports = []


@pytest.mark.parametrize("tasks", ["groups", "table"])
def test_training_learns_what_comes_first(drifting, tasks):
    X, y, task = drifting
    if tasks == "table":
        X = np.arange(len(y), dtype=float)[:, np.newaxis]
    Watching.episodes.clear()
    meta = MetaRegressor(
        Watching(), tasks=tasks, n_shot=(1, 4), support="first", **QUICK
    )
    meta.fit(X, y, task)
    n_seen = 0
    for support, query in Watching.episodes:
        latest = support.X[..., 0].masked_fill(~support.mask, -9).amax(dim=1)
        earliest = query.X[..., 0].masked_fill(~query.mask, 9).amin(dim=1)
        assert (latest < earliest).all()
        n_seen += len(latest)
    assert n_seen >= 16


def test_a_pool_of_classes_is_asked_for_what_follows_in_each():
    X = np.arange(120.0)[:, np.newaxis]
    y = np.arange(120) % 10
    meta = MetaClassifier(
        ProtoNet(), tasks="classes", n_shot=2, support="first", **QUICK
    ).fit(X, y)
    sampled = few_shot_scorer("accuracy", n_shot=2, n_episodes=5, random_state=1)
    assert 0 <= sampled(meta, X, y) <= 1
    rounds = list(sampled._rounds(meta, scorer_of_classes(X, y), True, None))
    for drawn in rounds:
        learnt, asked = drawn.support(2), drawn.query(2)
        for episode in range(5):
            here = drawn.episode == episode
            for label in np.unique(y[drawn.row[here]]):
                own = here & (y[drawn.row] == label)
                last = drawn.row[own & learnt].max()
                assert (drawn.row[own & asked] > last).all()


def scorer_of_classes(X, y):
    from skmeta.model_selection._task_scores import TaskScorer

    return TaskScorer(X, y, None, "per_task")


def test_training_keeps_given_supports(drifting, given):
    X, _, task = drifting
    known = {*map(float, X[given.in_support & (task == 0), 0])}
    Watching.episodes.clear()
    only = given[[0]]
    meta = MetaRegressor(Watching(), n_shot=(1, 3), normalize=None, **QUICK).fit(only)
    for support, query in Watching.episodes:
        assert {*support.X[support.mask][:, 0].tolist()} <= known
        assert not {*query.X[query.mask][:, 0].tolist()} & known
    again = MetaRegressor(Watching(), n_shot=(1, 3), normalize=None, **QUICK)
    again.fit(only.X, only.y, only.groups, in_support=only.in_support)
    np.testing.assert_array_equal(meta.adapt().predict(X), again.adapt().predict(X))
    assert meta.spec_.fixed_split


def test_tasks_given_on_one_side_only_are_left_out_with_a_warning(drifting):
    X, y, task = drifting
    known = (X[:, 0] < 5) | (task == 3)
    with pytest.warns(UserWarning, match="1 training task has no row given as supp"):
        MetaRegressor("r2d2", n_shot=3, **QUICK).fit(X, y, task, in_support=known)
    with pytest.raises(ValueError, match="as in_support gives them"):
        MetaRegressor("r2d2", **QUICK).fit(X, y, task, in_support=task < 99)
    with pytest.raises(ValueError, match="True or False"):
        MetaRegressor("r2d2", **QUICK).fit(X, y, task, in_support=task)


def test_rows_of_weight_0_are_not_among_the_first(drifting):
    X, y, task = drifting
    weight = (X[:, 0] >= 2).astype(float)
    Watching.episodes.clear()
    MetaRegressor(Watching(), n_shot=3, support="first", normalize=None, **QUICK).fit(
        X, y, task, sample_weight=weight
    )
    times = [s.X[s.mask][:, 0].min().item() for s, _ in Watching.episodes]
    assert min(times) == 2


def test_what_would_choose_other_rows_is_refused(drifting):
    X, y, task = drifting
    label = y > 1
    with pytest.raises(ValueError, match="stratify=True"):
        MetaClassifier("protonet", support="first", stratify=True, **QUICK).fit(
            X, label, task
        )
    with pytest.raises(ValueError, match="n_splits=1"):
        MetaClassifier(ProtoNet(n_splits=2), support="first", **QUICK).fit(
            X, label, task
        )
    with pytest.raises(ValueError, match="'support'"):
        MetaRegressor(support="last", **QUICK).fit(X, y, task)


def test_searches_and_pipelines_hand_on_which_rows_are_known(drifting, given):
    X, y, task = drifting
    pipe = make_pipeline(FunctionTransformer(), MetaRegressor("r2d2", **QUICK))
    grid = {"metaregressor__support": ["random", "first"]}
    with sklearn.config_context(enable_metadata_routing=True):
        for scoring in (few_shot_scorer(ERROR, n_shot=3, support="first"), None):
            search = GridSearchCV(pipe, grid, cv=GroupKFold(3), scoring=scoring)
            search.fit(X, y, groups=task)
            assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        alone = GridSearchCV(
            MetaRegressor("r2d2", **QUICK),
            {"n_shot": [2, 3]},
            cv=GroupKFold(3),
            scoring=few_shot_scorer(ERROR, n_shot=None),
            error_score="raise",
        ).fit(X, y, groups=task, in_support=given.in_support)
        score = pipe.fit(X, y, groups=task).score(X, y, groups=task, support="first")
    assert alone.best_estimator_.spec_.fixed_split
    assert score == pipe[-1].score(X, y, groups=task, support="first")


@pytest.mark.parametrize("refit", [True, False])
def test_ensembles_weigh_by_the_first_rows(drifting, monkeypatch, refit):
    X, y, task = drifting
    seen = watch_questions(monkeypatch)
    members = [
        ("r2d2", MetaRegressor("r2d2", support="first", **QUICK)),
        ("ridge", Ridge()),
    ]
    stack = MetaStackingRegressor(
        members, support="first", n_shot=(1, 4), refit=refit, random_state=0
    ).fit(X, y, task)
    for questions in seen:
        support, query = questions.support, questions.query
        for one in np.unique(query.task):
            learnt = support.X[support.task == one, 0]
            assert (learnt == np.arange(len(learnt))).all()
            assert query.X[query.task == one, 0].min() == len(learnt)
    early = MetaDataset(X, y, task, in_support=X[:, 0] < 4)
    assert stack.score(X, y, groups=task) == stack.score(early)


def test_ensembles_weigh_by_given_supports(drifting, given, monkeypatch):
    X, y, _ = drifting
    seen = watch_questions(monkeypatch)
    members = [("r2d2", MetaRegressor("r2d2", **QUICK)), ("ridge", Ridge())]
    stack = MetaStackingRegressor(members, n_shot=(1, 2), random_state=0).fit(given)
    known = {*zip(X[given.in_support, 0], y[given.in_support], strict=True)}
    for support, query, *_ in seen:
        assert {*zip(support.X[:, 0], support.y, strict=True)} <= known
        assert not {*zip(query.X[:, 0], query.y, strict=True)} & known
    assert seen
    assert stack.named_estimators_["r2d2"].spec_.fixed_split


def watch_questions(monkeypatch):
    seen, simulate = [], judging.simulate
    monkeypatch.setattr(
        judging,
        "simulate",
        lambda *given, **how: seen.append(simulate(*given, **how)) or seen[-1],
    )
    return seen


def test_default_members_train_as_the_ensemble_judges():
    stack = MetaStackingRegressor(support="first")
    own = dict(stack._default_members(0))
    assert own["gp"].support == "first"
    assert dict(MetaStackingRegressor()._default_members(0))["gp"].support == "random"


def test_it_is_kept_by_clone_and_in_files(drifting, tmp_path):
    X, y, task = drifting
    meta = MetaRegressor("r2d2", support="first", **QUICK).fit(X, y, task)
    meta.save(tmp_path / "meta.skmeta")
    loaded = skmeta.load(tmp_path / "meta.skmeta")
    assert loaded.support == "first"
    assert loaded.spec_.fixed_split
    assert loaded.score(X, y, groups=task) == meta.score(X, y, groups=task)
    assert sklearn.clone(meta).support == "first"
    assert sklearn.clone(few_shot_scorer(ERROR, support="first")).support == "first"


def test_inner_steps_are_shown_on_the_rows_that_are_judged(drifting):
    X, y, task = drifting
    meta = MetaRegressor(MAML(inner_steps=1), support="first", n_shot=3, **QUICK)
    meta.fit(X, y, task)
    shown = skmeta.display.AdaptationDisplay.from_estimator(
        meta, X, y, task, steps=[1], plot=False
    )
    assert shown.mean[0] == pytest.approx(meta.score(X, y, groups=task))
    asked = skmeta.display.AdaptationDisplay.from_estimator(
        meta, X, y, task, steps=[1], support="random", plot=False
    )
    assert shown.mean[0] != asked.mean[0]


@pytest.mark.parametrize("is_given", [False, True])
def test_intervals_are_calibrated_by_the_rows_that_are_known(
    drifting, given, monkeypatch, is_given
):
    X, y, task = drifting
    known = given.in_support if is_given else None
    meta = MetaRegressor("r2d2", n_shot=3, support="first", **QUICK)
    meta.fit(X, y, task, in_support=known)
    learnt, take = [], misfit_scoring._take
    monkeypatch.setattr(
        misfit_scoring,
        "_take",
        lambda *parts: learnt.append(take(*parts)) or learnt[-1],
    )
    asked, misfits = [], type(meta)._misfits
    monkeypatch.setattr(
        type(meta),
        "_misfits",
        lambda self, adapted, X, task, y: (
            asked.append((X[:, 0], y)) or misfits(self, adapted, X, task, y)
        ),
    )
    calibrated = meta.calibrate(cv=2).calibration_
    assert calibrated.n_tasks.max() == N_TASKS
    assert learnt
    may = {*y} if known is None else {*y[known]}
    for rows in learnt:
        assert {*rows.y} <= may
        for one in np.unique(rows.task):
            times = np.sort(rows.X[rows.task == one, 0])
            own = [np.sort(X[task == each, 0]) for each in range(N_TASKS)]
            if is_given:
                own = [np.sort(X[known & (task == each), 0]) for each in range(N_TASKS)]
            assert any(np.array_equal(times, each[: len(times)]) for each in own)
    if is_given:
        for _, targets in asked:
            assert not {*targets} & may
    if not is_given:  # not the next ones only, but any that follow
        latest = max(times.max() for times, _ in asked)
        assert latest == N_ROWS - 1
    display = skmeta.display.CoverageDisplay.from_estimator
    how = {"n_shot": 3, "coverages": [0.5], "plot": False}
    early = MetaDataset(X, y, task, in_support=X[:, 0] < 3)
    np.testing.assert_array_equal(
        display(meta, X, y, task, **how).found, display(meta, early, **how).found
    )


def test_repeats_and_folds_ask_all_tasks_by_the_supports_they_have(drifting):
    X, y, task = drifting
    known = X[:, 0] < 1 + task  # of every task another number of rows, up to twelve
    tasks = MetaDataset(X, y, task, in_support=known)
    whole = error_of_mean(y, task, known, ~known)
    options = {"metric": ERROR, "shots": None, "cv": 3}
    scores = compare([mean_of_support(), Ridge()], tasks, n_repeats=3, **options).scores
    assert scores.score[0] == pytest.approx(whole)
    assert scores.shots.tolist() == [N_TASKS] * 2
    assert scores.n_tasks.tolist() == [N_TASKS] * 2


def test_searches_score_candidates_by_the_supports_that_are_given(drifting, given):
    X, y, task = drifting
    known = given.in_support
    meta = MetaRegressor("r2d2", n_shot=3, **QUICK)
    stack = MetaStackingRegressor([("r2d2", meta)], n_shot=3, random_state=0)
    for each in (meta, stack):
        fitted = sklearn.clone(each).fit(given)
        as_given = fitted.score(given)
        assert fitted.score(X, y, groups=task, in_support=known) == as_given
        assert fitted.score(X, y, groups=task) != as_given
        with pytest.raises(ValueError, match="pass groups="):
            fitted.score(X, y, in_support=known)
        with pytest.raises(ValueError, match="True or False"):
            fitted.score(X, y, groups=task, in_support=task)
    one = [(np.arange(len(task)), np.arange(len(task)))]
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(meta, {"n_shot": [3]}, cv=one, error_score="raise")
        search.fit(X, y, groups=task, in_support=known)
    expected = sklearn.clone(meta).fit(given).score(given)
    assert search.best_score_ == expected


@pytest.mark.slow
def test_first_rows_are_met_as_scored_and_learnt_better_when_trained_for():
    rng = np.random.default_rng(0)
    n_tasks, n_rows = 120, 20
    task = np.repeat(np.arange(n_tasks), n_rows)
    passed = np.tile(np.arange(n_rows) / n_rows, n_tasks)
    X = rng.normal(size=(len(task), 1))
    y = rng.normal(size=n_tasks)[task] + rng.normal(2, 0.5, size=n_tasks)[task] * passed
    y += X[:, 0] * rng.normal(0, 0.5, size=n_tasks)[task]
    y += rng.normal(0, 0.2, size=len(task))
    new = task >= 80
    told = {"n_shot": 5, "max_epochs": 6, "random_state": 0}
    scores = {}
    for support in ("random", "first"):
        meta = MetaRegressor("gp", support=support, **told)
        meta.fit(X[~new], y[~new], task[~new])
        for judged in ("random", "first"):
            scores[support, judged] = meta.score(
                X[new], y[new], groups=task[new], support=judged
            )
        # What a user meets: five rows have come, the others are asked later.
        few = new & (passed < 5 / n_rows)
        later = new & ~few
        meta.adapt(X[few], y[few], groups=task[few])
        answers = meta.predict(X[later], groups=task[later])
        of_task = [task[later] == one for one in np.unique(task[new])]
        met = [r2_score(y[later][own], answers[own]) for own in of_task]
        assert scores[support, "first"] == pytest.approx(np.mean(met), abs=1e-3)
    # Random rows flatter by far; who trained for the first ones does better by them.
    assert scores["random", "random"] > scores["random", "first"] + 1
    assert scores["first", "first"] > scores["random", "first"] + 1


@pytest.mark.parametrize("lacking", ["support", "query"])
def test_a_task_that_is_given_one_side_only_takes_nothing_from_others(
    drifting, lacking
):
    X, y, task = drifting
    known = np.where(task == 0, lacking == "query", X[:, 0] < 4)
    tasks, others = (
        MetaDataset(X[own], y[own], task[own], in_support=known[own])
        for own in (task >= 0, task > 0)
    )
    score = few_shot_scorer(ERROR, n_shot=None)
    wanted = score(mean_of_support(), others)
    with pytest.warns(UserWarning, match="1 of 12 tasks"):
        assert score(mean_of_support(), tasks) == pytest.approx(wanted)
    with pytest.warns(UserWarning, match="1 of 12 tasks are left out: they are given"):
        curve = few_shot_curve(
            mean_of_support(),
            tasks,
            shots=None,
            metric=ERROR,
            test_groups=np.arange(N_TASKS),
        )
    assert curve.score[0] == pytest.approx(wanted)


def test_a_task_that_is_given_no_support_is_answered_by_the_prior(drifting):
    X, y, task = drifting
    tasks = MetaDataset(X, y, task, in_support=(X[:, 0] < 4) & (task > 0))
    meta = MetaRegressor("r2d2", n_shot=3, **QUICK).fit(X, y, task)
    scores = few_shot_scorer(ERROR, n_shot=None).per_task(meta, tasks)
    own = task == 0
    assert scores[0] == pytest.approx(
        -np.abs(meta.adapt().predict(X[own]) - y[own]).mean()
    )
    few = tasks.in_support
    meta.adapt(X[few], y[few], groups=task[few])
    answers = meta.predict(X[~few & ~own], groups=task[~few & ~own])
    errors = np.abs(answers - y[~few & ~own])
    of_task = [errors[task[~few & ~own] == one].mean() for one in range(1, N_TASKS)]
    np.testing.assert_allclose(scores[1:], -np.array(of_task), rtol=1e-5)
