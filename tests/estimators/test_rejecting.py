"""Rows of unknown classes are told by classes that were left out, and rejected."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import skmeta
from skmeta import FewShotClassifier, MetaClassifier
from skmeta.estimators.rejecting import _some, with_unknown
from skmeta.model_selection import few_shot_curve, few_shot_scorer
from tests.conftest import QUICK

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*too small:UserWarning"),
    pytest.mark.filterwarnings("ignore:Meta-learning does not help:UserWarning"),
]


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    meta = MetaClassifier("protonet", tasks="classes", reject=True, **QUICK)
    return meta.fit(X[y < 6], y[y < 6])


@pytest.fixture
def meta(fitted):
    return copy.copy(fitted)


@pytest.fixture(scope="module")
def shared(wine):
    X, y, groups = wine
    meta = MetaClassifier("protonet", label_space="shared", reject=0.9, **QUICK)
    return meta.fit(X, np.array(["a", "b", "c"])[y], groups=groups)


def few_of(y, own, n_rows=5):
    return np.concatenate([np.flatnonzero(y == digit)[:n_rows] for digit in own])


def test_rows_above_the_share_are_rejected_and_others_answered_as_ever(meta, digits):
    X, y = digits
    few = few_of(y, (6, 7))
    meta.adapt(X[few], y[few])
    plain = MetaClassifier("protonet", tasks="classes", **QUICK)
    plain.fit(X[y < 6], y[y < 6]).adapt(X[few], y[few])
    scores = meta.unknown_score(X)
    for reject, share in [(True, 0.95), (0.95, 0.95), (0.5, 0.5)]:
        answers = meta.set_params(reject=reject).predict(X)
        np.testing.assert_array_equal(answers == -1, scores > share)
        kept = answers != -1
        np.testing.assert_array_equal(answers[kept], plain.predict(X)[kept])
        assert answers.dtype == y.dtype
    for verb in ("predict_proba", "decision_function", "distances"):
        np.testing.assert_array_equal(getattr(meta, verb)(X), getattr(plain, verb)(X))
    for reject in (None, False):
        answers = meta.set_params(reject=reject).predict(X)
        np.testing.assert_array_equal(answers, plain.predict(X))
        np.testing.assert_array_equal(meta.unknown_score(X), scores)


def test_new_classes_keep_their_rows_and_others_are_told_from_them(meta, digits):
    X, y = digits
    rng = np.random.default_rng(0)
    kept, areas = [], []
    for known in [(6, 7), (6, 8), (6, 9), (7, 8), (7, 9), (8, 9)]:
        few = few_of(y, known)
        meta.adapt(X[few], y[few])
        new = np.setdiff1d(np.flatnonzero(y >= 6), few)
        new = rng.permutation(new)[:200]
        is_unknown = ~np.isin(y[new], known)
        scores = {
            "own": meta.unknown_score(X[new]),
            "odds": -meta.predict_proba(X[new]).max(axis=1),
            "nearest": meta.distances(X[new]).min(axis=1),
        }
        areas.append([roc_auc_score(is_unknown, each) for each in scores.values()])
        kept.append(np.mean(meta.predict(X[new][~is_unknown]) != -1))
    own, odds, nearest = np.mean(areas, axis=0)
    assert own > max(odds, nearest)
    assert 0.87 < np.mean(kept) <= 1  # four classes say no more


def test_a_row_a_thousand_units_away_is_rejected_however_sure_the_learner(meta, digits):
    X, y = digits
    few = few_of(y, (6, 7))
    meta.adapt(X[few], y[few])
    new = np.flatnonzero(y == 6)[20:40]
    for column in range(0, 64, 7):
        moved = X[new].copy()
        moved[:, column] += 1000
        assert (meta.unknown_score(moved) == 1).all()
        assert (meta.predict(moved) == -1).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # who is told of no class needs no warning
        for far in (X[new] - 1000, X[new] * 1e30):
            assert (meta.predict(far) == -1).all()
    meta.reject = False
    with pytest.warns(UserWarning, match="Most of what is asked is far outside"):
        meta.predict(X[new] + 1000)


@pytest.mark.parametrize("normalize", ["task", "robust", None])
def test_far_rows_are_rejected_by_any_scale(digits, normalize):
    X, y = digits
    meta = MetaClassifier(
        "protonet", tasks="classes", reject=True, normalize=normalize, **QUICK
    ).fit(X[y < 5], y[y < 5])
    few = few_of(y, (6, 7))
    meta.adapt(X[few], y[few])
    new = X[y == 6][20:60]
    assert np.mean(meta.predict(new) == -1) < 0.5
    assert (meta.predict(new + 1000) == -1).all()
    if normalize == "task":  # a task may lie anywhere
        with pytest.warns(UserWarning, match="far outside of what fit has seen"):
            meta.adapt(X[few] + 1000, y[few])
        assert np.mean(meta.predict(new + 1000) == -1) < 0.5


def test_classes_of_groups_with_names_of_their_own(digits):
    X, y = digits
    groups = np.random.default_rng(0).integers(6, size=len(y))
    labels = np.array([f"{g} {digit}" for g, digit in zip(groups, y, strict=True)])
    train = groups < 5
    meta = MetaClassifier("protonet", label_space="per_task", reject=True, **QUICK)
    meta.fit(X[train], labels[train], groups=groups[train])
    new = np.flatnonzero(groups == 5)
    few = new[few_of(y[new], range(5))]
    meta.adapt(X[few], labels[few], groups=groups[few])
    rest = np.setdiff1d(new, few)
    scores = meta.unknown_score(X[rest], groups=groups[rest])
    assert roc_auc_score(y[rest] >= 5, scores) > 0.6
    answers = meta.predict(X[rest], groups=groups[rest])
    np.testing.assert_array_equal(answers == "unknown", scores > 0.95)


def test_a_label_that_no_task_had_is_unknown_to_a_shared_label_space(wine):
    X, y, groups = wine
    answers = []
    for missing in (0, 2):
        known = y != missing
        names = np.array(["a", "b", "c"])[y]
        # A fourth label, so that one can be left out of three.
        names = np.where(known & (X[:, 0] > 13.5), "d", names)
        meta = MetaClassifier("protonet", label_space="shared", reject=True, **QUICK)
        meta.fit(X[known], names[known], groups=groups[known])
        few = np.flatnonzero(known)[::9]
        scores = meta.adapt(X[few], names[few]).unknown_score(X)
        answers.append(roc_auc_score(~known, scores))
        assert (meta.adapt().predict(X + 1e5) == "unknown").all()  # by the prior too
    assert np.mean(answers) > 0.7


def test_answers_have_a_label_of_the_kind_of_the_others(digits):
    X, y = digits
    small = QUICK | {"max_epochs": 1, "tasks_per_epoch": 16}
    words = np.array([f"digit {each}" for each in y])
    few = few_of(y, (6, 7))
    for labels, given, expected in [
        (y.astype(np.uint8), "auto", -1),
        (y.astype(float), 99, 99),
        (words, "auto", "unknown"),
        (words.astype(object), "a new kind of digit", "a new kind of digit"),
    ]:
        meta = MetaClassifier(
            "simpleshot", tasks="classes", reject=True, unknown_label=given, **small
        ).fit(X[y < 6], labels[y < 6])
        meta.adapt(X[few], labels[few])
        assert meta.unknown_label_ == expected
        assert set(meta.predict(np.vstack([X[few], X[few] + 1000]))) == {
            *labels[few],
            expected,
        }
        assert meta.predict(X[few[:1]]).dtype == meta.predict(X[few] + 1000).dtype


@pytest.mark.parametrize(
    ("labels", "given", "message"),
    [
        ("numbers", 3, "3 is a label of some rows"),
        ("numbers", "new", "unknown_label='new' must be a number"),
        ("words", -1, "unknown_label=-1 must be a word"),
        ("words", "digit 2", "'digit 2' is a label of some rows"),
        ("truth", "auto", "Labels are False and True"),
    ],
)
def test_a_label_that_cannot_stand_for_unknown_classes_is_refused(
    digits, labels, given, message
):
    X, y = digits
    y = {"numbers": y, "words": np.array([f"digit {d}" for d in y]), "truth": y > 4}[
        labels
    ]
    meta = MetaClassifier("protonet", tasks="classes", reject=True, unknown_label=given)
    with pytest.raises(ValueError, match=message):
        meta.fit(X, y)


def test_what_cannot_be_had_is_refused_with_advice(meta, digits, wine):
    X, y = digits
    few = few_of(y, (6, 7))
    with pytest.raises(ValueError, match="-1 is a label of some rows"):
        meta.adapt(X[few], np.where(y[few] == 6, -1, y[few]))
    with pytest.raises(ValueError, match="tasks='table' knows one task only"):
        MetaClassifier("protonet", tasks="table", reject=True).fit(X, y)
    with pytest.raises(ValueError, match="y has several columns"):
        MetaClassifier(reject=True).fit(X, y[:, None] == [0, 1], groups=y)
    with pytest.raises(ValueError, match="3 classes, where 4 would do"):
        MetaClassifier("protonet", tasks="classes", reject=True, **QUICK).fit(
            X[y < 3], y[y < 3]
        )
    Z, kind, groups = wine
    two = MetaClassifier("protonet", label_space="shared", reject=True, **QUICK)
    with pytest.raises(ValueError, match="2 labels that mean the same"):
        two.fit(Z[kind < 2], kind[kind < 2], groups=groups[kind < 2])
    with pytest.raises(ValueError, match="one task, where 2 would do"):
        two.fit(Z, kind, groups=np.zeros(len(Z)))
    with pytest.raises(ValueError, match="partial_fit has seen the earlier ones"):
        clone(meta).partial_fit(X, y)
    plain = MetaClassifier("protonet", tasks="classes", **QUICK).fit(X, y)
    with pytest.raises(ValueError, match="set reject=True"):
        plain.unknown_score(X)
    with pytest.raises(ValueError, match="set reject=True"):
        plain.set_params(reject=True).predict(X)


def test_a_fit_that_fails_leaves_what_was_known(meta, digits):
    X, y = digits
    few = few_of(y, (6, 7))
    before = meta.adapt(X[few], y[few]).unknown_score(X)
    with pytest.raises(ValueError, match="is a label of some rows"):
        meta.fit(X[y < 6], y[y < 6] - 1)
    np.testing.assert_array_equal(meta.unknown_score(X), before)


def test_two_fits_reject_the_same_rows(meta, digits):
    X, y = digits
    few = few_of(y, (6, 7))
    again = clone(meta).fit(X[y < 6], y[y < 6])
    np.testing.assert_array_equal(
        meta.adapt(X[few], y[few]).unknown_score(X),
        again.adapt(X[few], y[few]).unknown_score(X),
    )


def test_many_tasks_are_told_as_one_by_one(meta, digits):
    X, y = digits
    tasks = [few_of(y, (6, 7), 3), few_of(y, (7, 8, 9), 8), few_of(y, (9,), 1)]
    rows = np.concatenate(tasks)
    groups = np.repeat(["a", "b", "c"], [len(own) for own in tasks])
    meta.adapt(X[rows], y[rows], groups=groups)
    asked = np.resize(["a", "b", "c"], 300)
    together = meta.unknown_score(X[:300], groups=asked)
    for name, own in zip("abc", tasks, strict=True):
        alone = meta.adapt(X[own], y[own]).unknown_score(X[:300][asked == name])
        np.testing.assert_allclose(together[asked == name], alone, atol=1e-4)


def test_judges_count_a_rejected_row_of_an_unknown_class_as_right(
    meta, shared, digits, wine
):
    X, y = digits
    few = few_of(y, (6, 7))
    labels = np.where(np.isin(y, (6, 7)), y, -1)
    meta.adapt(X[few], y[few])
    assert meta.score(X, labels) == np.mean(meta.predict(X) == labels)

    # A group of 6, 7 and 8, where 8 is to be rejected.
    own = np.flatnonzero(np.isin(y, (6, 7, 8)))
    groups = np.arange(len(own)) % 3
    labels = np.where(y[own] == 8, -1, y[own])
    open_world = meta.score(X[own], labels, groups=groups)
    scorer = few_shot_scorer("accuracy", n_shot=5)
    assert 0 < open_world < 1
    assert 0 < scorer(meta, X[own], labels, groups) < 1
    curve = few_shot_curve(meta, X[own], labels, groups=groups, shots=(1, 5))
    assert len(curve)

    Z, kind, tasks = wine
    names = np.array(["a", "b", "unknown"])[kind]
    assert 0 < shared.score(Z, names, groups=tasks) < 1
    assert 0 < scorer(shared, Z, names, tasks) < 1


def test_ordinary_classifiers_and_pipelines_reject_too(meta, shared, digits, wine):
    X, y = digits
    few = few_of(y, (6, 7))
    meta.adapt(X[few], y[few])
    ordinary = FewShotClassifier(meta).fit(X[few], y[few])
    np.testing.assert_array_equal(ordinary.predict(X), meta.predict(X))
    np.testing.assert_array_equal(ordinary.unknown_score(X), meta.unknown_score(X))

    Z, kind, groups = wine
    names = np.array(["a", "b", "c"])[kind]
    two = np.flatnonzero(kind < 2)[::9]
    part = FewShotClassifier(shared).fit(Z[two], names[two])
    rejected = part.unknown_score(Z) > 0.9
    np.testing.assert_array_equal(part.predict(Z) == "unknown", rejected)
    assert set(part.predict(Z)) <= {"a", "b", "unknown"}

    pipe = make_pipeline(MinMaxScaler(), clone(shared))
    with sklearn.config_context(enable_metadata_routing=True):
        pipe.fit(Z, names, groups=groups)
    skmeta.adapt(pipe, Z[two], names[two])
    assert (pipe.predict(Z + 1e5) == "unknown").all()
    few_shot = FewShotClassifier(pipe).fit(Z[two], names[two])
    assert (few_shot.unknown_score(Z + 1e5) == 1).all()


def test_files_and_pickles_reject_the_same_rows(meta, shared, digits, wine, tmp_path):
    X, y = digits
    few = few_of(y, (6, 7))
    meta.adapt(X[few], y[few])
    Z, kind, _ = wine
    shared.adapt(Z[::20], np.array(["a", "b", "c"])[kind[::20]])
    for estimator, rows in [(meta, X), (shared, Z), (FewShotClassifier(meta), X)]:
        if isinstance(estimator, FewShotClassifier):
            estimator.fit(X[few], y[few])
        skmeta.save(estimator, tmp_path / "it.skmeta")
        for again in (
            skmeta.load(tmp_path / "it.skmeta"),
            pickle.loads(pickle.dumps(estimator)),
        ):
            np.testing.assert_array_equal(
                again.unknown_score(rows), estimator.unknown_score(rows)
            )
            np.testing.assert_array_equal(again.predict(rows), estimator.predict(rows))


@pytest.mark.parametrize("algorithm", ["gp", "maml", "matching"])
def test_every_kind_of_algorithm_can_reject(digits, algorithm):
    X, y = digits
    small = QUICK | {"max_epochs": 1, "tasks_per_epoch": 16}
    meta = MetaClassifier(algorithm, tasks="classes", reject=True, **small)
    meta.fit(X[y < 6], y[y < 6])
    few = few_of(y, (6, 7))
    meta.adapt(X[few], y[few])
    new = np.flatnonzero(np.isin(y, (6, 7)))[50:]
    assert np.mean(meta.predict(X[new]) == -1) < 0.5
    assert (meta.predict(X[new] + 1000) == -1).all()


def test_rows_that_come_one_by_one_make_the_same_landmarks(meta, digits):
    X, y = digits
    few = few_of(y, (6, 7, 8), 6)
    groups = np.where(np.arange(len(few)) % 2, "a", "b")
    whole = copy.copy(meta).adapt(X[few], y[few], groups=groups)
    first, *others = np.array_split(np.arange(len(few)), 4)
    meta.adapt(X[few[first]], y[few[first]], groups=groups[first])
    for part in others:
        meta.partial_adapt(X[few[part]], y[few[part]], groups=groups[part])
    asked = np.resize(["a", "b"], len(X))
    np.testing.assert_allclose(
        meta.unknown_score(X, groups=asked),
        whole.unknown_score(X, groups=asked),
        atol=1e-4,
    )
    meta.forget("a")
    own = asked == "b"
    np.testing.assert_allclose(
        meta.unknown_score(X[own], groups=asked[own]),
        whole.unknown_score(X[own], groups=asked[own]),
        atol=1e-4,
    )


def test_the_label_of_unknown_classes_widens_the_type_of_labels_as_far_as_it_must():
    is_unknown = np.array([False, True])
    for labels, unknown, dtype in [
        (np.array([1, 2], dtype=np.int8), -1, np.int8),
        (np.array([1, 2], dtype=np.uint8), 300, np.uint16),
        (np.array([1, 2], dtype=np.int8), 300, np.int32),
        (np.array(["a", "b"]), "new", "<U3"),
        (np.array(["a", "b"], dtype=object), "new", object),
    ]:
        for which in (is_unknown, np.zeros(2, dtype=bool)):
            answers = with_unknown(labels, which, unknown)
            assert answers.dtype == dtype
            assert answers.tolist() == [labels[0], unknown if which[1] else labels[1]]


def test_rows_that_tell_enough_are_from_all_parts_of_a_table():
    assert _some(5).tolist() == [0, 1, 2, 3, 4]
    many = _some(10**7)
    assert (many[0], many[-1]) == (0, 10**7 - 1)
    assert np.ptp(np.diff(many)) <= 1
