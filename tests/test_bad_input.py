"""Bad input: a clear error, and nothing is lost."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skmeta import (
    FewShotClassifier,
    MetaClassifier,
    MetaDataset,
    MetaRegressor,
    NotAdaptedError,
)
from skmeta.algorithms import (
    CNP,
    GP,
    IMAML,
    BaselinePlusPlus,
    MatchingNet,
    ProtoNet,
    Reptile,
)
from skmeta.datasets import make_sinusoids
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import PerTask, TaskMean, few_shot_curve

QUICK = {"max_epochs": 1, "tasks_per_epoch": 32, "n_query": 5, "random_state": 0}


def wine(n_groups=6):
    """Wine with labels that mean the same in every group."""
    X, y = load_wine(return_X_y=True)
    groups = np.random.default_rng(0).integers(n_groups, size=len(y))
    return X, np.array(["barolo", "grignolino", "barbera"])[y], groups


@pytest.fixture(scope="module")
def shared():
    X, y, groups = wine()
    return MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)


@pytest.fixture(scope="module", params=["maml", "anil", "protonet"])
def per_task(request):
    X, y = load_digits(return_X_y=True)
    return MetaClassifier(request.param, tasks="classes", **QUICK).fit(
        X[y < 5], y[y < 5]
    )


def regression():
    X, y = load_diabetes(return_X_y=True)
    return X, y, np.arange(len(y)) % 12


# scikit-learn's own errors -----------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_features_are_refused_everywhere(shared, bad):
    X, y, groups = wine()
    X_bad = X.copy()
    X_bad[3, 2] = bad
    shared.adapt(X, y)
    calls = [
        lambda: MetaClassifier(**QUICK).fit(X_bad, y, groups=groups),
        lambda: shared.adapt(X_bad, y),
        lambda: shared.predict(X_bad),
        lambda: shared.predict_proba(X_bad),
        lambda: shared.transform(X_bad),
        lambda: shared.score(X_bad, y),
        lambda: shared.score(X_bad, y, groups=groups),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
            call()


def test_targets_that_are_all_missing_are_refused():
    X, y, groups = regression()
    with pytest.raises(ValueError, match="target"):
        MetaRegressor(**QUICK).fit(X, np.full(len(y), np.nan), groups=groups)
    y[5] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        MetaRegressor(**QUICK).fit(X, y, groups=groups)


def test_text_columns_are_refused():
    X, y, groups = wine()
    table = pd.DataFrame(X).assign(colour="red")
    table.columns = table.columns.astype(str)
    with pytest.raises(ValueError, match="could not convert string to float"):
        MetaClassifier(**QUICK).fit(table, y, groups=groups)


def test_continuous_targets_are_refused_by_a_classifier(shared):
    X, y, groups = regression()
    with pytest.raises(ValueError, match="continuous"):
        MetaClassifier(**QUICK).fit(X, y + 0.5, groups=groups)


@pytest.mark.parametrize("make", [list, pd.Series, pd.Categorical, np.asarray])
def test_words_beside_numbers_are_no_labels(make):
    X, y, groups = wine()
    y = np.unique(y, return_inverse=True)[1]
    mixed = make(np.array([0, "one", 2], dtype=object)[y])
    message = "y holds words and numbers, such as 'one' and 0"
    with pytest.raises(ValueError, match=message):
        MetaClassifier("protonet", **QUICK).fit(X, mixed, groups=groups)
    with pytest.raises(ValueError, match=message):
        MetaDataset(X, mixed, groups)
    with pytest.raises(ValueError, match=message):
        PerTask(LogisticRegression()).fit(X, mixed, groups=groups)
    meta = MetaClassifier("protonet", label_space="per_task", **QUICK)
    meta.fit(X, y, groups=groups)
    with pytest.raises(ValueError, match=message):
        meta.adapt(X, mixed)
    with pytest.raises(ValueError, match=message):
        FewShotClassifier(meta).fit(X, mixed)
    with pytest.raises(ValueError, match=message):
        meta.score(X, mixed, groups=groups)


def test_declared_classes_stay_what_they_are():
    X, y, groups = wine()
    y = np.unique(y, return_inverse=True)[1]
    with pytest.raises(ValueError, match="classes holds words and numbers"):
        MetaClassifier("maml", **QUICK).fit(X, y, groups=groups, classes=[0, 1, 2, "3"])
    meta = MetaClassifier("maml", **QUICK).fit(X, y, groups=groups, classes={3, *y})
    np.testing.assert_array_equal(meta.classes_, [0, 1, 2, 3])


def test_another_number_of_columns_is_refused(shared):
    X, y, _ = wine()
    for call in (lambda: shared.adapt(X[:, :5], y), lambda: shared.predict(X[:, :5])):
        with pytest.raises(ValueError, match="5 features, but MetaClassifier is exp"):
            call()


def test_another_order_of_columns_is_refused():
    table, y = load_wine(return_X_y=True, as_frame=True)
    meta = MetaClassifier("protonet", tasks="table", **QUICK).fit(table, y)
    with pytest.raises(ValueError, match="feature names should match"):
        meta.predict(table[table.columns[::-1]])


# Groups ---------------------------------------------------------------------------


def assert_names_both_remedies(error, *alternatives):
    message = str(error.value)
    assert "groups=" in message
    assert "sklearn.set_config(enable_metadata_routing=True)" in message
    for each in alternatives:
        assert each in message


def test_fit_without_groups_names_both_remedies():
    X, y, _ = wine()
    with pytest.raises(ValueError, match="fit needs to know the task") as error:
        MetaClassifier(**QUICK).fit(X, y)
    assert_names_both_remedies(error, "tasks='classes'", "tasks='table'")

    with pytest.raises(ValueError, match="fit needs to know the task") as error:
        MetaRegressor(**QUICK).fit(*regression()[:2])
    assert_names_both_remedies(error, "tasks='table'")
    assert "classes" not in str(error.value)


def test_groups_lost_on_the_way_name_both_remedies():
    X, y, groups = wine()
    pipe = make_pipeline(StandardScaler(), MetaClassifier(**QUICK))
    search = GridSearchCV(
        pipe, {"metaclassifier__lr": [0.1]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="fit needs to know the task") as error:
        search.fit(X, y, groups=groups)  # without routing they stop at the splitter
    assert_names_both_remedies(error)


def test_lengths_that_differ_are_named(shared):
    X, y, groups = wine()
    for call in (
        lambda: MetaClassifier(**QUICK).fit(X, y[:-1], groups=groups),
        lambda: shared.adapt(X, y[:-1]),
    ):
        with pytest.raises(ValueError, match=r"178.*177|177.*178"):
            call()
    shared.adapt(X, y, groups=groups)
    for call in (
        lambda: MetaClassifier(**QUICK).fit(X, y, groups=groups[:-1]),
        lambda: shared.adapt(X, y, groups=groups[:-1]),
        lambda: shared.predict(X, groups=groups[:-1]),
        lambda: shared.transform(X, groups=groups[:-1]),
        lambda: shared.score(X, y, groups=groups[:-1]),
    ):
        with pytest.raises(ValueError, match="X has 178 rows, groups has 177"):
            call()


@pytest.mark.parametrize("method", ["fit", "adapt"])
def test_missing_groups_are_refused(shared, method):
    X, y, groups = wine()
    groups = groups.astype(float)
    groups[7] = np.nan
    estimator = MetaClassifier(**QUICK) if method == "fit" else shared
    with pytest.raises(ValueError, match="groups contains NaN"):
        getattr(estimator, method)(X, y, groups=groups)


# Tasks that are too small ---------------------------------------------------------


def test_small_tasks_are_counted_in_one_warning():
    X, y, _ = regression()
    groups = np.repeat(np.arange(20), 20)[: len(y)]
    groups = np.r_[groups, np.full(len(y) - len(groups), 0)]
    groups[:3], groups[3:6] = 100, 101  # two tasks of three rows
    with pytest.warns(UserWarning, match="too small") as caught:
        MetaRegressor("maml", n_shot=5, **QUICK).fit(X, y, groups=groups)
    (warning,) = [w for w in caught if "too small" in str(w.message)]
    assert str(warning.message).startswith("2 of 2")  # of 22 but for those held out
    assert warning.filename == __file__


def test_tasks_that_are_large_enough_do_not_warn():
    X, y, groups = regression()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MetaRegressor("maml", n_shot=5, **QUICK).fit(X, y, groups=groups)


def test_tasks_of_one_row_leave_nothing_to_train_on():
    X, y, _ = regression()
    with pytest.raises(ValueError, match=rf"No task to train on.* in {len(y)} tasks"):
        MetaRegressor("maml", **QUICK).fit(X, y, groups=np.arange(len(y)))


def test_tasks_of_one_class_leave_nothing_to_train_on_per_task():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="No task to train on"):
        MetaClassifier("maml", label_space="per_task", **QUICK).fit(X, y, groups=y)


def test_a_few_shot_score_without_any_query_row_is_refused(shared):
    X, y, _ = wine()
    with pytest.raises(ValueError, match="enough rows"):
        shared.score(X, y, groups=np.arange(len(y)))


# Adaptation -----------------------------------------------------------------------


def test_labels_unknown_to_a_shared_space_are_named(shared):
    X, y, _ = wine()
    other = np.where(y == "barolo", "merlot", y)
    expected = shared.adapt(X, y).predict_proba(X)
    with pytest.raises(ValueError, match=r"Labels \['merlot'\] are unknown.*barbera"):
        shared.adapt(X, other)
    np.testing.assert_array_equal(shared.predict_proba(X), expected)  # nothing is lost


@pytest.mark.parametrize("algorithm", ["maml", "anil", "protonet"])
@pytest.mark.parametrize("label_space", ["shared", "per_task"])
@pytest.mark.parametrize("n_rows", [1, 3])
def test_one_class_or_one_row_gives_finite_probabilities(
    algorithm, label_space, n_rows
):
    X, y, groups = wine()
    meta = MetaClassifier(algorithm, label_space=label_space, n_shot=3, **QUICK)
    meta.fit(X, y, groups=groups)
    rows = np.flatnonzero(y == "barbera")[:n_rows]
    proba = meta.adapt(X[rows], y[rows]).predict_proba(X)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert proba.shape[1] == (3 if label_space == "shared" else 1)
    assert set(meta.predict(X)) <= set(meta.classes_)


def test_one_row_is_enough_for_a_regressor():
    X, y, groups = regression()
    meta = MetaRegressor("maml", **QUICK).fit(X, y, groups=groups)
    assert np.isfinite(meta.adapt(X[:1], y[:1]).predict(X)).all()


def test_more_classes_than_ever_in_training_are_learnt_per_task(per_task):
    X, y = load_digits(return_X_y=True)
    meta = per_task.adapt(X[:300], y[:300])  # trained on five classes, adapts to ten
    np.testing.assert_array_equal(meta.classes_, np.arange(10))
    proba = meta.predict_proba(X[300:])
    assert proba.shape == (len(X) - 300, 10)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert meta.score(X[300:], y[300:]) > 0.3  # against 0.1 by chance


def test_labels_without_rows_and_rows_without_labels_are_refused(shared, per_task):
    X, *_ = wine()
    with pytest.raises(ValueError, match="pass y"):
        shared.adapt(X)
    with pytest.raises(ValueError, match=r"adapt\(\) without rows.*per_task"):
        per_task.adapt()


# Prediction -----------------------------------------------------------------------


def test_answers_before_fit_are_refused():
    X, y, _ = wine()
    meta = MetaClassifier()
    for call in (
        lambda: meta.adapt(X, y),
        meta.adapt,
        lambda: meta.predict(X),
        lambda: meta.predict_proba(X),
        lambda: meta.transform(X),
        lambda: meta.score(X, y),
        lambda: meta.score(X, y, groups=y),
        lambda: FewShotClassifier(meta).fit(X, y),
    ):
        with pytest.raises(NotFittedError, match="MetaClassifier"):
            call()


def test_answers_before_adapt_are_refused_with_the_remedy():
    X, y, groups = wine()
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    for call in (
        lambda: meta.predict(X),
        lambda: meta.predict_proba(X),
        lambda: meta.score(X, y),
    ):
        with pytest.raises(NotAdaptedError, match=r"call adapt\(X, y\)"):
            call()
    assert issubclass(NotAdaptedError, NotFittedError)


def test_groups_that_were_not_adapted_are_named(shared):
    X, y, groups = wine()
    shared.adapt(X[groups < 3], y[groups < 3], groups=groups[groups < 3])
    with pytest.raises(ValueError, match=r"groups \[3, 4, 5\].*unknown_task='prior'"):
        shared.predict(X, groups=groups)
    with pytest.raises(ValueError, match="adapted to 3 tasks: pass groups="):
        shared.predict(X)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform"])
def test_an_unknown_task_without_a_prior_is_refused_by_every_method(method):
    X, y, groups = wine()
    meta = MetaClassifier(
        "maml", label_space="per_task", unknown_task="prior", n_shot=3, **QUICK
    ).fit(X, y, groups=groups)
    meta.adapt(X, y, groups=groups)
    with pytest.raises(ValueError, match="unknown_task='prior' needs a prior"):
        getattr(meta, method)(X[:2], groups=[98, 99])


def test_groups_of_another_type_are_unknown(shared):
    X, y, groups = wine(n_groups=12)
    shared.adapt(X, y, groups=groups)
    with pytest.raises(ValueError, match=r"No task was adapted.*'10'"):
        shared.predict(X, groups=groups.astype(str))


# Parameters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"algorithm": "protonets"}, r"(?s)protonets.*protonet.*skmeta plugins"),
        ({"algorithm": "mamll"}, r"(?s)mamll.*maml.*skmeta plugins"),
        ({"backbone": "mlpp"}, r"(?s)mlpp.*mlp.*skmeta plugins"),
        ({"n_shot": (5, 2)}, "n_shot must be"),
        ({"n_shot": (1, 2, 3)}, r"n_shot"),
        ({"n_shot": (0.5, 2)}, r"n_shot"),
        ({"n_way": 1}, "n_way"),
        ({"mix_tasks": 1.5}, "mix_tasks"),
        ({"mix_tasks": 0.5, "tasks": "classes"}, "needs tasks='groups'"),
        ({"augment": 3}, "augment"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"lr": 0.0}, "lr"),
        ({"tasks": "rows"}, "tasks"),
        ({"tasks": "classes", "label_space": "shared"}, "tasks='table'"),
        ({"early_stopping": True, "validation_fraction": 1.0}, "validation_fraction"),
        ({"label_space": "per_task", "n_shot": 0}, "at least 1"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_refused_by_fit_with_its_name(parameters, message):
    X, y, groups = wine()
    meta = MetaClassifier(**(QUICK | parameters))  # not by __init__
    with pytest.raises(ValueError, match=message):
        meta.fit(X, y, groups=groups)


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        (CNP(min_std=-0.5), "min_std must be"),
        (CNP(min_std=2.0), "min_std must be"),
        (CNP(n_heads=0), "n_heads must be"),
        (GP(n_steps=2.5), "n_steps must be"),
        (IMAML(cg_steps=2.5), "cg_steps a whole number"),
        (MatchingNet(processing_steps=0), "processing_steps must be"),
        (ProtoNet(n_splits=1.5), "n_splits must be"),
        (ProtoNet(distance=np.subtract), "is no distance, for it has no build"),
        (Reptile(inner_batch_size=2.5), "inner_batch_size must be"),
        (BaselinePlusPlus(inner_lr=np.inf), "inner_lr must be"),
    ],
    ids=str,
)
def test_a_wrong_parameter_of_an_algorithm_is_refused_by_its_name(algorithm, message):
    X, y, groups = wine()
    meta = MetaClassifier(algorithm, **QUICK)
    with pytest.raises((TypeError, ValueError), match=message):
        meta.fit(X, y, groups=groups)


@pytest.mark.parametrize("prior", [None, Ridge], ids=str)
def test_a_part_of_a_prior_that_is_no_estimator_is_refused(prior):
    X, y, groups = regression()
    with pytest.raises(ValueError, match="prior must be a regressor or one of"):
        MetaRegressor("gp", prior=["linear", prior], **QUICK).fit(X, y, groups=groups)


def test_a_regressor_refuses_an_algorithm_for_classes():
    X, y, groups = regression()
    with pytest.raises(ValueError, match="does not learn 'regressor' targets"):
        MetaRegressor("protonet", **QUICK).fit(X, y, groups=groups)


def test_too_few_tasks_to_hold_some_out_are_refused():
    X, y, _ = regression()
    with pytest.raises(ValueError, match="3 are too few"):
        MetaRegressor("maml", early_stopping=True, **QUICK).fit(
            X, y, groups=np.arange(len(y)) % 3
        )


def test_divergence_is_an_error_that_says_what_to_lower():
    X, y, groups = regression()
    meta = MetaRegressor("maml", lr=1e30, **(QUICK | {"max_epochs": 5}))
    with pytest.raises(ValueError, match=r"diverged.*Lower lr"):
        meta.fit(1e3 * X, y, groups=groups)


# Ctrl-C ---------------------------------------------------------------------------


class CtrlC(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("epoch", [1, 3, 5], ids=["first", "middle", "last"])
def test_ctrl_c_keeps_a_usable_estimator_with_a_warning(early_stopping, epoch):
    X, y, groups = wine(n_groups=8)
    meta = MetaClassifier(
        "protonet",
        n_shot=2,
        early_stopping=early_stopping,
        callbacks=[CtrlC(epoch)],
        **(QUICK | {"max_epochs": 5}),
    )
    message = rf"interrupted in epoch {epoch} of 5"
    with (
        pytest.warns(RuntimeWarning, match=message),
        pytest.raises(KeyboardInterrupt),
    ):
        meta.fit(X, y, groups=groups)
    assert len(meta.history_) == epoch
    assert np.isfinite(meta.adapt(X, y).predict_proba(X)).all()
    assert not meta.module_.training


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_adaptation_that_diverges_is_named():
    """A plugin's may: what a task has learnt is no number here."""
    X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    meta = MetaRegressor("maml", max_epochs=3, random_state=0).fit(X, y, groups=task)
    rows, own = np.arange(40), np.array(["calm"] * 20 + ["wild"] * 20)
    meta.adapt(X[rows], y[rows], groups=own)
    place = meta.adapted_.order.tolist().index(1)
    for weight in meta.adapted_.states[0].weights.values():
        weight[place] = np.inf
    calm = meta.predict(X[:20], groups=own[:20])
    assert np.isfinite(calm).all()
    with pytest.raises(RuntimeWarning, match=r"1 task of \['wild'\] diverged"):
        meta.predict(X[rows], groups=own)


def test_adapt_refuses_groups_and_weights_of_no_rows():
    X, y, groups = regression()
    members = [("mean", TaskMean("regressor"))]
    for learner in (
        MetaRegressor("r2d2", **QUICK),
        MetaStackingRegressor(members, random_state=0),
        TaskMean("regressor"),
    ):
        learner.fit(X, y, groups=groups)
        with pytest.raises(ValueError, match="learns groups from their rows"):
            learner.adapt(groups=groups)


def test_what_is_no_augmentation_is_refused_by_name():
    X, y, groups = regression()
    with pytest.raises(TypeError, match="3 is no augmentation"):
        MetaRegressor("r2d2", augment=[3], **QUICK).fit(X, y, groups=groups)


@pytest.mark.parametrize("test_groups", ["1", [], [[1, 2]]])
def test_groups_to_judge_on_are_a_list_of_them(test_groups):
    X, y, groups = regression()
    with pytest.raises(ValueError, match="test_groups lists the groups"):
        few_shot_curve(
            TaskMean("regressor"), X, y, groups, shots=(1,), test_groups=test_groups
        )
