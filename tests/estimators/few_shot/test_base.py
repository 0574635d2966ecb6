"""A fitted meta-learner is shared and stays as it is, whatever it is told."""

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skmeta import FewShotClassifier, FewShotRegressor, MetaClassifier
from tests.quick import TASK, X, Y, classifier, regressor, wine


def test_a_clone_shares_the_fitted_meta_learner_and_not_the_task(meta, digits):
    *_, X, y = digits
    few_shot = FewShotClassifier(meta).fit(X[:15], y[:15])
    other = clone(few_shot)
    assert other.meta is meta
    with pytest.raises(NotFittedError):
        other.predict(X)
    other.fit(X[15:25][y[15:25] != 8], y[15:25][y[15:25] != 8])
    np.testing.assert_array_equal(few_shot.classes_, [7, 8, 9])
    np.testing.assert_array_equal(other.classes_, [7, 9])


def test_parameters_of_a_fitted_meta_learner_stay(meta, digits):
    few_shot = clone(FewShotClassifier(meta))
    before = meta.n_shot
    with pytest.raises(ValueError, match="cannot change a fitted meta-learner"):
        few_shot.set_params(meta__n_shot=7)
    assert meta.n_shot == before


def test_searches_choose_among_fitted_meta_learners_that_are_frozen(meta, digits):
    *_, X, y = digits
    X, y = X[:60], y[:60]
    few_shot = FewShotClassifier(meta)
    search = GridSearchCV(few_shot, {"meta": [FrozenEstimator(meta)]}, cv=2).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), few_shot.fit(X, y).predict(X))
    unfrozen = GridSearchCV(few_shot, {"meta": [meta]}, cv=2, error_score="raise")
    with pytest.raises(NotFittedError, match=r"pass FrozenEstimator\(meta\)"):
        unfrozen.fit(X, y)


def test_a_clone_of_an_unfitted_meta_learner_is_its_own():
    meta = MetaClassifier()
    assert clone(FewShotClassifier(meta)).meta is not meta


def test_an_unfitted_meta_learner_is_refused(digits):
    *_, X, y = digits
    with pytest.raises(NotFittedError):
        FewShotClassifier(MetaClassifier()).fit(X, y)


@pytest.mark.parametrize("meta", ["maml", None])
def test_a_name_is_no_fitted_meta_learner(meta):
    with pytest.raises(TypeError, match=r"MetaClassifier\(...\).fit"):
        FewShotClassifier(meta).fit([[0.0], [1.0]], [0, 1])


def test_what_was_adapted_to_before_does_not_matter(digits):
    X_old, y_old, X, y = digits
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    meta.fit(X_old, y_old)
    expected = FewShotClassifier(meta).fit(X[:9], y[:9]).predict_proba(X)
    groups = np.repeat([0, 1], 20)
    meta.adapt(X_old[:40], y_old[:40], groups=groups)
    before = meta.predict(X_old, groups=np.zeros(len(X_old), dtype=int))
    few_shot = FewShotClassifier(meta).fit(X[:9], y[:9])
    np.testing.assert_array_equal(few_shot.predict_proba(X), expected)
    np.testing.assert_array_equal(
        meta.predict(X_old, groups=np.zeros(len(X_old), dtype=int)), before
    )


def test_column_names_are_checked():
    table, y = load_digits(return_X_y=True, as_frame=True)
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1).fit(table, y)
    few_shot = FewShotClassifier(meta).fit(table[:40], y[:40])
    np.testing.assert_array_equal(few_shot.feature_names_in_, table.columns)
    with pytest.raises(ValueError, match="feature names"):
        few_shot.predict(table[table.columns[::-1]])


def test_threads_may_share_the_meta_learner(meta, digits):
    *_, X, y = digits

    def answers(start):
        few_shot = FewShotClassifier(meta).fit(
            X[start : start + 30], y[start : start + 30]
        )
        return few_shot.predict_proba(X[:100])

    starts = range(0, 480, 4)
    in_threads = Parallel(n_jobs=4, backend="threading")(map(delayed(answers), starts))
    for start, proba in zip(starts, in_threads, strict=True):
        np.testing.assert_array_equal(proba, answers(start))


@pytest.mark.filterwarnings("ignore:Meta-learning does not help", "ignore:.*too small")
def test_a_meta_learner_makes_an_ordinary_estimator():
    X_w, y, groups = wine()
    meta = classifier(label_space="per_task").fit(X_w, y, groups=groups)
    few_shot = meta.as_classifier()
    assert type(few_shot) is FewShotClassifier
    assert few_shot.meta is meta
    vote = VotingClassifier([("a", few_shot), ("b", meta.as_classifier())])
    assert vote.fit(X_w[::4], y[::4]).score(X_w, y) > 0.6
    few_shot = regressor().fit(X, Y, groups=TASK).as_regressor()
    assert type(few_shot) is FewShotRegressor
    assert few_shot.fit(X[:6], Y[:6]).predict(X).shape == Y.shape


def test_rows_count_by_their_weights_where_the_meta_learner_takes_them():
    meta = regressor(algorithm="r2d2").fit(X, Y, groups=TASK)
    weight = np.array([0.3, 2.0, 1.0, 0.5, 4.0])
    few_shot = FewShotRegressor(meta).fit(X[:5], Y[:5], sample_weight=weight)
    meta.adapt(X[:5], Y[:5], sample_weight=weight)
    np.testing.assert_array_equal(few_shot.predict(X), meta.predict(X))


def test_rows_are_repeated_by_their_weights_where_it_takes_none():
    A, b, task = wine()
    meta = classifier("metaoptnet").fit(A, b, groups=task)
    A, b = A[::20], b[::20]
    few_shot, times = FewShotClassifier(meta), np.arange(len(b)) % 3
    few_shot.fit(A, b, sample_weight=times)
    rows = np.repeat(np.arange(len(b)), times)
    np.testing.assert_array_equal(
        few_shot.predict_proba(A),
        FewShotClassifier(meta).fit(A[rows], b[rows]).predict_proba(A),
    )
    with pytest.raises(ValueError, match="takes no weights of rows"):
        few_shot.fit(A, b, sample_weight=times + 0.5)
    with pytest.raises(ValueError, match="Divide them by a number"):
        few_shot.fit(A, b, sample_weight=times * 1e6)
