"""Plain ways and scikit-learn's estimators come back as they were, and nothing else."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import (
    FewShotRegressor,
    MetaClassifier,
    MetaRegressor,
    SaveError,
)
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.model_selection import (
    MixedLinear,
    PerTask,
    Pooled,
    PooledWithTaskMean,
    plain_ways,
)
from skmeta.model_selection._strategy import Strategy
from skmeta.saving.estimators import pack_estimator
from skmeta.saving.names import STRATEGIES
from tests.ensemble.conftest import slopes
from tests.saving.conftest import TINY, assert_refused, edited, through_file

X, Y, TASK = slopes(n_tasks=12)
LABEL = np.where(Y > 0, "yes", "no")
BOOSTING = {"max_iter": 3, "random_state": 0}

MEMBERS = {
    "meta": MetaRegressor("r2d2", **TINY),
    "meta in a pipeline": make_pipeline(StandardScaler(), MetaRegressor("cnp", **TINY)),
    "any estimator": make_pipeline(StandardScaler(), Ridge()),
    "per task": PerTask(Ridge()),
    "pooled": Pooled(HistGradientBoostingRegressor(**BOOSTING)),
    "told the mean": PooledWithTaskMean(HistGradientBoostingRegressor(**BOOSTING)),
}


WAYS = plain_ways("regressor", rivals=False)


def ensemble(*names, rows=X, weights="equal"):
    members = [(name, MEMBERS[name]) for name in names]
    stack = MetaStackingRegressor(members, weights=weights, random_state=0)
    return stack.fit(rows, Y, groups=TASK)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_of_any_sort_answers_the_same_after_load(name, tmp_path):
    stack = ensemble(name)
    again = through_file(stack, tmp_path / "a")
    some = np.arange(len(Y)) % 15 < 6
    for each in (stack, again):
        each.adapt(X[some], Y[some], groups=TASK[some])
    expected = stack.predict(X, groups=TASK)
    np.testing.assert_array_equal(again.predict(X, groups=TASK), expected)
    adapted = through_file(stack, tmp_path / "a")
    np.testing.assert_array_equal(adapted.predict(X, groups=TASK), expected)
    assert repr(adapted) == repr(stack)
    np.testing.assert_array_equal(
        adapted.adapt(X[:4], Y[:4]).predict(X), stack.adapt(X[:4], Y[:4]).predict(X)
    )


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
@pytest.mark.parametrize("name", WAYS)
def test_a_plain_way_that_learnt_of_columns_comes_back(name, kind, tmp_path):
    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(sick=X[:, 0] > 0)
    cls, y = MetaStackingRegressor, Y
    if kind == "classifier":
        cls, y = MetaStackingClassifier, LABEL
    way = plain_ways(kind, rivals=False)[name]
    stack = cls([("way", way)], weights="equal").fit(frame, y, groups=TASK)
    some = np.arange(len(Y)) % 15 < 6
    stack.adapt(frame[some], y[some], groups=TASK[some])
    again = through_file(stack, tmp_path / "a")
    np.testing.assert_array_equal(
        again.predict(frame, groups=TASK), stack.predict(frame, groups=TASK)
    )


def test_weights_and_what_else_was_learnt_come_back(tmp_path):
    frame = pd.DataFrame(X, columns=["dose", "age"])
    stack = ensemble("meta", "per task", "pooled", rows=frame, weights="auto")
    again = through_file(stack.adapt(frame[:5], Y[:5]), tmp_path / "a")
    for name in ("weights_", "support_sizes_", "losses_", "feature_names_in_"):
        np.testing.assert_array_equal(getattr(again, name), getattr(stack, name))
    np.testing.assert_array_equal(again.predict(frame), stack.predict(frame))
    left = vars(stack).keys() - vars(again).keys()  # what was seen is in no file
    assert left <= {"_training", "_training_groups", "calibration_"}
    assert vars(again).keys() <= vars(stack).keys()


def test_the_fits_of_all_folds_come_back(tmp_path):
    members = [("own", MEMBERS["per task"]), ("meta", MEMBERS["meta"])]
    stack = MetaStackingRegressor(members, refit=False, cv=2, random_state=0)
    stack.fit(X, Y, groups=TASK).adapt(X[:5], Y[:5])
    again = through_file(stack, tmp_path / "a")
    assert len(again.named_estimators_["meta"]) == 2
    np.testing.assert_array_equal(again.predict(X), stack.predict(X))


def test_classes_of_tasks_come_back(tmp_path):
    members = [
        ("meta", MetaClassifier("protonet", **TINY)),
        ("boosting", Pooled(HistGradientBoostingClassifier(**BOOSTING))),
        ("linear", MixedLinear("classifier")),
        ("own", LogisticRegression()),
    ]
    stack = MetaStackingClassifier(members, weights="equal", random_state=0)
    stack.fit(X, LABEL, groups=TASK).adapt(X[:45], LABEL[:45], groups=TASK[:45])
    again = through_file(stack, tmp_path / "a")
    expected = stack.predict_proba(X[:45], groups=TASK[:45])
    np.testing.assert_array_equal(
        again.predict_proba(X[:45], groups=TASK[:45]), expected
    )
    assert again.classes_.tolist() == ["no", "yes"]


def test_a_few_shot_estimator_over_an_ensemble_comes_back(tmp_path):
    few_shot = FewShotRegressor(ensemble("meta", "per task")).fit(X[:6], Y[:6])
    again = through_file(few_shot, tmp_path / "a")
    np.testing.assert_array_equal(again.predict(X), few_shot.predict(X))
    np.testing.assert_array_equal(
        again.fit(X[6:12], Y[6:12]).predict(X),
        few_shot.fit(X[6:12], Y[6:12]).predict(X),
    )


def test_skops_keeps_ensembles_in_pipelines():
    pipe = make_pipeline(
        StandardScaler(), ensemble("meta", "per task").adapt(X[:5], Y[:5])
    )
    pipe[0].fit(X)
    again = skops.io.loads(skops.io.dumps(pipe), trusted=skmeta.TRUSTED_TYPES)
    np.testing.assert_array_equal(again.predict(X), pipe.predict(X))


class Own(Ridge):
    pass


class OwnStrategy(PerTask):
    pass


@pytest.mark.parametrize(
    ("member", "named"),
    [
        (PerTask(Own()), "Own"),
        (OwnStrategy(Ridge()), "OwnStrategy"),
        (PerTask(KNeighborsRegressor(1, weights="distance")), "KDTree"),
    ],
)
def test_a_class_that_is_not_known_is_not_saved(member, named, tmp_path):
    stack = MetaStackingRegressor([("own", member)], weights="equal")
    stack.fit(X, Y, groups=TASK).adapt(X, Y, groups=TASK)
    with pytest.raises(SaveError, match=named):
        stack.save(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_type_that_is_not_trusted_is_not_loaded(tmp_path):
    """An archive of skops is looked through before it is loaded."""
    data = pack_estimator(ensemble("any estimator"))
    reached = []

    def swap(document):
        text = skops.io.dumps(Own())
        [(_, content)] = find(document, "skops")[:1]
        content["skops"] = {
            "$": "items",
            "dtype": "|u1",
            "shape": [len(text)],
            "items": [*text],
        }
        reached.append(1)

    changed = edited(data, swap)
    assert reached
    assert_refused(changed, tmp_path, "not trusted")


def find(value, key):
    """List the dicts in a document that have a key."""
    found = []
    if isinstance(value, dict):
        found += [(key, value)] if key in value else []
        value = value.values()
    elif not isinstance(value, list):
        return found
    for each in value:
        found += find(each, key)
    return found


def test_a_strategy_is_given_no_method_by_a_file(tmp_path):
    data = pack_estimator(ensemble("per task"))

    def swap(document):
        for _, content in find(document, "strategy"):
            content["learnt"]["predict"] = 1

    assert_refused(edited(data, swap), tmp_path, "no attribute of a fit")


def test_an_ensemble_is_given_no_method_by_a_file(tmp_path):
    def swap(document):
        document["estimator"]["learnt"]["predict"] = 1

    changed = edited(pack_estimator(ensemble("per task")), swap)
    assert_refused(changed, tmp_path, "no attribute of a fit")


def test_every_public_strategy_has_a_name_in_files():
    from skmeta import model_selection

    public = {
        name
        for name in model_selection.__all__
        if isinstance(cls := getattr(model_selection, name), type)
        and issubclass(cls, Strategy)
    }
    assert public == STRATEGIES.keys()
    assert issubclass(Strategy, BaseEstimator)
