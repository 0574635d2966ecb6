"""Labels that few rows, or none of the training, have: nothing is lost for them."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.preprocessing import StandardScaler

from skmeta import MetaDataset, MetaRegressor
from skmeta.builtin import skmeta_algorithms
from skmeta.ensemble import MetaStackingClassifier
from skmeta.model_selection import (
    PerTask,
    Pooled,
    compare,
    few_shot_curve,
    few_shot_scorer,
)
from tests.quick import TINY, classifier

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)
TASK = np.repeat(np.arange(12), 20)
X = np.random.default_rng(0).normal(size=(240, 3))
Y = np.where(X[:, 0] > 0, "ok", "fail").astype(object)
Y[np.flatnonzero(TASK == 3)[:8]] = "broken"
ALL = ["broken", "fail", "ok"]
OLD, NEW = TASK > 4, TASK <= 4  # in which only the new tasks have the third label
UNKNOWN = r"Labels \['broken'\] are unknown"


@pytest.fixture(scope="module")
def meta():
    return classifier(n_shot=6).fit(X[OLD], Y[OLD], groups=TASK[OLD])


@pytest.fixture
def told():
    """Return what was warned of unknown labels so far."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield lambda: sum("are unknown to" in str(each.message) for each in caught)


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


# A person is told, a judge goes on ------------------------------------------------


def test_a_person_who_adapts_to_an_unknown_label_is_told(meta):
    for learner in (meta, PerTask(LogisticRegression()), stack()):
        if learner is not meta:
            learner.fit(X[OLD], Y[OLD], groups=TASK[OLD])
        with pytest.raises(ValueError, match=UNKNOWN):
            learner.adapt(X[60:80], Y[60:80])


def stack():
    return MetaStackingClassifier(
        [("meta", classifier()), ("own", PerTask(LogisticRegression()))],
        random_state=0,
    )


@pytest.mark.parametrize("make", [classifier, stack])
def test_the_score_leaves_unknown_support_rows_out_and_counts_queries_as_wrong(
    make, told
):
    learner = make(n_shot=6) if make is classifier else make().set_params(n_shot=6)
    learner.fit(X[OLD], Y[OLD], groups=TASK[OLD])
    # One task, so that the same rows are drawn as for its known labels alone.
    own = TASK == 3
    in_support = np.zeros(20, dtype=bool)
    in_support[[0, 1, 8, 9, 10, 11]] = True  # two rows of the unknown label
    table = data_set(X[own], Y[own], in_support)
    score = learner.score(table)
    assert told() == 1
    known = in_support & (Y[own] != "broken")
    learner.adapt(X[own][known], Y[own][known])
    right = learner.predict(X[own][~in_support]) == Y[own][~in_support]
    assert score == pytest.approx(right.mean())
    assert 0 < score <= 1 - 6 / 14


def data_set(X, y, in_support):
    return MetaDataset(X, y, np.zeros(len(y)), in_support=in_support)


@pytest.mark.usefixtures("_routing")
def test_a_search_is_whole(told):
    search = GridSearchCV(
        classifier(), {"lr": [1e-3, 1e-2]}, cv=GroupKFold(3), error_score="raise"
    ).fit(X, Y, groups=TASK)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert told()
    search.set_params(scoring=few_shot_scorer("neg_log_loss", n_shot=6))
    search.fit(X, Y, groups=TASK)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", "f1_macro"])
def test_a_curve_is_whole_and_told_once(metric, told):
    learners = {"meta": classifier(), "own": LogisticRegression()}
    learners["one"] = Pooled(LogisticRegression())
    curve = few_shot_curve(
        learners, X, Y, TASK, shots=(1, 6), metric=metric, test_groups=np.arange(5)
    )
    assert np.isfinite(curve["score"]).all()
    assert (curve["n_tasks"] == 5).all()
    assert told() == 1


def test_a_comparison_over_folds_is_told_once(told):
    learners = {"meta": classifier(), "own": LogisticRegression()}
    result = compare(learners, X, Y, TASK, shots=6, cv=3)
    assert (result.scores["n_tasks"] == 12).all()
    assert told() == 1


def test_a_metric_of_two_labels_leaves_the_task_out(told):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "roc_auc is undefined for 1 of 5")
        curve = few_shot_curve(
            classifier(), X, Y, TASK, shots=6, metric="roc_auc", test_groups=range(5)
        )
    assert curve["n_tasks"].tolist() == [4]


def test_an_unknown_label_is_wrong_in_the_mean_of_its_task(meta):
    scorer = few_shot_scorer("accuracy", n_shot=6)
    with pytest.warns(UserWarning, match=UNKNOWN):
        right = scorer.per_task(meta, X[NEW], Y[NEW], TASK[NEW])
    assert right[3] < right.drop(3).min()


def test_a_support_of_unknown_labels_is_answered_by_the_prior(meta):
    own = TASK == 3
    y = np.where(np.arange(20) < 19, "broken", Y[own])
    scores = []
    with pytest.warns(UserWarning, match=UNKNOWN):
        scores.append(meta.score(X[own], y, groups=TASK[own]))
    with pytest.warns(UserWarning, match=UNKNOWN):
        scores.append(few_shot_scorer("accuracy", n_shot=6)(meta, X[own], y, TASK[own]))
    assert min(scores) >= 0
    assert max(scores) <= 1 / 14


def test_labels_of_which_none_is_known_are_a_mistake(meta):
    with pytest.raises(ValueError, match="are unknown to the shared label space"):
        meta.score(X, np.where(Y == "ok", 1, 0), groups=TASK)


def test_a_stratified_score_knows_no_other_label():
    meta = classifier(stratify=True).fit(X[OLD], Y[OLD], groups=TASK[OLD])
    with pytest.warns(UserWarning, match=UNKNOWN):
        assert 0 < meta.score(X[NEW], Y[NEW], groups=TASK[NEW]) < 1


# Declared beforehand --------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, cls in skmeta_algorithms().items()
        if "classifier" in cls.kinds and "shared" in cls.label_spaces
    ],
)
def test_every_algorithm_learns_a_declared_label_later(name):
    meta = classifier(name).fit(X[OLD], Y[OLD], groups=TASK[OLD], classes=ALL)
    np.testing.assert_array_equal(meta.classes_, ALL)
    few = np.r_[60:72]  # eight of them broken
    proba = meta.adapt(X[few], Y[few]).predict_proba(X[few])
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    if name not in ("cnp", "baseline++"):  # which train a network for every label
        before = meta.adapt().predict_proba(X[few])
        assert proba[:8, 0].mean() > before[:8, 0].mean()


@pytest.mark.usefixtures("_routing")
def test_declared_labels_are_known_to_searches_and_ensembles(told):
    search = GridSearchCV(
        classifier(), {"lr": [1e-2]}, cv=GroupKFold(3), error_score="raise"
    ).fit(X, Y, groups=TASK, classes=ALL)
    np.testing.assert_array_equal(search.best_estimator_.classes_, ALL)
    ensemble = stack().fit(X[OLD], Y[OLD], groups=TASK[OLD], classes=ALL)
    ensemble.adapt(X[60:72], Y[60:72])
    np.testing.assert_array_equal(ensemble.classes_, ALL)
    own = PerTask(LogisticRegression(), preprocessor=StandardScaler())
    own.fit(X[OLD], Y[OLD], groups=TASK[OLD], classes=ALL).adapt(X[60:72], Y[60:72])
    assert "broken" in own.predict(X[60:68])
    assert not told()


def test_what_is_declared_must_hold_what_is_there():
    for learner in (classifier(), stack(), PerTask(LogisticRegression())):
        with pytest.raises(ValueError, match=r"\['broken'\], which are not among"):
            learner.fit(X, Y, groups=TASK, classes=["ok", "fail"])


@pytest.mark.parametrize("make", [classifier, stack])
def test_names_inside_a_task_are_not_declared(make):
    learner = make().set_params(label_space="per_task")
    with pytest.raises(ValueError, match="classes declares labels that mean the same"):
        learner.fit(X, Y, groups=TASK, classes=ALL)


def test_who_declares_labels_means_them_in_every_task():
    own = np.char.add(Y.astype(str), TASK.astype(str))
    given = np.unique(own)
    meta = classifier().fit(X, own, groups=TASK, classes=given)
    assert meta.label_space_ == "shared"


def test_a_regressor_has_no_labels_to_declare():
    meta = MetaRegressor("r2d2", **TINY).fit(X, X[:, 0], groups=TASK, classes=[1, 2])
    assert not hasattr(meta, "classes_")
