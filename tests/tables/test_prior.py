"""A prior: fitted to all tasks, and for each training task to the others."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_info

from skmeta.tables.prior import Prior, cross_fit, make_part
from skmeta.tables.rows import TaskRows

PARTS = pytest.mark.parametrize("name", ["boosting", "linear"])


def draw(n_tasks=7, n_rows=6, n_classes=3, seed=0):
    """Rows of tasks of unequal size, their values and their classes."""
    rng = np.random.default_rng(seed)
    task = np.repeat(np.arange(n_tasks), n_rows + np.arange(n_tasks) % 3)
    X = rng.normal(size=(len(task), 3))
    values = X[:, 0] + task + 0.1 * rng.normal(size=len(task))
    return X, values, rng.integers(n_classes, size=len(task)), task


def fit(part, X, y, task, **given):
    if y.dtype.kind != "f":
        given.setdefault("classes", np.unique(y))
    return cross_fit([part], TaskRows.of(X, y, task), **given)


@PARTS
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_what_a_training_task_is_told_does_not_depend_on_its_own_targets(name, kind):
    X, values, codes, task = draw(n_tasks=3, n_rows=20)
    y = values if kind == "regressor" else codes
    part = make_part(name, kind, seed=0)
    _, before = fit(part, X, y, task)
    rng, moved = np.random.default_rng(1), 0.0
    for own in (0, 2):
        here, changed = task == own, y.copy()
        changed[here] = (
            rng.permutation(y[here]) + 5 if kind == "regressor" else 2 - y[here]
        )
        _, after = fit(part, X, changed, task)
        np.testing.assert_array_equal(after[here], before[here])
        moved += np.abs(after[~here] - before[~here]).max()
    assert moved > 0  # others do depend on them


def test_each_task_is_answered_by_what_was_fitted_to_others():
    X, y, _, task = draw(n_tasks=3)
    _, offset = fit(Ridge(), X, y, task, mean=2.0, scale=4.0)
    for own in range(3):  # three tasks, three folds
        others = Ridge().fit(X[task != own], y[task != own])
        wanted = (others.predict(X[task == own]) - 2.0) / 4.0
        np.testing.assert_allclose(offset[task == own, 0, 0], wanted, rtol=1e-5)


def test_new_rows_are_answered_by_what_was_fitted_to_all():
    X, y, _, task = draw()
    prior, _ = fit(Ridge(), X, y, task, mean=2.0, scale=4.0)
    wanted = (Ridge().fit(X, y).predict(X) - 2.0) / 4.0
    np.testing.assert_allclose(prior.offsets(X)[:, 0, 0], wanted, rtol=1e-5)


@pytest.mark.parametrize(("n_tasks", "n_fits"), [(2, 2), (4, 4), (9, 5)])
def test_there_are_no_more_folds_than_tasks(n_tasks, n_fits):
    X, y, _, task = draw(n_tasks)
    Counted.n_fits = 0
    fit(Counted(), X, y, task)
    assert Counted.n_fits == n_fits + 1


class Counted(RegressorMixin, BaseEstimator):
    n_fits = 0

    def fit(self, X, y):
        Counted.n_fits += 1
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_one_task_is_folded_by_rows():
    X, y, _, _ = draw()
    rows = TaskRows.of(X, y, None)
    prior, offset = cross_fit([KNeighborsRegressor(1)], rows)
    np.testing.assert_allclose(prior.offsets(X)[:, 0, 0], y, rtol=1e-5)
    assert not np.isclose(offset[:, 0, 0], y, rtol=1e-5).any()


def test_a_table_of_one_row_has_a_prior():
    rows = TaskRows.of(np.ones((1, 2)), np.ones(1), None)
    _, offset = cross_fit([Ridge()], rows)
    assert offset.shape == (1, 1, 1)
    assert np.isfinite(offset).all()


def test_classes_are_given_as_centred_logarithms_of_probabilities():
    X, _, y, task = draw()
    prior, _ = fit(GaussianNB(), X, y, task)
    offset = prior.offsets(X)[:, 0]
    log_p = np.log(GaussianNB().fit(X, y).predict_proba(X))
    wanted = log_p - log_p.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(offset, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(offset.sum(axis=1), 0.0, atol=1e-5)


@PARTS
def test_log_odds_of_two_classes_are_as_good_as_their_probabilities(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    part = make_part(name, "classifier", 0).fit(X, X[:, 0] > 0)
    rows = np.concatenate([X, X * np.geomspace(1.0, 1e4, 2000)[:, np.newaxis]])
    p = part.predict_proba(rows)
    assert p.min() < 1e-4 or name == "boosting"  # so that the least one counts
    log_p = np.log(np.maximum(p, 1e-4))
    offset = Prior([part], np.array([False, True])).offsets(rows)[:, 0]
    np.testing.assert_allclose(
        offset, log_p - log_p.mean(axis=1, keepdims=True), rtol=1e-5, atol=1e-6
    )


@PARTS
def test_a_class_that_other_tasks_lack_counts_as_improbable_there(name):
    X, _, y, task = draw(n_tasks=4, n_classes=2)
    y[task == 3] = 2
    labels = np.array(["dry", "rain", "snow"])
    _, offset = fit(
        make_part(name, "classifier", 0), X, labels[y], task, classes=labels
    )
    assert np.isfinite(offset).all()
    p = np.exp(offset[task == 3, 0])
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p[:, 2], 1e-4, rtol=0.01)
    assert (offset[task != 3, 0].argmax(axis=1) < 2).any()


def test_classes_that_were_declared_and_never_seen_have_a_place():
    X, _, y, task = draw(n_classes=2)
    prior, offset = fit(LogisticRegression(), X, y, task, classes=np.arange(-1, 3))
    for told in (offset, prior.offsets(X)):
        assert told.shape == (len(X), 1, 4)
        assert (told[:, 0, [0, 3]] < told[:, 0, [1, 2]]).all()


@PARTS
def test_a_fold_of_one_class_knows_that_class_alone(name):
    X, _, y, task = draw(n_tasks=2)
    y = task.copy()  # the other task has one class only
    _, offset = fit(make_part(name, "classifier", 0), X, y, task)
    np.testing.assert_array_equal(offset[:, 0].argmax(axis=1), 1 - y)


def test_every_part_has_its_place():
    X, y, _, task = draw()
    rows = TaskRows.of(X, y, task)
    parts = [Ridge(), KNeighborsRegressor()]
    prior, offset = cross_fit(parts, rows)
    assert offset.shape == (len(X), 2, 1)
    assert offset.dtype == np.float32
    for place, part in enumerate(parts):
        alone, told = cross_fit([part], rows)
        np.testing.assert_array_equal(offset[:, [place]], told)
        np.testing.assert_array_equal(prior.offsets(X)[:, [place]], alone.offsets(X))
    assert not hasattr(parts[0], "coef_")  # copies are fitted


def test_rows_are_answered_the_same_however_many_at_once(monkeypatch):
    X, y, _, task = draw()
    prior, _ = fit(Ridge(), X, y, task)
    whole = prior.offsets(X)
    monkeypatch.setattr("skmeta.tables.prior._ROWS_AT_ONCE", 5)
    np.testing.assert_allclose(prior.offsets(X), whole, rtol=1e-6)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "part",
    [
        Ridge(),
        make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())),
    ],
    ids=["alone", "pipeline in a pipeline"],
)
def test_weights_reach_the_last_step(part, routing):
    X, y, _, task = draw()
    scale = StandardScaler().fit(X) if hasattr(part, "steps") else None
    Z = X if scale is None else scale.transform(X)
    weight = np.random.default_rng(0).uniform(0.1, 3, size=len(y))
    with config_context(enable_metadata_routing=routing):
        prior, offset = fit(part, X, y, task, weight=weight)
    wanted = Ridge().fit(Z, y, sample_weight=weight).predict(Z)
    np.testing.assert_allclose(prior.offsets(X)[:, 0, 0], wanted, rtol=1e-5)
    assert not np.allclose(offset, fit(part, X, y, task)[1])


def test_weights_reach_a_fold_of_one_class():
    X, _, y, task = draw(n_tasks=2)
    part = make_part("linear", "classifier", 0)
    _, offset = fit(part, X, task.copy(), task, weight=np.ones(len(y)))
    assert np.isfinite(offset).all()


@pytest.mark.parametrize(
    "part", [Counted(), make_pipeline(StandardScaler(), Counted())], ids=repr
)
def test_a_part_that_takes_no_weights_says_so(part):
    X, y, _, task = draw()
    with pytest.raises(ValueError, match=r"(?s)Counted.*takes no weights"):
        fit(part, X, y, task, weight=np.ones(len(y)))


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (Ridge(), "classifier", r"must be a classifier .* not Ridge\(\)"),
        (LogisticRegression(), "regressor", "must be a regressor"),
        (StandardScaler(), "regressor", "must be a regressor"),
        (RidgeClassifier(), "classifier", "gives no probabilities"),
        ("forest", "classifier", r"one of \['boosting', 'linear'\] .* not 'forest'"),
    ],
    ids=repr,
)
def test_what_cannot_be_a_part_is_refused(given, kind, message):
    with pytest.raises(ValueError, match=message):
        make_part(given, kind, seed=0)


class Answers(RegressorMixin, BaseEstimator):
    def __init__(self, value=0.0, n_rows=None):
        self.value, self.n_rows = value, n_rows

    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.full(self.n_rows or len(X), self.value)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Answers(np.nan), r"prior Answers\(value=nan\) answers .* by NaN or infinity"),
        (Answers(np.inf), r"prior Answers\(value=inf\) answers .* by NaN or infinity"),
        (Answers(n_rows=3), r"prior Answers\(n_rows=3\) answers \d+ rows by an array"),
    ],
    ids=repr,
)
def test_a_prior_without_an_answer_to_every_row_is_named(part, message):
    X, y, _, task = draw()
    rows = TaskRows.of(X, y, task)
    with pytest.raises(ValueError, match=message):
        cross_fit([make_part("linear", "regressor", 0), part], rows)


def test_a_prior_that_is_frozen_answers_all_tasks_as_it_is():
    X, y, _, task = draw()
    frozen = FrozenEstimator(RandomForestRegressor(3, random_state=None).fit(X, y))
    wrapped = make_pipeline(FunctionTransformer(), frozen)
    for given in (frozen, wrapped):
        _, offset = fit(make_part(given, "regressor", seed=0), X, y, task)
        np.testing.assert_allclose(offset.ravel(), frozen.predict(X), rtol=1e-6)


def test_a_seed_goes_where_there_is_none():
    forest = RandomForestRegressor(n_estimators=3)
    part = make_part(make_pipeline(StandardScaler(), forest), "regressor", seed=5)
    assert part[-1].random_state == 5
    assert forest.random_state is None  # the user's own stays
    kept = make_part(RandomForestRegressor(random_state=1), "regressor", seed=5)
    assert kept.random_state == 1


def test_a_seed_decides_everything_and_the_process_keeps_its_generator():
    X, y, _, task = draw()
    given = RandomForestRegressor(n_estimators=3)
    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the process's own
    found = [fit(make_part(given, "regressor", seed), X, y, task) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert not np.array_equal(found[0][1], found[2][1])


class SeesThreads(ClassifierMixin, BaseEstimator):
    seen = ()

    def fit(self, X, y):
        SeesThreads.seen = _openmp_threads()
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def _openmp_threads():
    pools = threadpool_info()
    return [each["num_threads"] for each in pools if each["user_api"] == "openmp"]


def test_a_fit_takes_one_thread_and_gives_back_those_that_there_were():
    X, _, y, task = draw()
    before = _openmp_threads()
    fit(SeesThreads(), X, y, task)
    assert set(SeesThreads.seen) == {1}
    assert _openmp_threads() == before


def test_columns_keep_their_names():
    pd = pytest.importorskip("pandas")

    class Named(Counted):
        def fit(self, X, y):
            self.columns_ = list(X.columns)
            return super().fit(X, y)

        def predict(self, X):
            assert isinstance(X, pd.DataFrame)
            assert list(X.columns) == self.columns_
            return super().predict(X)

    X, y, _, task = draw()
    prior, _ = fit(Named(), X, y, task, columns=np.array(["a", "b", "c"]))
    assert prior.parts[0].columns_ == ["a", "b", "c"]
    assert isinstance(prior, Prior)
