"""Several targets at once: as many fits of one, but for the backbone they share."""

import copy

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import hamming_loss, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmeta
from skmeta import (
    FewShotClassifier,
    FewShotRegressor,
    MetaDataset,
    MetaRegressor,
    plugins,
)
from skmeta.algorithms import R2D2
from skmeta.augmentations import FeatureNoise, LabelPermutation, TaskMixing
from skmeta.display import CoverageDisplay, EmbeddingDisplay
from skmeta.model_selection import (
    PerTask,
    Pooled,
    PooledWithTaskMean,
    TaskMean,
    compare,
    few_shot_curve,
    few_shot_scorer,
)
from tests.quick import TINY, classifier, regressor

RNG = np.random.default_rng(0)
TASK = np.repeat(np.arange(24), 12)
X = RNG.normal(size=(len(TASK), 3))
SLOPES = RNG.normal(size=(24, 3, 3))[TASK]
SIGNAL = np.einsum("nd,ndt->nt", X, SLOPES) + 2 * X
VALUES = SIGNAL * [1.0, 10.0, 0.1] + [0.0, 100.0, -3.0]
LABELS = (SIGNAL > 0).astype(int)
NEW = TASK >= 20
FIRST = NEW & (np.arange(len(TASK)) % 12 < 5)
ASKED = NEW & ~FIRST
ONE_BY_ONE = {"algorithm": "r2d2", "backbone": "identity", "early_stopping": False}


def answers(meta, y, asks="predict", **fit):
    meta = clone(meta).fit(X[~NEW], y[~NEW], TASK[~NEW], **fit)
    meta.adapt(X[FIRST], y[FIRST], TASK[FIRST])
    return getattr(meta, asks)(X[ASKED], TASK[ASKED])


@pytest.fixture(scope="module")
def values():
    return regressor(algorithm="r2d2").fit(X[~NEW], VALUES[~NEW], TASK[~NEW])


@pytest.fixture(scope="module")
def labels():
    return classifier("r2d2").fit(X[~NEW], LABELS[~NEW], TASK[~NEW])


# What is learnt -------------------------------------------------------------------


@pytest.mark.parametrize("normalize", ["global", "task", "robust", None])
@pytest.mark.parametrize("prior", [None, "linear"])
def test_targets_that_share_nothing_are_learnt_as_one_by_one(normalize, prior):
    y = VALUES if normalize else SIGNAL
    meta = regressor(**ONE_BY_ONE, normalize=normalize, prior=prior)
    together = answers(meta, y)
    apart = np.column_stack([answers(meta, own) for own in y.T])
    np.testing.assert_allclose(together, apart, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prior", [None, "linear"])
def test_labels_that_share_nothing_are_learnt_as_one_by_one(prior):
    meta = classifier(**ONE_BY_ONE, prior=prior)
    together = answers(meta, LABELS, "predict_proba")
    apart = [answers(meta, own, "predict_proba")[:, 1] for own in LABELS.T]
    np.testing.assert_allclose(together, np.column_stack(apart), atol=1e-5)


def test_weights_of_rows_hold_for_every_target():
    weight = RNG.integers(1, 3, size=len(X)).astype(float)[~NEW]
    meta = regressor(**ONE_BY_ONE)
    together = answers(meta, VALUES, sample_weight=weight)
    apart = [answers(meta, own, sample_weight=weight) for own in VALUES.T]
    np.testing.assert_allclose(together, np.column_stack(apart), rtol=1e-4, atol=1e-4)
    assert not np.allclose(together, answers(meta, VALUES), rtol=1e-3)


def test_the_backbone_learns_of_all_targets(values):
    networks = [each.backbone for each in values.module_.learners]
    assert all(network is networks[0] for network in networks)
    alone = regressor(algorithm="r2d2").fit(X[~NEW], VALUES[~NEW, 0], TASK[~NEW])
    own = alone.module_.backbone.state_dict()
    shared = networks[0].state_dict()
    assert any(not own[name].equal(shared[name]) for name in own)


def test_a_target_that_comes_twice_gets_the_same_answers():
    twice = answers(regressor(algorithm="r2d2"), VALUES[:, [0, 1, 0]])
    np.testing.assert_array_equal(twice[:, 0], twice[:, 2])
    assert not np.allclose(twice[:, 0], twice[:, 1])


def test_targets_in_another_order_get_their_answers_in_that_order():
    order = [2, 0, 1]
    meta = regressor(algorithm="r2d2")
    np.testing.assert_allclose(
        answers(meta, VALUES[:, order]), answers(meta, VALUES)[:, order], rtol=1e-3
    )


@pytest.mark.parametrize("name", sorted(plugins.names("algorithm")))
@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_every_algorithm_learns_several_targets_or_says_that_it_cannot(kind, name):
    algorithm = plugins.resolve("algorithm", name)
    make, y = (regressor, VALUES) if kind == "regressor" else (classifier, LABELS)
    meta = make(algorithm=algorithm, max_epochs=1)
    if kind not in algorithm.kinds or "shared" not in algorithm.label_spaces:
        with pytest.raises(ValueError, match="does not learn"):
            meta.fit(X, y, TASK)
        return
    assert np.isfinite(answers(meta, y)).all()
    assert answers(meta, y).shape == (ASKED.sum(), 3)


@pytest.mark.parametrize("algorithm", ["gp", "cnp"])
def test_every_target_has_its_standard_deviation(algorithm):
    meta = regressor(algorithm=algorithm, n_shot=(1, 5))
    meta.fit(X[~NEW], VALUES[~NEW], TASK[~NEW])
    meta.adapt(X[FIRST], VALUES[FIRST], TASK[FIRST])
    mean, std = meta.predict(X[ASKED], TASK[ASKED], return_std=True)
    assert mean.shape == std.shape == (ASKED.sum(), 3)
    assert (std > 0).all()
    scale = std.mean(axis=0) / VALUES.std(axis=0)  # each in its own unit
    assert scale.max() < 10 * scale.min()


@pytest.mark.parametrize("algorithm", ["cnp", "r2d2"])
def test_intervals_cover_all_targets_of_a_row(algorithm):
    meta = regressor(algorithm=algorithm).fit(X[~NEW], VALUES[~NEW], TASK[~NEW])
    meta.adapt(X[FIRST], VALUES[FIRST], TASK[FIRST])
    low, high = meta.predict_interval(X[ASKED], groups=TASK[ASKED], coverage=0.8)
    assert low.shape == high.shape == (ASKED.sum(), 3)
    inside = (low <= VALUES[ASKED]) & (VALUES[ASKED] <= high)
    assert inside.all(axis=1).mean() > 0.5
    middle = meta.predict(X[ASKED], TASK[ASKED])
    np.testing.assert_allclose((low + high) / 2, middle, rtol=1e-4, atol=1e-4)
    coverage = CoverageDisplay.from_predictions(
        VALUES[ASKED], [(low, high)], TASK[ASKED], coverages=[0.8], plot=False
    )
    assert coverage.coverage == pytest.approx([inside.all(axis=1).mean()])
    display = CoverageDisplay.from_estimator(
        meta, X[NEW], VALUES[NEW], TASK[NEW], n_shot=5, coverages=[0.8], plot=False
    )
    assert display.found.shape == (1, 4)


def test_sets_are_of_one_column(labels):
    meta = copy.copy(labels).adapt(X[FIRST], LABELS[FIRST], TASK[FIRST])
    for ask in (meta.calibrate, lambda: meta.predict_set(X[:4])):
        with pytest.raises(ValueError, match="fit had several"):
            ask()


def test_no_row_is_answered_by_the_prior_of_each_target(values):
    meta = copy.copy(values).adapt()
    error = meta.predict(X[ASKED]) - VALUES[ASKED].mean(axis=0)
    assert (np.abs(error) < 4 * VALUES.std(axis=0)).all()


def test_a_far_target_does_no_harm_to_the_others(values):
    y = VALUES[FIRST].copy()
    y[0, 1] = 1e6
    with pytest.warns(UserWarning, match="far outside"):
        far = copy.copy(values).adapt(X[FIRST], y, TASK[FIRST])
    plain = copy.copy(values).adapt(X[FIRST], VALUES[FIRST], TASK[FIRST])
    told = [meta.predict(X[ASKED], TASK[ASKED]) for meta in (far, plain)]
    np.testing.assert_array_equal(told[0][:, [0, 2]], told[1][:, [0, 2]])
    assert np.abs(told[0][:, 1]).max() < 1e3 * VALUES[:, 1].std()


@pytest.mark.slow
def test_labels_of_every_kind_of_learner_are_learnt():
    for algorithm in ("gp", "protonet", "maml", "r2d2", "cnp"):
        meta = classifier(algorithm, max_epochs=30, tasks_per_epoch=64)
        told = answers(meta, LABELS)
        assert 1 - hamming_loss(LABELS[ASKED], told) > 0.7, algorithm


# How y comes and answers go ---------------------------------------------------------


def test_a_single_column_is_a_single_target():
    meta = regressor(algorithm="r2d2")
    with pytest.warns(DataConversionWarning, match="column-vector"):
        meta.fit(X, VALUES[:, :1], TASK)
    alone = regressor(algorithm="r2d2").fit(X, VALUES[:, 0], TASK)
    assert meta.score(X, VALUES[:, 0], groups=TASK) == alone.score(
        X, VALUES[:, 0], groups=TASK
    )


def test_names_of_targets_are_kept():
    frame = pd.DataFrame(VALUES, columns=["a", "b", "c"])
    meta = regressor(algorithm="r2d2").fit(X, frame, TASK)
    assert meta.target_names_.tolist() == ["a", "b", "c"]
    meta.adapt(X[FIRST], frame[FIRST], TASK[FIRST])
    told = meta.predict(X[FIRST], TASK[FIRST])
    assert isinstance(told, np.ndarray)
    assert not hasattr(meta.fit(X, VALUES, TASK), "target_names_")


def test_answers_have_the_forms_of_multilayer_perceptrons(labels):
    meta = copy.copy(labels).adapt(X[FIRST], LABELS[FIRST], TASK[FIRST])
    told = meta.predict(X[ASKED], TASK[ASKED])
    shares = meta.predict_proba(X[ASKED], TASK[ASKED])
    assert told.shape == shares.shape == (ASKED.sum(), 3)
    np.testing.assert_array_equal(told, shares > 0.5)
    assert ((shares > 0) & (shares < 1)).all()
    logits = meta.decision_function(X[ASKED], TASK[ASKED])
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), shares, rtol=1e-5)
    log_shares = meta.predict_log_proba(X[ASKED], TASK[ASKED])
    np.testing.assert_allclose(np.exp(log_shares), shares, rtol=1e-5)
    assert meta.classes_.tolist() == [0, 1, 2]


def test_sparse_and_boolean_indicators_are_labels(labels):
    for y in (csr_array(LABELS), LABELS.astype(bool), LABELS.astype(float)):
        meta = classifier("r2d2").fit(X[~NEW], y[~NEW], TASK[~NEW])
        given = y[FIRST]
        told = meta.adapt(X[FIRST], given, TASK[FIRST]).predict(X[ASKED], TASK[ASKED])
        same = copy.copy(labels).adapt(X[FIRST], LABELS[FIRST], TASK[FIRST])
        np.testing.assert_array_equal(told, same.predict(X[ASKED], TASK[ASKED]))


def test_a_task_may_have_none_of_the_labels(labels):
    none = np.zeros_like(LABELS[FIRST])
    meta = copy.copy(labels).adapt(X[FIRST], none, TASK[FIRST])
    assert meta.predict_proba(X[ASKED], TASK[ASKED]).mean() < 0.4


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.column_stack([LABELS[:, 0], LABELS[:, 0] + 1]), "0 and 1"),
        (np.array([["a", "b"]] * len(X)), "0 and 1"),
    ],
)
def test_columns_of_other_classes_are_refused_with_what_to_do(y, message):
    with pytest.raises(ValueError, match=message) as raised:
        classifier("r2d2").fit(X, y, TASK)
    assert "OneHotEncoder" in str(raised.value)


def test_other_numbers_of_targets_than_those_of_fit_are_refused(values):
    for y in (VALUES[FIRST, 0], VALUES[FIRST][:, :2]):
        with pytest.raises(ValueError, match="fit has learnt 3 targets"):
            values.adapt(X[FIRST], y, TASK[FIRST])
    with pytest.raises(ValueError, match="fit has learnt 3 targets"):
        values.score(X, VALUES[:, 0], groups=TASK)
    with pytest.raises(ValueError, match="fit has learnt a single one"):
        regressor(algorithm="r2d2").fit(X, VALUES[:, 0], TASK).adapt(X, VALUES)
    warm = regressor(algorithm="r2d2", warm_start=True).fit(X, VALUES, TASK)
    with pytest.raises(ValueError, match="other columns"):
        warm.fit(X, VALUES[:, :2], TASK)
    with pytest.raises(ValueError, match="fit has learnt 3 targets"):
        warm.partial_fit(X, VALUES[:, :2], TASK)


def test_a_missing_target_is_refused(values):
    y = VALUES.copy()
    y[0, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        values.adapt(X, y, TASK)


@pytest.mark.parametrize("kind", ["values", "labels"])
def test_a_row_without_any_target_is_unlabelled(kind):
    make, y = {"values": (regressor, VALUES), "labels": (classifier, LABELS)}[kind]
    y = y.astype(float)
    y[::5] = np.nan
    meta = make(algorithm="r2d2", normalize="task")
    kept = ~np.isnan(y).any(axis=1)
    meta = meta.fit(X[~NEW], y[~NEW], TASK[~NEW])
    some = FIRST & kept
    told = meta.adapt(X[FIRST], y[FIRST], TASK[FIRST]).predict(X[ASKED], TASK[ASKED])
    without = meta.adapt(X[some], y[some], TASK[some]).predict(X[ASKED], TASK[ASKED])
    assert told.shape == without.shape == (ASKED.sum(), 3)
    if kind == "values":  # tasks are standardised by all of their rows
        assert not np.allclose(told, without)


@pytest.mark.parametrize(
    "given",
    [
        {"label_space": "per_task"},
        {"tasks": "classes"},
        {"class_weight": "balanced"},
        {"stratify": True},
        {"mix_tasks": 0.5},
    ],
)
def test_what_is_for_classes_is_refused_for_labels(given):
    name = next(iter(given))
    with pytest.raises(ValueError, match=f"{name}.*cannot be given"):
        classifier("r2d2", **given).fit(X, LABELS, TASK)


def test_an_algorithm_may_say_that_it_learns_one_target():
    class One(R2D2):
        several_targets = False

    with pytest.raises(ValueError, match="made for one target, and y has 3"):
        regressor(algorithm=One()).fit(X, VALUES, TASK)
    assert regressor(algorithm=One()).fit(X, VALUES[:, 0], TASK)


def test_training_may_go_on_with_several_targets():
    meta = regressor(algorithm="r2d2", warm_start=True).fit(X, VALUES, TASK)
    before = len(meta.history_)
    meta.fit(X, VALUES, TASK)
    assert len(meta.history_) == 2 * before
    assert len(meta.partial_fit(X, VALUES, TASK).history_) == 2 * before + 1


@pytest.mark.parametrize("augment", [FeatureNoise(within=0.5), TaskMixing(share=1.0)])
@pytest.mark.parametrize("make", [regressor, classifier])
def test_augmentations_take_several_targets_or_say_that_they_do_not(make, augment):
    y = VALUES if make is regressor else LABELS
    told = answers(make(algorithm="r2d2", augment=augment), y)
    assert np.isfinite(told).all()
    assert not np.array_equal(told, answers(make(algorithm="r2d2"), y)) or (
        make is classifier
    )


def test_an_augmentation_that_renames_labels_is_refused():
    with pytest.raises(ValueError, match="made for one target"):
        classifier("r2d2", augment=LabelPermutation()).fit(X, LABELS, TASK)


# Scores -----------------------------------------------------------------------------


def test_the_score_of_a_task_is_the_mean_over_targets(values, labels):
    one = TASK == 20
    meta = copy.copy(values).adapt(X[one], VALUES[one])
    told = meta.predict(X[ASKED])
    assert meta.score(X[ASKED][:10], VALUES[ASKED][:10]) == pytest.approx(
        r2_score(VALUES[ASKED][:10], told[:10])
    )
    meta = copy.copy(labels).adapt(X[one], LABELS[one])
    told = meta.predict(X[ASKED][:10])
    assert meta.score(X[ASKED][:10], LABELS[ASKED][:10]) == pytest.approx(
        (told == LABELS[ASKED][:10]).mean()
    )


def test_few_shot_scores_are_means_over_targets():
    for make, y in ((regressor, VALUES), (classifier, LABELS)):
        meta = make(**ONE_BY_ONE)
        together = clone(meta).fit(X, y, TASK).score(X, y, groups=TASK)
        apart = [
            clone(meta).fit(X, own, TASK).score(X, own, groups=TASK) for own in y.T
        ]
        assert together == pytest.approx(np.mean(apart), abs=1e-4)


def test_a_target_without_variance_has_no_say_in_the_score(values):
    y = VALUES.copy()
    y[:, 1] = 100.0
    whole = values.score(X, y, groups=TASK)
    y[:, 1] = VALUES[:, 1]
    assert np.isfinite(whole)
    assert whole != values.score(X, y, groups=TASK)


@pytest.mark.parametrize("metric", ["r2", "neg_mean_absolute_error"])
def test_judges_score_target_by_target(values, metric):
    scorer = few_shot_scorer(metric, n_shot=5)
    together = scorer.per_task(values, X[NEW], VALUES[NEW], TASK[NEW])
    assert together.shape == (4,)
    assert np.isfinite(together).all()
    meta = regressor(**ONE_BY_ONE)
    both = scorer(clone(meta).fit(X, VALUES, TASK), X, VALUES, TASK)
    apart = [scorer(clone(meta).fit(X, y, TASK), X, y, TASK) for y in VALUES.T]
    assert both == pytest.approx(np.mean(apart), rel=1e-3)


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", "roc_auc", "f1"])
def test_judges_score_label_by_label(labels, metric):
    scores = few_shot_scorer(metric, n_shot=5).per_task(
        labels, X[NEW], LABELS[NEW], TASK[NEW]
    )
    assert np.isfinite(scores).all()


def test_plain_ways_learn_every_target_by_itself():
    for way in (TaskMean("regressor"), PerTask(Ridge()), PooledWithTaskMean(Ridge())):
        together = answers(way, VALUES)
        apart = np.column_stack([answers(way, own) for own in VALUES.T])
        np.testing.assert_allclose(together, apart)
    together = answers(TaskMean("classifier"), LABELS, "predict_proba")
    apart = [
        answers(TaskMean("classifier"), own, "predict_proba", classes=[0, 1])[:, 1]
        for own in LABELS.T
    ]
    np.testing.assert_allclose(together, np.column_stack(apart))


def test_a_plain_way_refuses_other_numbers_of_targets():
    way = TaskMean("regressor").fit(X, VALUES, TASK)
    with pytest.raises(ValueError, match="fit has learnt 3 targets"):
        way.adapt(X, VALUES[:, 0], TASK)
    assert way.fit(X, VALUES[:, 0], TASK).adapt(X, VALUES[:, 0], TASK)


def test_curves_and_comparisons_take_several_targets(values):
    ways = {"meta": values, "mean": TaskMean("regressor"), "pooled": Pooled(Ridge())}
    split = {"test_groups": np.arange(20, 24)}
    found = compare(ways, X, VALUES, TASK, shots=5, **split)
    assert found.scores.score.notna().all()
    curve = few_shot_curve(ways, X, VALUES, TASK, shots=(1, 5), **split)
    assert len(curve) == 6


# Around a meta-learner ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["values", "labels"])
def test_a_file_brings_several_targets_back(kind, request, tmp_path):
    meta = copy.copy(request.getfixturevalue(kind))
    y = {"values": VALUES, "labels": LABELS}[kind]
    meta.adapt(X[FIRST], y[FIRST], TASK[FIRST]).save(tmp_path / "a.skmeta")
    again = skmeta.load(tmp_path / "a.skmeta")
    told = [each.predict(X[ASKED], TASK[ASKED]) for each in (meta, again)]
    np.testing.assert_array_equal(*told)
    networks = [each.backbone for each in again.module_.learners]
    assert all(network is networks[0] for network in networks)


def test_a_file_brings_priors_and_names_of_targets_back(tmp_path):
    frame = pd.DataFrame(VALUES, columns=["a", "b", "c"])
    meta = regressor(algorithm="r2d2", prior=["boosting", "linear"], normalize="task")
    meta.fit(X, frame, TASK).adapt(X[FIRST], frame[FIRST], TASK[FIRST])
    meta.save(tmp_path / "a.skmeta")
    again = skmeta.load(tmp_path / "a.skmeta")
    assert again.target_names_.tolist() == ["a", "b", "c"]
    told = [each.predict(X[ASKED], TASK[ASKED]) for each in (meta, again)]
    np.testing.assert_array_equal(*told)


@pytest.mark.parametrize(("kind", "prior"), [("values", "linear"), ("labels", None)])
def test_rows_and_tasks_come_one_by_one(kind, prior, tmp_path):
    make, y = {"values": (regressor, VALUES), "labels": (classifier, LABELS)}[kind]
    meta = make(algorithm="r2d2", prior=prior).fit(X, y, TASK)
    first = FIRST & (TASK < 23) & (np.arange(len(TASK)) % 12 < 3)
    meta.adapt(X[first], y[first], TASK[first])
    meta.save(tmp_path / "a.skmeta", supports=True)
    whole = copy.copy(meta).adapt(X[FIRST], y[FIRST], TASK[FIRST])
    told = whole.predict(X[ASKED], TASK[ASKED])
    rest = FIRST & ~first
    for part in (meta, skmeta.load(tmp_path / "a.skmeta")):
        part.partial_adapt(X[rest], y[rest], TASK[rest])
        np.testing.assert_allclose(part.predict(X[ASKED], TASK[ASKED]), told, rtol=1e-4)
        left = ASKED & (TASK > 20)
        own = part.forget([20]).predict(X[left], TASK[left])
        np.testing.assert_allclose(own, told[TASK[ASKED] > 20], rtol=1e-4)


def test_few_shot_estimators_learn_several_targets(values, labels):
    one = TASK == 20
    few = FewShotRegressor(values).fit(X[one], VALUES[one])
    assert few.predict(X[ASKED]).shape == (ASKED.sum(), 3)
    few = FewShotClassifier(labels).fit(X[one], LABELS[one])
    told, shares = few.predict(X[ASKED]), few.predict_proba(X[ASKED])
    np.testing.assert_array_equal(told, shares > 0.5)
    np.testing.assert_array_equal(few.classes_, [0, 1, 2])
    np.testing.assert_array_equal(told, few.decision_function(X[ASKED]) > 0)
    assert few.predict_log_proba(X[ASKED]).shape == told.shape


def test_two_labels_are_no_two_classes():
    y = LABELS[:, :2]
    meta = classifier("r2d2").fit(X, y, TASK).adapt(X[:12], y[:12])
    assert meta.decision_function(X[:5]).shape == (5, 2)
    few = FewShotClassifier(meta).fit(X[:12], y[:12])
    np.testing.assert_array_equal(
        few.decision_function(X[:5]), meta.decision_function(X[:5])
    )
    np.testing.assert_array_equal(
        few.predict_log_proba(X[:5]), meta.predict_log_proba(X[:5])
    )


def test_distances_are_of_one_column():
    meta = classifier("protonet").fit(X, LABELS, TASK).adapt(X[:12], LABELS[:12])
    with pytest.raises(ValueError, match="fit had several"):
        meta.distances(X[:5])


def test_pipelines_and_transformed_targets_hand_on_several(values):
    pipe = make_pipeline(MinMaxScaler(), regressor(algorithm="r2d2"))
    with config_context(enable_metadata_routing=True):
        pipe.fit(X, VALUES, groups=TASK)
        outer = TransformedTargetRegressor(
            regressor(algorithm="r2d2"), transformer=StandardScaler()
        ).fit(X, VALUES, groups=TASK)
    assert skmeta.adapt(pipe, X[:9], VALUES[:9]).predict(X[:4]).shape == (4, 3)
    told = skmeta.adapt(outer, X[:9], VALUES[:9]).predict(X[:9])
    assert r2_score(VALUES[:9], told) > 0  # in the unit of the targets
    assert few_shot_scorer("r2")(outer, X, VALUES, TASK) > -1


def test_a_meta_dataset_holds_several_targets():
    tasks = MetaDataset(X, VALUES, TASK)
    assert "3 columns" in repr(tasks)
    assert tasks._repr_html_()
    told = [
        regressor(algorithm="r2d2").fit(*given).score(X, VALUES, groups=TASK)
        for given in ((tasks,), (X, VALUES, TASK))
    ]
    assert told[0] == told[1]
    parts = MetaDataset.from_tasks([(X[:9], VALUES[:9]), (X[9:], VALUES[9:])])
    assert parts.y.shape == VALUES.shape


def test_the_table_may_be_the_task():
    meta = MetaRegressor("r2d2", tasks="table", **TINY).fit(X, VALUES)
    assert meta.predict(X).shape == VALUES.shape


def test_embeddings_stand_side_by_side_where_targets_adapt_them(values):
    assert values.transform(X[:4]).shape == (4, 8)
    meta = regressor(algorithm="maml").fit(X, VALUES, TASK)
    assert meta.transform(X[:4]).shape == (4, 24)
    assert meta.get_feature_names_out().shape == (24,)


def test_a_picture_of_rows_takes_one_target(values):
    with pytest.raises(ValueError, match="1d array"):
        EmbeddingDisplay.from_estimator(values, X[:5], VALUES[:5], X[5:9])
