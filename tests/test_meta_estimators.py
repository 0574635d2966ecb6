"""Few-shot estimators inside every meta-estimator of scikit-learn, and around some."""

import copy

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import (
    RFE,
    RFECV,
    SelectFromModel,
    SequentialFeatureSelector,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RANSACRegressor, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
)
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.discovery import all_estimators

import skmeta
from skmeta import FewShotClassifier, FewShotRegressor
from skmeta.backbones import MLP
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import PerTask, few_shot_scorer
from tests.quick import classifier, regressor

NAMES = np.array(["ash", "beech", "cedar"], dtype=object)
TASK = np.repeat(np.arange(20), 30)
LEARNT = {"max_epochs": 20, "tasks_per_epoch": 64, "lr": 0.01, "backbone": MLP((16,))}


def forest(seed=0):
    """Three kinds, told apart by the first feature, in tasks of other levels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(600, 4))
    value = X[:, 0] + 0.3 * rng.normal(size=20)[TASK]
    return X, np.digitize(value, [-0.5, 0.5]), value


X, KIND, VALUE = forest()
# Rows of a new task, in which the first kind does not occur.
X_NEW, KIND_NEW, VALUE_NEW = (each[:300][forest(1)[1][:300] > 0] for each in forest(1))
FEW, ASKED = slice(0, 40), slice(40, None)


@pytest.fixture(scope="module")
def metas():
    """Meta-learners that differ in nothing but what they call the labels."""
    of_numbers = classifier(**LEARNT).fit(X, KIND, groups=TASK)
    of_names = classifier(**LEARNT).fit(X, NAMES[KIND], groups=TASK)
    assert of_numbers.label_space_ == "shared"
    return of_numbers, of_names


@pytest.fixture(scope="module")
def per_task():
    meta = classifier(label_space="per_task", n_way=2, **LEARNT)
    return meta.fit(X, KIND, groups=TASK)


@pytest.fixture(scope="module")
def values():
    return regressor(algorithm="r2d2", **LEARNT).fit(X, VALUE, groups=TASK)


def beside(few, other):
    return [("few", few), ("other", other)]


LINE = LogisticRegression()
CLASSIFIERS = {
    "AdaBoostClassifier": lambda few: AdaBoostClassifier(few, n_estimators=3),
    "BaggingClassifier": lambda few: BaggingClassifier(few, 4, random_state=0),
    "CalibratedClassifierCV": lambda few: CalibratedClassifierCV(few, cv=2),
    "CalibratedClassifierCV of one": lambda few: CalibratedClassifierCV(
        few, cv=2, ensemble=False
    ),
    "CalibratedClassifierCV by temperature": lambda few: CalibratedClassifierCV(
        few, cv=2, method="temperature", ensemble=False
    ),
    "FixedThresholdClassifier": FixedThresholdClassifier,
    "GridSearchCV": lambda few: GridSearchCV(few, {"classes": ["support"]}, cv=2),
    "OneVsOneClassifier": OneVsOneClassifier,
    "OneVsRestClassifier": OneVsRestClassifier,
    "OutputCodeClassifier": lambda few: OutputCodeClassifier(
        few, code_size=4, random_state=0
    ),
    "Pipeline": lambda few: make_pipeline(FunctionTransformer(), few),
    "RandomizedSearchCV": lambda few: RandomizedSearchCV(
        few, {"classes": ["support"]}, n_iter=1, cv=2, random_state=0
    ),
    "SelfTrainingClassifier": SelfTrainingClassifier,
    "StackingClassifier": lambda few: StackingClassifier(beside(few, LINE), cv=2),
    "StackingClassifier of labels": lambda few: StackingClassifier(
        beside(few, LINE), cv=2, stack_method="predict"
    ),
    "TunedThresholdClassifierCV": lambda few: TunedThresholdClassifierCV(few, cv=2),
    "VotingClassifier": lambda few: VotingClassifier(beside(few, LINE), voting="soft"),
    "VotingClassifier of labels": lambda few: VotingClassifier([("few", few)]),
    "Voting in bagging in voting": lambda few: VotingClassifier(
        [("a", BaggingClassifier(VotingClassifier([("few", few)]), random_state=0))]
    ),
}
REGRESSORS = {
    "AdaBoostRegressor": lambda few: AdaBoostRegressor(few, n_estimators=3),
    "BaggingRegressor": lambda few: BaggingRegressor(few, 4, random_state=0),
    "RANSACRegressor": lambda few: RANSACRegressor(few, min_samples=5, random_state=0),
    "StackingRegressor": lambda few: StackingRegressor(beside(few, Ridge()), cv=2),
    "TransformedTargetRegressor": lambda few: TransformedTargetRegressor(
        few, func=np.copy, inverse_func=np.copy
    ),
    "VotingRegressor": lambda few: VotingRegressor(beside(few, Ridge())),
}
# Those that ask each target, or are fitted before, have tests of their own; a part of
# the columns, or some more, is no row of a meta-learner, and selectors ask for weights
# of columns.
ELSEWHERE = {"FrozenEstimator", "MultiOutputClassifier", "MultiOutputRegressor"}
# Experiments, which are there once they are asked for.
ELSEWHERE |= {"HalvingGridSearchCV", "HalvingRandomSearchCV", "IterativeImputer"}
OTHER_COLUMNS = {
    "ClassifierChain": (ClassifierChain, "features"),
    "RegressorChain": (RegressorChain, "features"),
    "RFE": (RFE, "coef_"),
    "RFECV": (RFECV, "coef_"),
    "SelectFromModel": (SelectFromModel, "coef_"),
    "SequentialFeatureSelector": (SequentialFeatureSelector, "fits failed"),
}
# What one-vs-rest and output codes tell apart are no labels, if they are more than two.
NO_LABELS = ["OneVsRestClassifier", "OutputCodeClassifier"]


def test_every_meta_estimator_of_scikit_learn_is_here():
    inside = {"estimator", "estimators", "regressor", "steps"}
    known = {
        name for name, each in all_estimators() if inside & set(each._get_param_names())
    }
    assert known <= {*CLASSIFIERS, *REGRESSORS, *ELSEWHERE, *OTHER_COLUMNS}


@pytest.mark.parametrize("name", [e for e in CLASSIFIERS if e != NO_LABELS[1]])
def test_what_labels_are_called_does_not_matter(name, metas):
    answers = []
    for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
        ensemble = CLASSIFIERS[name](FewShotClassifier(meta))
        ensemble.fit(X_NEW[FEW], labels[KIND_NEW[FEW]])
        np.testing.assert_array_equal(ensemble.classes_, labels[1:])
        answers.append(np.searchsorted(labels, ensemble.predict(X_NEW[ASKED])))
        if hasattr(ensemble, "predict_proba"):
            proba = ensemble.predict_proba(X_NEW[ASKED])
            assert proba.shape == (len(answers[0]), 2)
            np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(*answers)
    assert (answers[0] == KIND_NEW[ASKED]).mean() > 0.85


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_names_inside_a_task_are_learnt_in_any_ensemble(name, per_task):
    ensemble = CLASSIFIERS[name](FewShotClassifier(per_task))
    ensemble.fit(X_NEW[FEW], NAMES[KIND_NEW[FEW]])
    np.testing.assert_array_equal(ensemble.classes_, NAMES[1:])
    assert ensemble.score(X_NEW[ASKED], NAMES[KIND_NEW[ASKED]]) > 0.8


@pytest.mark.parametrize("name", ["OneVsRestClassifier", "OneVsOneClassifier"])
def test_all_labels_are_told_apart_one_by_one(name, per_task):
    ensemble = CLASSIFIERS[name](FewShotClassifier(per_task))
    assert ensemble.fit(X[:60], NAMES[KIND[:60]]).score(X, NAMES[KIND]) > 0.75


@pytest.mark.parametrize("name", NO_LABELS)
def test_what_stands_for_no_label_is_refused(name, metas):
    for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
        ensemble = CLASSIFIERS[name](FewShotClassifier(meta))
        with pytest.raises(ValueError, match="nothing in the shared label space"):
            ensemble.fit(X[:60], labels[KIND[:60]])


def test_one_against_one_other_is_no_other_question(metas):
    for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
        few = FewShotClassifier(meta)
        y = labels[KIND_NEW[FEW]]
        ensemble = OneVsRestClassifier(few).fit(X_NEW[FEW], y)
        np.testing.assert_array_equal(
            ensemble.predict(X_NEW), few.fit(X_NEW[FEW], y).predict(X_NEW)
        )


def test_a_vote_of_one_is_what_it_says(metas):
    for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
        few, y = FewShotClassifier(meta), labels[KIND_NEW[FEW]]
        vote = VotingClassifier([("few", few)]).fit(X_NEW[FEW], y)
        expected = few.fit(X_NEW[FEW], y).predict(X_NEW)
        np.testing.assert_array_equal(vote.predict(X_NEW), expected)


def test_cross_validated_probabilities_are_those_of_the_labels(metas):
    for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
        y = labels[KIND_NEW[FEW]]
        proba = cross_val_predict(
            FewShotClassifier(meta), X_NEW[FEW], y, cv=2, method="predict_proba"
        )
        said = cross_val_predict(FewShotClassifier(meta), X_NEW[FEW], y, cv=2)
        np.testing.assert_array_equal(labels[1:][proba.argmax(axis=1)], said)


def test_a_thread_of_its_own_asks_for_the_labels(metas):
    with parallel_config("threading", n_jobs=2):
        for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
            y = labels[KIND_NEW[FEW]]
            vote = VotingClassifier([("few", FewShotClassifier(meta))], n_jobs=2)
            with pytest.raises(ValueError, match="Set encoded_labels"):
                vote.fit(X_NEW[FEW], y)
            few = FewShotClassifier(meta, encoded_labels=labels[1:])
            vote = VotingClassifier([("few", few)], n_jobs=2).fit(X_NEW[FEW], y)
            expected = FewShotClassifier(meta).fit(X_NEW[FEW], y).predict(X_NEW)
            np.testing.assert_array_equal(vote.predict(X_NEW), expected)


def test_a_users_own_code_is_taken_at_its_word(metas):
    class Mine(VotingClassifier):
        def fit(self, X, y):
            self.few_ = FewShotClassifier(metas[0]).fit(X, y)
            return super().fit(X, y)

    mine = Mine([("other", LINE)]).fit(X_NEW[FEW], KIND_NEW[FEW])
    np.testing.assert_array_equal(mine.few_.classes_, [1, 2])


@pytest.mark.parametrize("name", REGRESSORS)
def test_values_are_learnt_in_any_ensemble(name, values):
    ensemble = REGRESSORS[name](FewShotRegressor(values))
    ensemble.fit(X_NEW[FEW], VALUE_NEW[FEW])
    assert ensemble.score(X_NEW[ASKED], VALUE_NEW[ASKED]) > 0.7


@pytest.mark.parametrize("bagging", [BaggingClassifier, BaggingRegressor])
def test_members_of_a_bag_learn_what_they_drew(bagging, values, metas):
    few, y, ask = FewShotClassifier(metas[0]), KIND_NEW, "predict_proba"
    if bagging is BaggingRegressor:
        few, y, ask = FewShotRegressor(values), VALUE_NEW, "predict"
    bag = bagging(few, 3, random_state=0).fit(X_NEW[FEW], y[FEW])
    answers = [getattr(each, ask)(X_NEW) for each in bag.estimators_]
    assert not np.allclose(answers[0], answers[1])
    assert all(each.meta is few.meta for each in bag.estimators_)


@pytest.mark.parametrize("name", ["BaggingClassifier", "AdaBoostClassifier"])
def test_rows_are_repeated_for_what_takes_no_weights(name):
    few = classifier("metaoptnet").fit(X, KIND, groups=TASK).as_classifier()
    weight = np.tile([0, 1, 2, 1], 10)
    twice = np.repeat(np.arange(40), weight)
    expected = clone(few).fit(X_NEW[FEW][twice], KIND_NEW[FEW][twice])
    few.fit(X_NEW[FEW], KIND_NEW[FEW], sample_weight=weight)
    np.testing.assert_array_equal(few.predict(X_NEW), expected.predict(X_NEW))
    ensemble = CLASSIFIERS[name](few)
    if name == "AdaBoostClassifier":  # its weights are parts
        with pytest.raises(ValueError, match="takes no weights of rows"):
            ensemble.fit(X_NEW[FEW], KIND_NEW[FEW])
    else:
        assert set(ensemble.fit(X_NEW[FEW], KIND_NEW[FEW]).predict(X_NEW)) <= {1, 2}


@pytest.mark.parametrize("name", OTHER_COLUMNS)
def test_other_columns_are_refused(name, metas, values):
    outer, said = OTHER_COLUMNS[name]
    few = FewShotClassifier(metas[0])
    y = KIND_NEW[FEW]
    if outer is RegressorChain:
        few, y = FewShotRegressor(values), VALUE_NEW[FEW]
    if "Chain" in name:
        y = np.column_stack([y, y])
    with pytest.raises((ValueError, AttributeError), match=said):
        outer(few).fit(X_NEW[FEW], y).transform(X_NEW)


def test_each_target_has_a_learner_of_its_own(metas, values):
    both = np.column_stack([KIND_NEW, KIND_NEW[::-1]])[FEW]
    many = MultiOutputClassifier(FewShotClassifier(metas[0])).fit(X_NEW[FEW], both)
    expected = FewShotClassifier(metas[0]).fit(X_NEW[FEW], both[:, 1]).predict(X_NEW)
    np.testing.assert_array_equal(many.predict(X_NEW)[:, 1], expected)
    both = np.column_stack([VALUE_NEW, -VALUE_NEW])[FEW]
    many = MultiOutputRegressor(FewShotRegressor(values)).fit(X_NEW[FEW], both)
    assert np.corrcoef(many.predict(X_NEW)[:, 0], VALUE_NEW)[0, 1] > 0.9
    assert np.corrcoef(many.predict(X_NEW)[:, 1], VALUE_NEW)[0, 1] < -0.9


# What it can answer ---------------------------------------------------------------


def test_labels_that_were_not_given_are_not_answered(metas):
    few = FewShotClassifier(metas[0]).fit(X_NEW[FEW], KIND_NEW[FEW])
    np.testing.assert_array_equal(few.classes_, [1, 2])
    assert set(few.predict(X)) == {1, 2}
    whole = copy.copy(metas[0]).adapt(X_NEW[FEW], KIND_NEW[FEW]).predict_proba(X)
    shares = whole[:, 1:] / whole[:, 1:].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(few.predict_proba(X), shares, rtol=1e-5)
    one = FewShotClassifier(metas[0]).fit(X[:3], [2, 2, 2])
    assert set(one.predict(X)) == {2}


def test_all_labels_can_be_asked_for(metas):
    for meta, labels in zip(metas, (np.arange(3), NAMES), strict=True):
        few = FewShotClassifier(meta, classes="all")
        few.fit(X_NEW[FEW], labels[KIND_NEW[FEW]])
        adapted = copy.copy(meta).adapt(X_NEW[FEW], labels[KIND_NEW[FEW]])
        np.testing.assert_array_equal(few.classes_, labels)
        np.testing.assert_array_equal(few.predict(X), adapted.predict(X))
        np.testing.assert_array_equal(few.predict_proba(X), adapted.predict_proba(X))


def test_labels_of_weightless_rows_are_not_answered(metas, per_task):
    y = np.array([0, 1, 2, 1, 2])
    for meta in (*metas[:1], per_task):
        few = FewShotClassifier(meta).fit(X[:5], y, sample_weight=[0, 1, 1, 1, 1])
        np.testing.assert_array_equal(few.classes_, [1, 2])


@pytest.mark.parametrize("how", [{"classes": "some"}, {"encoded_labels": "yes"}])
def test_a_word_that_means_nothing_is_refused(how, metas):
    with pytest.raises(ValueError, match=f"{next(iter(how))} must be"):
        FewShotClassifier(metas[0], **how).fit(X[:9], KIND[:9])


# Around a meta-learner ------------------------------------------------------------


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


WRAPPED = {
    "pipeline": lambda meta: make_pipeline(StandardScaler(), meta),
    "search": lambda meta: GridSearchCV(meta, {"lr": [0.01]}, cv=GroupKFold(2)),
    "search of a pipeline": lambda meta: GridSearchCV(
        make_pipeline(StandardScaler(), meta), {}, cv=GroupKFold(2)
    ),
    "pipeline of a search": lambda meta: make_pipeline(
        StandardScaler(), GridSearchCV(meta, {"lr": [0.01]}, cv=GroupKFold(2))
    ),
    "targets": lambda meta: TransformedTargetRegressor(
        meta, func=np.log, inverse_func=np.exp
    ),
    "pipeline of targets": lambda meta: make_pipeline(
        StandardScaler(), WRAPPED["targets"](meta)
    ),
    "frozen": FrozenEstimator,
    "frozen pipeline of targets": lambda meta: FrozenEstimator(
        WRAPPED["pipeline of targets"](meta)
    ),
}


def fitted(name, meta, y):
    wrapped = WRAPPED[name](meta)
    inner = wrapped.estimator if name.startswith("frozen") else wrapped
    inner.fit(X, y, groups=TASK)
    return wrapped


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("name", WRAPPED)
def test_what_hands_on_to_a_meta_learner_is_few_shot(name):
    y, y_new = np.exp(VALUE), np.exp(VALUE_NEW)
    whole = fitted(name, regressor(algorithm="r2d2", **LEARNT), y)
    first = FewShotRegressor(whole).fit(X_NEW[FEW], y_new[FEW])
    before = first.predict(X_NEW[ASKED])
    others = clone(first).fit(X[:10], y[:10])
    assert others.meta is whole
    assert not np.array_equal(others.predict(X_NEW[ASKED]), before)
    np.testing.assert_array_equal(first.predict(X_NEW[ASKED]), before)
    assert first.n_features_in_ == 4
    adapted = skmeta.adapt(whole, X_NEW[FEW], y_new[FEW])
    assert adapted is whole
    np.testing.assert_array_equal(adapted.predict(X_NEW[ASKED]), before)
    if "targets" in name:
        assert before.min() > 0
        assert r2_score(VALUE_NEW[ASKED], np.log(before)) > 0.8


class Doubled(TransformerMixin, BaseEstimator):
    """A user's step that learns nothing, and so does not tell that it is fitted."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return 2 * np.asarray(X)


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("step", [Doubled(), "passthrough"])
def test_steps_that_learn_nothing_may_stand_before_a_meta_learner(step):
    meta = regressor(algorithm="r2d2", max_epochs=1)
    whole = make_pipeline(step, meta).fit(X, VALUE, groups=TASK)
    few = FewShotRegressor(whole).fit(X_NEW[FEW], VALUE_NEW[FEW])
    answers = skmeta.adapt(whole, X_NEW[FEW], VALUE_NEW[FEW]).predict(X_NEW[ASKED])
    np.testing.assert_array_equal(few.predict(X_NEW[ASKED]), answers)
    rows = X_NEW if step == "passthrough" else 2 * X_NEW
    alone = whole[-1].adapt(rows[FEW], VALUE_NEW[FEW]).predict(rows[ASKED])
    np.testing.assert_array_equal(answers, alone)
    score = few_shot_scorer("r2", n_shot=5, random_state=0)
    assert np.isfinite(score(whole, X, VALUE, groups=TASK))


@pytest.mark.usefixtures("_routing")
@pytest.mark.parametrize("name", ["pipeline", "search", "frozen"])
def test_what_hands_on_to_a_classifier_is_few_shot(name):
    whole = fitted(name, classifier(**LEARNT), KIND)
    few = FewShotClassifier(whole).fit(X_NEW[FEW], KIND_NEW[FEW])
    np.testing.assert_array_equal(few.classes_, [1, 2])
    assert few.score(X_NEW[ASKED], KIND_NEW[ASKED]) > 0.85
    vote = VotingClassifier([("few", few)]).fit(X_NEW[FEW], KIND_NEW[FEW])
    np.testing.assert_array_equal(vote.predict(X_NEW), few.predict(X_NEW))


@pytest.mark.usefixtures("_routing")
def test_targets_are_judged_in_their_own_unit():
    y = np.exp(VALUE)
    meta = regressor(algorithm="r2d2", **LEARNT)
    targets = fitted("targets", meta, y)
    errors = few_shot_scorer("neg_mean_absolute_error", n_shot=10).per_task(
        targets, X, y, groups=TASK
    )
    plain = few_shot_scorer("neg_mean_absolute_error", n_shot=10).per_task(
        copy.deepcopy(meta).fit(X, y, groups=TASK), X, y, groups=TASK
    )
    assert errors.mean() > plain.mean()  # the logarithm is what varies evenly
    stack = MetaStackingRegressor(
        [("targets", WRAPPED["targets"](meta)), ("own", PerTask(Ridge()))],
        weights="equal",
    ).fit(X, y, groups=TASK)
    alone = stack.adapt(X_NEW[FEW], np.exp(VALUE_NEW[FEW])).adapted_.learnt["targets"]
    expected = skmeta.adapt(targets, X_NEW[FEW], np.exp(VALUE_NEW[FEW]))
    np.testing.assert_allclose(
        alone.values(X_NEW, np.zeros(len(X_NEW), dtype=int)),
        expected.predict(X_NEW),
        rtol=1e-5,
    )
