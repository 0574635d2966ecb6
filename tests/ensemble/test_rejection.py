"""Rows of unknown classes, told by the members that reject rows."""

import copy

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import skmeta
from skmeta import LoadError
from skmeta.ensemble import MetaStackingClassifier
from skmeta.ensemble.rejection import JointRejection, auroc_of
from skmeta.estimators.few_shot import FewShotClassifier
from skmeta.model_selection import few_shot_scorer
from tests.quick import classifier

pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")
N_WAY, N_ROWS = 4, 8


def blobs(n_tasks, seed):
    """Tasks of four classes each, which no other task has, called 1, 2, ..."""
    rng = np.random.default_rng(seed)
    label = np.tile(np.repeat(np.arange(N_WAY), N_ROWS), n_tasks)
    task = np.repeat(np.arange(n_tasks), N_WAY * N_ROWS)
    centers = 2 * rng.normal(size=(n_tasks, N_WAY, 5))
    X = centers[task, label] + rng.normal(size=(len(task), 5))
    return X, label + 1, task


# The code of a class inside its task may be 0, too: nothing may come of that.
HOW = {"reject": True, "unknown_label": 0, "label_space": "per_task", "n_shot": (1, 3)}


def stack(**how):
    members = [("protonet", classifier(**HOW)), ("own", LogisticRegression())]
    return MetaStackingClassifier(members, random_state=0, **(HOW | how))


X, Y, TASK = blobs(24, 0)
NEW, LABEL, GROUP = blobs(30, 1)
PLACE = np.arange(len(LABEL)) % N_ROWS
KNOWN = LABEL < N_WAY  # the last class of each task is not told
FEW = KNOWN & (PLACE < 3)


@pytest.fixture(scope="module")
def fitted():
    return stack().fit(X, Y, groups=TASK)


@pytest.fixture
def adapted(fitted):
    return copy.copy(fitted).adapt(NEW[FEW], LABEL[FEW], groups=GROUP[FEW])


def test_the_share_of_known_rows_that_is_asked_for_is_kept(adapted):
    score = adapted.unknown_score(NEW[~FEW], groups=GROUP[~FEW])
    kept = (score <= 0.95)[KNOWN[~FEW]].mean()
    assert 0.91 < kept < 0.99
    assert roc_auc_score(~KNOWN[~FEW], score) > 0.9


def test_answers_to_rows_above_the_share_are_the_unknown_label(adapted):
    asked = {"X": NEW[~FEW], "groups": GROUP[~FEW]}
    score, rejecting = adapted.unknown_score(**asked), adapted.predict(**asked)
    np.testing.assert_array_equal(rejecting == 0, score > 0.95)
    adapted.reject = 0.5
    np.testing.assert_array_equal(adapted.predict(**asked) == 0, score > 0.5)
    adapted.reject = None
    plain = adapted.predict(**asked)
    assert 0 not in plain
    np.testing.assert_array_equal(rejecting[score <= 0.95], plain[score <= 0.95])


def test_a_row_far_from_everything_is_rejected(adapted):
    assert (adapted.predict(NEW[:9] + 1000, groups=GROUP[:9]) == 0).all()
    assert adapted.unknown_score(NEW[:9] + 1000, groups=GROUP[:9]).min() == 1


def test_probabilities_are_those_without_reject(adapted):
    asked = {"X": NEW[:99], "groups": GROUP[:99]}
    told = adapted.predict_proba(**asked)
    assert told.shape == (99, 3)
    adapted.reject = None
    np.testing.assert_array_equal(adapted.predict_proba(**asked), told)


def test_a_file_and_rows_one_by_one_bring_the_same_answers(adapted, tmp_path):
    told = adapted.unknown_score(NEW, groups=GROUP)
    part = FEW & (PLACE < 2)
    path = tmp_path / "stack.skmeta"
    adapted.adapt(NEW[part], LABEL[part], groups=GROUP[part])
    adapted.save(path, supports=True)
    again = skmeta.load(path)
    rest = FEW & ~part
    again.partial_adapt(NEW[rest], LABEL[rest], groups=GROUP[rest])
    assert again.unknown_label_ == 0
    np.testing.assert_allclose(again.unknown_score(NEW, groups=GROUP), told, atol=1e-4)


def test_judges_count_the_rejection_of_unknown_rows_as_right(fitted):
    y = np.where(KNOWN, LABEL, 0)
    score = few_shot_scorer("accuracy", n_shot=3)
    rejecting = score(fitted, NEW, y, groups=GROUP)
    hardly = copy.copy(fitted)
    hardly.reject = 0.9999
    assert rejecting > score(hardly, NEW, y, groups=GROUP) + 0.02
    assert fitted.score(NEW, y, groups=GROUP) == pytest.approx(rejecting, abs=0.05)


def test_an_ordinary_classifier_rejects_rows_as_well(fitted):
    own = GROUP == 0
    few = FewShotClassifier(fitted).fit(NEW[FEW & own], LABEL[FEW & own])
    assert (few.predict(NEW[:3] + 1000) == 0).all()


def test_rows_of_unknown_classes_are_not_learnt_from(fitted):
    with pytest.raises(ValueError, match="0 is a label of some rows"):
        copy.copy(fitted).adapt(NEW[:9], np.zeros(9, dtype=int))
    with pytest.raises(ValueError, match="4 is a label of some rows"):
        stack(unknown_label=4).fit(X, Y, groups=TASK)
    with pytest.raises(ValueError, match="must be a number, as the labels are"):
        stack(unknown_label="none").fit(X, Y, groups=TASK)


def test_who_knows_nothing_of_unknown_rows_says_what_to_do():
    plain = [("own", LogisticRegression())]
    silent = MetaStackingClassifier(plain).fit(X, Y, groups=TASK)
    assert silent.unknown_ is None
    with pytest.raises(ValueError, match="was not learnt: set reject=True"):
        silent.adapt(NEW[:9], LABEL[:9]).unknown_score(NEW[:9])
    with pytest.raises(ValueError, match=r"name some that do, .* reject=True"):
        MetaStackingClassifier(plain, reject=True).fit(X, Y, groups=TASK)
    some = TASK < 3
    with pytest.raises(ValueError, match="too few tasks, or too few rows"):
        stack().fit(X[some], Y[some], groups=TASK[some])
    with pytest.raises(ValueError, match="y has several columns"):
        stack().fit(X, np.eye(5, dtype=int)[Y], groups=TASK)


def test_the_default_members_that_can_are_asked_to_reject():
    how = {"reject": 0.9, "unknown_label": -9}
    for space in ("shared", "per_task"):
        stack = MetaStackingClassifier(label_space=space, **how)
        params = stack.set_params(gp__max_epochs=1).get_params(deep=False)
        rejecting = [
            name for name, each in params["estimators"] if getattr(each, "reject", None)
        ]
        assert len(rejecting) == 2
        assert params["estimators"][0][1].unknown_label == -9


# How shares are put together ----------------------------------------------------------


class Told:
    """Tasks of three support rows, about whose rows members have said something."""

    def __init__(self, **shares):
        self.members, self.shares = shares, shares
        self.size = np.array([3.0])

    def answers(self, X, task, ask):
        return iter(self.shares.values())


def joint(first, second, n_rows=4000):
    aurocs = {"a": first, "b": second}
    rng = np.random.default_rng(0)
    told = {name: rng.uniform(size=n_rows) for name in aurocs}
    return JointRejection.learn(aurocs, {3: told, 5: {"a": told["a"]}}), told


def test_shares_of_known_rows_are_even_though_members_do_not_agree():
    made, told = joint(0.9, 0.9)
    assert made.sizes.tolist() == [3]  # of five rows only one has answered
    task = np.zeros(4000, dtype=int)
    shares = made.shares(Told(**told), None, task, {"a": "a", "b": "b"})
    for level in (0.05, 0.5, 0.95):
        assert (shares <= level).mean() == pytest.approx(level, abs=0.01)


def test_who_tells_more_counts_more_and_who_tells_little_nothing():
    assert joint(0.9, 0.9)[0].weights == {"a": 0.5, "b": 0.5}
    weights = joint(0.95, 0.9)[0].weights
    assert weights["a"] > weights["b"] > 0
    assert joint(0.95, 0.6)[0].weights == {"a": 1.0, "b": 0.0}
    assert joint(0.5, 0.4)[0].weights == {"a": 0.5, "b": 0.5}  # a guess


def test_one_of_many_does_not_say_that_a_row_is_far():
    made, _ = joint(0.9, 0.9)
    by_member = Told(a=np.array([1.0, 0.2, np.nan]), b=np.array([1.0, 0.2, 0.7]))
    names = {"a": "a", "b": "b"}
    shares = made.shares(by_member, None, np.zeros(3, dtype=int), names)
    assert shares[0] == 1
    assert 0 < shares[1] < 0.2  # two who agree say more than one
    assert shares[2] > 0.5
    made, _ = joint(0.9, 0.95)
    one = Told(a=np.ones(1), b=np.full(1, 0.2))
    assert made.shares(one, None, np.zeros(1, dtype=int), names) < 1
    nobody = Told(a=np.array([np.nan]), b=np.array([np.nan]))
    with pytest.raises(ValueError, match="None of the members that reject rows, a, b"):
        made.shares(nobody, None, np.zeros(1, dtype=int), names)


def test_fits_of_folds_answer_for_their_member():
    made, _ = joint(0.9, 0.9)
    half = np.array([0.5])
    of_folds = Told(**{"a/0": half - 0.2, "a/1": half + 0.2, "b": half})
    whole = Told(a=half, b=half)
    task = np.zeros(1, dtype=int)
    np.testing.assert_allclose(
        made.shares(of_folds, None, task, {"a/0": "a", "a/1": "a", "b": "b"}),
        made.shares(whole, None, task, {"a": "a", "b": "b"}),
    )


def test_a_member_of_members_tells_as_well_as_its_best(fitted):
    assert auroc_of(fitted) == max(fitted.unknown_.aurocs.values())
    assert auroc_of(LogisticRegression()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"members": ["other", "b"]},
        {"members": []},
        {"aurocs": np.array([0.9])},
        {"sizes": np.array([3, 3])},
        {"levels": np.full((1, 199), np.nan)},
    ],
)
def test_a_damaged_file_is_refused(change):
    made, _ = joint(0.9, 0.8)
    named = {"a": None, "b": None}
    again = JointRejection.of_parts(made.parts(), named)
    assert again.weights == made.weights
    with pytest.raises(LoadError):
        JointRejection.of_parts(made.parts() | change, named)
