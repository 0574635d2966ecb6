"""What an ensemble does with its members, whatever its targets are."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import MetaDataset, MetaRegressor
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.ensemble.weights import interpolate
from skmeta.model_selection import PerTask, Pooled, TaskSplit, few_shot_scorer
from tests.ensemble.conftest import few, slopes, value_members
from tests.quick import TINY


def test_members_are_refitted_on_all_tasks(stack, table):
    y = table[1]
    assert stack.n_tasks_ == 24
    pooled = stack.named_estimators_["pooled"]
    assert len(pooled.rows_[1]) == len(y)


def test_what_is_best_depends_on_the_size_of_the_support(stack):
    own, pooled = stack.weights_.T
    at = {size: place for place, size in enumerate(stack.support_sizes_.tolist())}
    assert pooled[at[1]] > own[at[1]]
    assert own[at[10]] > pooled[at[10]]
    assert pooled[at[0]] == 1  # a model of its own knows nothing of a task without rows
    assert np.isnan(stack.losses_[at[0], 0])


def test_a_stack_of_one_scores_as_its_member_does(table):
    X, y, task = table
    member = MetaRegressor("r2d2", n_shot=(1, 8), **TINY).fit(X, y, groups=task)
    stack = MetaStackingRegressor([("one", member)], n_shot=(1, 8), random_state=0)
    stack.fit(X, y, groups=task)
    assert stack.score(X, y, groups=task) == pytest.approx(
        member.score(X, y, groups=task)
    )
    stack.adapt(X[:6], y[:6]), member.adapt(X[:6], y[:6])
    assert stack.score(X, y) == pytest.approx(member.score(X, y))


def test_scoring_leaves_the_current_task_as_it_was(stack, table):
    X, y, task = table
    stack = copy.copy(stack).adapt(X[:6], y[:6])
    before = stack.predict(X)
    stack.score(X, y, groups=task)
    np.testing.assert_array_equal(stack.predict(X), before)


def test_a_judge_of_meta_learners_takes_it(stack, table):
    X, y, task = slopes(seed=3)
    own = few_shot_scorer("r2", n_shot=8)(stack, X, y, groups=task)
    pooled = stack.named_estimators_["pooled"]
    assert own > few_shot_scorer("r2", n_shot=8)(pooled, X, y, groups=task) + 0.1


# Weights ------------------------------------------------------------------------------


def test_equal_weights_leave_nothing_out(table, monkeypatch):
    X, y, task = table
    fits = []
    fit = Pooled.fit
    monkeypatch.setattr(Pooled, "fit", lambda *a, **k: fits.append(1) or fit(*a, **k))
    stack = MetaStackingRegressor(value_members(), weights="equal")
    np.testing.assert_array_equal(stack.fit(X, y, groups=task).weights_, [[0.5, 0.5]])
    assert len(fits) == 1
    assert np.isnan(stack.losses_).all()


def test_auto_lies_between_greedy_and_all_alike(table):
    X, y, task = table
    auto, greedy = (
        MetaStackingRegressor(value_members(), weights=weights, random_state=0)
        .fit(X, y, groups=task)
        .weights_[-1]
        for weights in ("auto", "greedy")
    )
    assert auto.max() < greedy.max()


@pytest.mark.parametrize("cv", [3, 50, TaskSplit(2), [(range(195), range(195, 300))]])
def test_any_split_of_tasks_can_judge(table, cv):
    X, y, task = table
    stack = MetaStackingRegressor(value_members(), cv=cv, random_state=0)
    weights = stack.fit(X, y, groups=task).weights_
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert len(weights) > 1


@pytest.mark.parametrize(
    "cv", [KFold(3, shuffle=True, random_state=0), [(range(200), range(200, 300))]]
)
def test_splits_that_part_a_task_are_refused(table, cv):
    X, y, task = table
    stack = MetaStackingRegressor(value_members(), cv=cv, random_state=0)
    with (
        pytest.raises(ValueError, match="cv leaves out rows of tasks that members are"),
        warnings.catch_warnings(action="ignore"),  # KFold says that it takes no groups
    ):
        stack.fit(X, y, groups=task)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([Ridge()], r"pairs of a name and an estimator.*not Ridge\(\)"),
        ([("own", Ridge)], "takes members that are a regressor; 'own' is <class"),
        ([("own", None)], "takes members that are a regressor; 'own' is None"),
    ],
    ids=str,
)
def test_what_is_no_list_of_named_estimators_is_refused(table, members, message):
    X, y, task = table
    with pytest.raises(TypeError, match=message):
        MetaStackingRegressor(members).fit(X, y, groups=task)


def test_the_fits_of_all_folds_answer_together_without_a_refit(table):
    X, y, task = table
    stack = MetaStackingRegressor(value_members(), refit=False, random_state=0)
    stack.fit(X, y, groups=task).adapt(X[:6], y[:6])
    fits = stack.named_estimators_["pooled"]
    assert [len(fit.rows_[1]) for fit in fits] == [240, 240, 240]  # two thirds each
    [weights] = interpolate(stack.weights_, stack.support_sizes_, np.array([6]))
    expected = 0
    for weight, name in zip(weights, stack.named_estimators_, strict=True):
        for fit in stack.named_estimators_[name]:
            expected = expected + weight / 3 * fit.adapt(X[:6], y[:6]).predict(X)
    np.testing.assert_allclose(stack.predict(X), expected)
    stack.set_params(weights="equal").fit(X, y, groups=task)
    np.testing.assert_array_equal(stack.weights_, [[0.5, 0.5]])


@pytest.mark.parametrize("cv", [None, 5])
@pytest.mark.parametrize("n_tasks", [2, 3, 4])
def test_few_tasks_are_enough(n_tasks, cv):
    X, y, task = slopes(n_tasks)
    stack = MetaStackingRegressor(value_members(), cv=cv).fit(X, y, groups=task)
    assert len(stack.weights_) == 1 if n_tasks < 4 else len(stack.weights_) > 1
    assert np.isfinite(stack.adapt(X[:3], y[:3]).predict(X)).all()


def test_tasks_of_one_row_are_weighed_alike():
    X, y, _ = slopes(4, 5)
    members = [("pooled", Pooled(Ridge())), ("linear", Pooled(LinearRegression()))]
    stack = MetaStackingRegressor(members, n_shot=5, random_state=0)
    stack.fit(X, y, groups=np.arange(len(y)))
    assert stack.support_sizes_.tolist() == [0]  # all that such tasks can tell
    assert stack.weights_.sum() == pytest.approx(1)


def test_two_fits_with_one_seed_are_the_same(table):
    X, y, task = table
    one, other = (
        MetaStackingRegressor(value_members(), random_state=3).fit(X, y, groups=task)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.weights_, other.weights_)


# Members that fail --------------------------------------------------------------------


class Broken(Ridge):
    def fit(self, X, y):
        raise ValueError("it is broken")


def test_a_member_that_cannot_be_fitted_is_left_out_and_named(table):
    X, y, task = table
    members = [*value_members(), ("bad", Pooled(Broken()))]
    members.append(("classes only", MetaRegressor("protonet", **TINY)))
    stack = MetaStackingRegressor(members, random_state=0)
    with pytest.warns(UserWarning, match="'bad'.* broken.* and 'classes only'") as seen:
        stack.fit(X, y, groups=task)
    assert len(seen) == 1
    assert [*stack.named_estimators_] == ["own", "pooled"]
    assert stack.weights_.shape[1] == 2


def test_an_ensemble_without_a_member_is_an_error(table):
    X, y, task = table
    stack = MetaStackingRegressor([("bad", MetaRegressor("protonet"))])
    with pytest.raises(ValueError, match="No member can be fitted: 'bad'"):
        stack.fit(X, y, groups=task)
    with pytest.raises(ValueError, match="estimators is empty"):
        MetaStackingRegressor([]).fit(X, y, groups=task)


class Wild(Ridge):
    """Its answers are not finite."""

    def predict(self, X):
        return np.full(len(X), np.nan)


def test_answers_that_are_not_finite_have_no_say(table):
    X, y, task = table
    for weights in ("auto", "equal"):
        members = [*value_members(), ("wild", Pooled(Wild()))]
        stack = MetaStackingRegressor(members, weights=weights, random_state=0)
        stack.fit(X, y, groups=task).adapt(X[:6], y[:6])
        assert np.isfinite(stack.predict(X)).all()


def test_members_of_the_other_kind_are_refused(table):
    X, y, task = table
    stack = MetaStackingRegressor([("classes", LogisticRegression())])
    with pytest.raises(TypeError, match="members that are a regressor; 'classes'"):
        stack.fit(X, y, groups=task)


def test_a_failed_fit_keeps_what_was_learnt(stack, table):
    X, y, task = table
    stack = copy.copy(stack).adapt(X[:6], y[:6])
    before = stack.predict(X)
    with pytest.raises(ValueError, match="groups contains NaN"):
        stack.fit(X, y, groups=np.where(task == 0, np.nan, task))
    np.testing.assert_array_equal(stack.predict(X), before)


# Rows as users bring them -------------------------------------------------------------


def test_groups_are_needed(table):
    X, y, _ = table
    with pytest.raises(ValueError, match="pass groups="):
        MetaStackingRegressor(value_members()).fit(X, y)


def test_columns_reach_members_by_name(table):
    X, y, task = table
    frame = pd.DataFrame(X, columns=["dose", "age"])
    by_name = make_column_transformer((StandardScaler(), ["dose"]))
    members = [("dose", Pooled(make_pipeline(by_name, Ridge()))), *value_members()]
    stack = MetaStackingRegressor(members, random_state=0).fit(frame, y, groups=task)
    assert len(stack.named_estimators_) == 3
    assert stack.feature_names_in_.tolist() == ["dose", "age"]
    assert stack.adapt(frame[:6], y[:6]).predict(frame).shape == y.shape
    stack.score(frame, y, groups=task)
    with pytest.raises(ValueError, match="feature names"):
        stack.predict(frame[["age", "dose"]])


def test_weights_of_rows_reach_members_that_take_them(table):
    X, y, task = table
    member = MetaRegressor("r2d2", **TINY)
    members = [("r2d2", member), ("own", LinearRegression())]
    stack = MetaStackingRegressor(members, random_state=0)
    weight = np.where(np.arange(len(y)) < 5, 2.0, 1.0)
    with pytest.warns(UserWarning, match="'own' .*sample_weight"):
        stack.fit(X, y, groups=task, sample_weight=weight)
    stack.adapt(X[:8], y[:8], sample_weight=weight[:8])
    alone = clone(member).fit(X, y, groups=task, sample_weight=weight)
    alone.adapt(X[:8], y[:8], sample_weight=weight[:8])
    np.testing.assert_allclose(stack.predict(X), alone.predict(X))


def test_a_meta_dataset_brings_its_tasks_and_splits(table):
    X, y, task = table
    tasks = MetaDataset(X, y, task, in_support=few(task))
    stack = MetaStackingRegressor(value_members(), random_state=0).fit(tasks)
    answers = stack.adapt(tasks).predict(X, groups=task)
    query = [~few(task) & (task == each) for each in range(24)]
    expected = np.mean([r2_score(y[own], answers[own]) for own in query])
    assert stack.score(tasks) == pytest.approx(expected)


# As scikit-learn's own ----------------------------------------------------------------


def test_parameters_of_members_are_reached_by_name():
    stack = MetaStackingRegressor([("r", MetaRegressor("r2d2")), ("own", Ridge())])
    stack.set_params(r__max_epochs=3, own=LinearRegression(), weights="equal")
    assert stack.estimators[0][1].max_epochs == 3
    assert isinstance(stack.get_params()["own"], LinearRegression)
    assert stack.get_params(deep=False).keys() == {
        *("estimators", "weights", "n_shot", "cv", "refit"),
        *("unknown_task", "random_state", "support"),
    }
    again = clone(stack)
    assert again.estimators[0][1] is not stack.estimators[0][1]
    assert repr(again) == repr(stack)


def test_default_members_become_parameters_when_one_of_them_is_set():
    stack = MetaStackingRegressor()
    name = stack._default_members(None)[0][0]
    stack.set_params(**{f"{name}__max_epochs": 3})
    assert dict(stack.estimators)[name].max_epochs == 3
    with pytest.raises(ValueError, match="Invalid parameter"):
        MetaStackingRegressor().set_params(nobody__alpha=3)


def test_a_search_reaches_members_through_a_pipeline(table):
    X, y, task = table
    pipe = make_pipeline(
        StandardScaler(), MetaStackingRegressor([("own", PerTask(Ridge()))])
    )
    grid = {"metastackingregressor__own__estimator__alpha": [0.1, 1e4]}
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(pipe, grid, cv=GroupKFold(2), error_score="raise")
        search.fit(X, y, groups=task)
        assert search.best_params_ == {next(iter(grid)): 0.1}
        skmeta.adapt(search, X[:9], y[:9])
    assert search.predict(X).shape == y.shape


def test_a_member_may_stand_at_the_end_of_a_pipeline(table):
    X, y, task = table
    own = ("own", make_pipeline(StandardScaler(), PerTask(LinearRegression())))
    stack = MetaStackingRegressor([own, value_members()[1]], random_state=0)
    stack.fit(X, y, groups=task).adapt(X[:9], y[:9])
    plain = MetaStackingRegressor(value_members(), random_state=0)
    plain.fit(X, y, groups=task).adapt(X[:9], y[:9])
    np.testing.assert_allclose(stack.predict(X), plain.predict(X))


def test_pickles_answer_the_same(stack, table):
    X, y, _ = table
    stack = copy.copy(stack).adapt(X[:6], y[:6])
    again = pickle.loads(pickle.dumps(stack))
    np.testing.assert_array_equal(again.predict(X), stack.predict(X))


def test_notebooks_say_who_has_how_much_say(stack, table):
    X, y, _ = table
    html = copy.copy(stack).adapt(X[:6], y[:6])._repr_html_()
    assert "24 tasks" in html
    assert "own 0." in html
    assert "PerTask" in html  # in the diagram
    assert "What it has learnt" not in MetaStackingRegressor()._repr_html_()


def test_the_defaults_suit_and_no_member_is_left_out(table):
    X, y, task = table
    for stack, target in [
        (MetaStackingRegressor(random_state=0), y),
        (MetaStackingClassifier(random_state=0), y > 0),
        (MetaStackingClassifier(label_space="per_task", random_state=0), y > 0),
    ]:
        names = [name for name, _ in stack._default_members(None)]
        for name, member in stack._default_members(None):
            if hasattr(member, "max_epochs"):
                stack.set_params(
                    **{f"{name}__{key}": value for key, value in TINY.items()}
                )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stack.fit(X, target, groups=task)
        assert [*stack.named_estimators_] == names
