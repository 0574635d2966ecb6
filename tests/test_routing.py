"""Groups find their way through Pipeline, GridSearchCV and cross_validate."""

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmeta
from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import ANIL, MAML, ProtoNet
from skmeta.backbones import MLP, Linear
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import few_shot_scorer

QUICK = {
    "max_epochs": 5,
    "lr": 0.01,
    "tasks_per_epoch": 32,
    "n_query": 5,
    "n_shot": 4,
    "random_state": 0,
}


@pytest.fixture(autouse=True)
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return X, y, np.random.default_rng(0).integers(9, size=len(y))


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.arange(len(y)) % 9


def test_cross_validate_scores_new_tasks(wine):
    X, y, groups = wine
    result = cross_validate(
        MetaClassifier("protonet", **QUICK),
        X,
        y,
        cv=GroupKFold(3),
        params={"groups": groups},
        return_estimator=True,
        return_indices=True,
        error_score="raise",
    )
    assert (result["test_score"] > 0.45).all()  # one class has 0.4
    for estimator, test, score in zip(
        result["estimator"],
        result["indices"]["test"],
        result["test_score"],
        strict=True,
    ):
        few_shot = estimator.score(X[test], y[test], groups=groups[test])
        assert score == few_shot


def test_groups_pass_through_a_pipeline(wine):
    X, y, groups = wine
    pipe = make_pipeline(StandardScaler(), MetaClassifier("protonet", **QUICK))
    pipe.fit(X, y, groups=groups)
    meta = pipe[-1]
    Z = pipe[:-1].transform(X)
    assert pipe.score(X, y, groups=groups) == meta.score(Z, y, groups=groups)
    meta.adapt(Z, y, groups=groups)
    np.testing.assert_array_equal(
        pipe.predict(X, groups=groups), meta.predict(Z, groups=groups)
    )
    np.testing.assert_array_equal(
        pipe.predict_proba(X, groups=groups), meta.predict_proba(Z, groups=groups)
    )
    np.testing.assert_array_equal(
        pipe.transform(X, groups=groups), meta.transform(Z, groups=groups)
    )


def test_grid_search_over_a_pipeline_needs_no_request(wine):
    X, y, groups = wine
    pipe = make_pipeline(StandardScaler(), MetaClassifier("maml", **QUICK))
    grid = {
        "metaclassifier__algorithm": [MAML(inner_steps=2), ProtoNet()],
        "standardscaler": [StandardScaler(), MinMaxScaler()],
    }
    search = GridSearchCV(pipe, grid, cv=GroupKFold(3), error_score="raise")
    search.fit(X, y, groups=groups)
    scores = search.cv_results_["mean_test_score"]
    assert scores.shape == (4,)
    assert (scores > 0.4).all()
    best = search.best_estimator_
    assert search.score(X, y, groups=groups) == best.score(X, y, groups=groups)
    best[-1].adapt(best[:-1].transform(X), y, groups=groups)
    assert best.predict(X, groups=groups).shape == y.shape


def test_grids_reach_into_the_algorithm_and_the_backbone(wine):
    X, y, groups = wine
    search = GridSearchCV(
        MetaClassifier(MAML(inner_steps=1), MLP(), **QUICK),
        {"algorithm__inner_lr": [1e-9, 0.5], "backbone__hidden": [(4,), (8, 8)]},
        cv=GroupKFold(3),
        error_score="raise",
    ).fit(X, y, groups=groups)
    best = search.best_params_
    assert search.best_estimator_.algorithm_.inner_lr == best["algorithm__inner_lr"]
    module = search.best_estimator_.module_
    assert module.tip.backbone.out_features == best["backbone__hidden"][-1]
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) > 1  # the parameters arrive


def test_grids_over_algorithms_and_their_own_parameters(wine):
    X, y, groups = wine
    grid = [
        {"algorithm": [ProtoNet()], "algorithm__distance": ["euclidean", "cosine"]},
        {"algorithm": [ANIL(), "maml"], "backbone": ["linear", Linear(4)]},
    ]
    search = GridSearchCV(
        MetaClassifier("maml", **QUICK), grid, cv=GroupKFold(2), error_score="raise"
    ).fit(X, y, groups=groups)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.cv_results_["params"]) == 6


def test_a_regressor_is_searched_alike(diabetes):
    X, y, groups = diabetes
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MetaRegressor("maml", **QUICK)),
        {"metaregressor__algorithm": [MAML(inner_steps=1), ANIL()]},
        cv=GroupKFold(3),
        error_score="raise",
    ).fit(X, y, groups=groups)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_sample_weight_is_routed_to_score_where_it_is_asked_for(wine):
    X, y, groups = wine
    meta = MetaClassifier("protonet", **QUICK).set_score_request(sample_weight=True)
    pipe = make_pipeline(StandardScaler(), meta).fit(X, y, groups=groups)
    weight = (y == 0).astype(float)
    Z = pipe[:-1].transform(X)
    plain = pipe.score(X, y, groups=groups)
    weighted = pipe.score(X, y, groups=groups, sample_weight=weight)
    assert weighted == pipe[-1].score(Z, y, sample_weight=weight, groups=groups)
    assert weighted != plain


def test_tasks_drawn_from_classes_need_no_groups(wine):
    X, y, _ = wine
    with sklearn.config_context(enable_metadata_routing=False):
        scores = cross_val_score(
            MetaClassifier("protonet", tasks="classes", **QUICK),
            X,
            y,
            cv=3,
            error_score="raise",
        )
    assert (scores > 0.7).all()


@pytest.mark.parametrize("meta", [MetaClassifier(), MetaRegressor()])
def test_every_method_that_knows_tasks_asks_for_groups(meta):
    routing = meta.get_metadata_routing()
    methods = ["fit", "predict", "score", "transform"]
    if isinstance(meta, MetaClassifier):
        methods.append("predict_proba")
    for method in methods:
        assert getattr(routing, method).requests["groups"] is True


class Centred(TransformerMixin, BaseEstimator):
    """Columns without the mean of each group, which ``transform`` is told by name."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def fit_transform(self, X, y=None, groups=None):
        return self.fit(X).transform(X, groups)

    def transform(self, X, groups=None):
        X = np.array(X, dtype=float)
        for name in () if groups is None else np.unique(groups):
            own = np.asarray(groups) == name
            X[own] -= X[own].mean(axis=0)
        return X


def test_transformers_that_ask_for_groups_get_them_from_all_verbs(diabetes):
    """As ``Pipeline.fit`` and ``predict`` hand them on: else answers are others."""
    X, y, groups = diabetes
    centred = Centred().set_transform_request(groups=True)
    Z = centred.fit(X).transform(X, groups=groups)
    pipe = make_pipeline(centred, MetaRegressor("r2d2", **QUICK))
    pipe.fit(X, y, groups=groups)
    meta = pipe[-1].adapt(Z, y, groups=groups)
    expected = meta.predict(Z, groups=groups)
    skmeta.adapt(pipe, X, y, groups)
    for context in (True, False):
        with sklearn.config_context(enable_metadata_routing=context):
            skmeta.adapt(pipe, X, y, groups)
            found = pipe[-1].predict(Z, groups=groups)
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(pipe.predict(X, groups=groups), expected)
    one = groups == 0
    meta.adapt(Z[~one], y[~one], groups=groups[~one])
    skmeta.partial_adapt(pipe, X[one], y[one], groups[one])
    np.testing.assert_allclose(meta.predict(Z, groups=groups), expected, rtol=1e-5)
    for judge in (
        lambda: few_shot_scorer("r2", n_shot=5)(pipe, X, y, groups=groups),
        lambda: (
            MetaStackingRegressor([("pipe", pipe)], weights="equal")
            .fit(X, y, groups=groups)
            .adapt(X, y, groups=groups)
        ),
    ):
        with pytest.raises(ValueError, match=r"asks for the groups.*X beforehand"):
            judge()


@pytest.mark.parametrize("kind", ["values", "classes", "an ensemble"])
def test_a_pipeline_that_does_not_hand_groups_on_gives_no_score(kind, diabetes):
    """scikit-learn leaves them out in silence, and the current task would be scored."""
    X, y, groups = diabetes
    learners = {
        "values": MetaRegressor("r2d2", **QUICK),
        "classes": MetaClassifier("protonet", **QUICK),
        "an ensemble": MetaStackingRegressor(
            [("one", MetaRegressor("r2d2", **QUICK))], weights="equal"
        ),
    }
    y = (y > np.median(y)).astype(int) if kind == "classes" else y
    pipe = make_pipeline(StandardScaler(), learners[kind]).fit(X, y, groups=groups)
    expected = pipe.score(X, y, groups=groups)
    skmeta.adapt(pipe, X[:20], y[:20])
    with sklearn.config_context(enable_metadata_routing=False):
        with pytest.raises(ValueError, match="only where metadata routing is on"):
            pipe.score(X, y, groups=groups)
        assert np.isfinite(pipe.score(X[:30], y[:30]))
    assert pipe.score(X, y, groups=groups) == expected
