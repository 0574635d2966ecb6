"""Rows without targets: what they change, and all that they must not change."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading
from torch.utils._pytree import tree_leaves

import skmeta
from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor, SaveError
from skmeta.algorithms import GP, ProtoNet
from skmeta.backbones import Identity
from skmeta.datasets import make_sinusoids
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.model_selection import compare, few_shot_scorer

QUICK = {"max_epochs": 1, "tasks_per_epoch": 32, "prior": None, "random_state": 0}
N_TASKS, N_ROWS = 12, 20


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(N_TASKS), N_ROWS)
    X = rng.normal(size=(len(groups), 3)) + rng.normal(size=N_TASKS)[groups][:, None]
    y = (X[:, 0] + rng.normal(size=N_TASKS)[groups] > 0).astype(int)
    return X, y, groups


def hidden(y, every=2):
    """Hide all targets but every second."""
    known = np.arange(len(y)) % every == 0
    return pd.Series(y, dtype="Int64").where(known), known


def answers(meta, X, groups):
    return meta.predict_proba(X, groups=groups)


@pytest.mark.parametrize("name", ["gp", "protonet", "maml", "cnp", "simpleshot"])
def test_rows_without_targets_are_in_no_count_no_support_and_no_loss(name, table):
    """A fit with them is bit for bit a fit without them."""
    X, y, groups = table
    some, known = hidden(y)
    meta = MetaClassifier(name, **QUICK).fit(X, some, groups=groups)
    alone = MetaClassifier(name, **QUICK)
    alone.fit(X[known], y[known], groups=groups[known])
    assert meta.classes_.dtype == np.int64
    assert meta.largest_task_ == alone.largest_task_ == N_ROWS // 2
    for weight, other in zip(
        meta.module_.parameters(), alone.module_.parameters(), strict=True
    ):
        assert (weight == other).all()
    meta.adapt(X[known], y[known], groups=groups[known])
    alone.adapt(X[known], y[known], groups=groups[known])
    np.testing.assert_array_equal(answers(meta, X, groups), answers(alone, X, groups))


@pytest.mark.parametrize("name", ["maml", "cnp", "simpleshot", "r2d2"])
def test_algorithms_that_do_not_use_them_answer_the_same(name, table):
    X, y, groups = table
    some, known = hidden(y)
    meta = MetaClassifier(name, **QUICK).fit(X, y, groups=groups)
    beside = answers(meta.adapt(X, some, groups=groups), X, groups)
    alone = meta.adapt(X[known], y[known], groups=groups[known])
    np.testing.assert_array_equal(beside, answers(alone, X, groups))


USING = [GP(unlabelled=(1.0, 0.5)), ProtoNet(unlabelled=(1.0, 0.5))]


@pytest.mark.parametrize("algorithm", USING, ids=["gp", "protonet"])
def test_tasks_without_such_rows_are_answered_bit_for_bit_as_before(algorithm, table):
    X, y, groups = table
    meta = MetaClassifier(algorithm, **QUICK).fit(X, y, groups=groups)
    some, known = hidden(y)
    few = np.flatnonzero(known)
    before = answers(meta.adapt(X[few], y[few], groups=groups[few]), X, groups)
    # Of one task only are rows without targets given as well.
    more = np.concatenate([few, np.flatnonzero(~known & (groups == 3))])
    meta.adapt(X[more], some.iloc[more], groups=groups[more])
    after = answers(meta, X, groups)
    own = groups == 3
    assert (before[own] != after[own]).any()
    np.testing.assert_allclose(before[~own], after[~own], rtol=1e-5, atol=1e-7)
    again = answers(meta.adapt(X[few], list(y[few]), groups=groups[few]), X, groups)
    np.testing.assert_array_equal(before, again)


@pytest.mark.parametrize("algorithm", USING, ids=["gp", "protonet"])
def test_their_order_does_not_matter(algorithm, table):
    X, y, groups = table
    meta = MetaClassifier(algorithm, **QUICK).fit(X, y, groups=groups)
    some, _ = hidden(y, every=4)
    usual = answers(meta.adapt(X, some, groups=groups), X, groups)
    order = np.random.default_rng(0).permutation(len(y))
    meta.adapt(X[order], some.iloc[order], groups=groups[order])
    np.testing.assert_allclose(answers(meta, X, groups), usual, rtol=1e-4, atol=1e-6)


MISSING = [np.nan, None, pd.NA]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_task_of_such_rows_alone_is_answered_by_the_prior(missing, table):
    X, y, groups = table
    for name in ("gp", "protonet", "maml"):
        meta = MetaClassifier(name, **QUICK).fit(X, y, groups=groups)
        prior = meta.adapt().predict_proba(X)
        nothing = np.full(len(y), missing, dtype=object)
        meta.adapt(X, nothing, groups=groups)
        np.testing.assert_allclose(answers(meta, X, groups), prior, rtol=1e-5)
        meta.adapt(X[:4], nothing[:4])
        np.testing.assert_allclose(meta.predict_proba(X), prior, rtol=1e-5)


def test_without_a_label_and_without_a_prior_there_is_no_answer():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier("protonet", tasks="classes", **QUICK).fit(X[:300], y[:300])
    with pytest.raises(ValueError, match=r"No row of \['b'\] has a label"):
        meta.adapt(X[:4], [1, None, None, 2], groups=["a", "b", "b", "a"])
    with pytest.raises(ValueError, match="No row has a target"):
        meta.fit(X[:4], [None] * 4)


def test_tasks_are_standardised_by_all_of_their_rows(table):
    X, y, groups = table
    meta = MetaClassifier("protonet", normalize="task", **QUICK)
    meta.fit(X, y, groups=groups)
    few = np.arange(4)
    meta.adapt(X[few], y[few])
    alone = meta.predict_proba(X[:20])
    some = np.r_[y[:4], np.full(16, -1)].astype(object)
    some[4:] = None
    meta.adapt(X[:20], some)
    assert (np.abs(meta.predict_proba(X[:20]) - alone) > 1e-4).any()
    # As if the others had come with labels, as far as place and scale go.
    state = meta.adapted_.states[0]
    meta.adapt(X[:20], y[:20])
    np.testing.assert_allclose(
        state.features.mean[0], meta.adapted_.states[0].features.mean[0], rtol=1e-5
    )


def test_a_regressor_deforms_its_kernel_and_says_how_sure_it_is():
    X, y, task = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    meta = MetaRegressor(GP(unlabelled=(1.0, 0.0)), prior=None, max_epochs=2)
    meta.fit(X, y, groups=task)
    y = np.where(np.arange(len(y)) % 20 < 4, y, np.nan)
    known = ~np.isnan(y)
    meta.adapt(X[known], y[known], groups=task[known])
    alone = meta.predict(X, groups=task)
    meta.adapt(X, y, groups=task)
    beside, std = meta.predict(X, groups=task, return_std=True)
    assert np.abs(alone - beside).max() > 1e-3
    assert (std > 0).all()


@pytest.mark.parametrize("name", ["gp", "protonet"])
def test_a_file_brings_what_was_learnt_and_who_was_adapted(name, table, tmp_path):
    X, y, groups = table
    algorithm = {"gp": GP, "protonet": ProtoNet}[name](unlabelled=(1.0, 0.5))
    meta = MetaClassifier(algorithm, **QUICK).fit(X, y, groups=groups)
    some, _ = hidden(y)
    meta.adapt(X, some, groups=groups)
    meta.save(tmp_path / "meta.skmeta")
    again = skmeta.load(tmp_path / "meta.skmeta")
    np.testing.assert_array_equal(answers(meta, X, groups), answers(again, X, groups))
    again.adapt(X, some, groups=groups)
    np.testing.assert_array_equal(answers(meta, X, groups), answers(again, X, groups))


@pytest.mark.parametrize("name", ["gp", "protonet", "maml"])
@pytest.mark.parametrize("normalize", ["global", "task"])
def test_rows_that_come_one_by_one_make_one_adaptation(
    name, normalize, table, tmp_path
):
    """Those without targets are kept for it, in a file too if it keeps supports."""
    X, y, groups = table
    algorithm = {
        "gp": GP(unlabelled=(1.0, 0.5)),
        "protonet": ProtoNet(unlabelled=(1.0, 0.5)),
    }.get(name, name)
    meta = MetaClassifier(algorithm, normalize=normalize, **QUICK)
    meta.fit(X, y, groups=groups)
    some = hidden(y, every=3)[0].where(groups != 2)  # of which nothing is labelled
    whole = answers(meta.adapt(X, some, groups=groups), X, groups)
    first, second = np.arange(len(y)) % 4 < 2, np.arange(len(y)) % 4 >= 2
    meta.adapt(X[first], some[first], groups=groups[first])
    meta.save(tmp_path / "meta.skmeta", supports=True)
    for each in (meta, skmeta.load(tmp_path / "meta.skmeta")):
        each.partial_adapt(X[second], some[second], groups=groups[second])
        np.testing.assert_allclose(
            answers(each, X, groups), whole, rtol=1e-4, atol=1e-6
        )


def test_labels_may_come_after_rows_without_them(table):
    X, y, groups = table
    meta = MetaClassifier(ProtoNet(unlabelled=(1.0, 0.5)), **QUICK)
    meta.fit(X, y, groups=groups)
    some = [*y[:5], *[None] * 15]
    whole = meta.adapt(X[:20], some).predict_proba(X)
    meta.adapt(X[5:20], some[5:]).partial_adapt(X[:5], y[:5])
    np.testing.assert_allclose(meta.predict_proba(X), whole, rtol=1e-5)


def test_judges_never_ask_for_them(table):
    X, y, groups = table
    some, known = hidden(y)
    meta = MetaClassifier("cnp", **QUICK).fit(X, y, groups=groups)
    alone = X[known], y[known]
    assert meta.score(X, some, groups=groups) == meta.score(
        *alone, groups=groups[known]
    )
    meta.adapt(X[:10], y[:10])
    assert meta.score(X, some) == meta.score(*alone)
    for metric in ("accuracy", "neg_log_loss"):
        scorer = few_shot_scorer(metric, n_shot=3)
        # Tasks that have some are learnt in chunks of their own, which round otherwise.
        assert scorer(meta, X, some, groups) == pytest.approx(
            scorer(meta, *alone, groups[known]), rel=1e-6
        )
    options = {"shots": 3, "n_repeats": 1, "test_groups": [0, 1, 2]}
    result = compare([meta], X, some, groups, **options).per_task
    wanted = compare([meta], *alone, groups[known], **options).per_task
    pd.testing.assert_frame_equal(result, wanted)


def test_judges_hand_them_on_to_supports(table):
    X, y, groups = table
    some, _ = hidden(y)
    meta = MetaClassifier(ProtoNet(unlabelled=(1.0, 0.5)), **QUICK)
    meta.fit(X, y, groups=groups)
    plain = MetaClassifier(ProtoNet(unlabelled=(0.0, 0.0)), **QUICK)
    plain.fit(X, y, groups=groups)
    scorer = few_shot_scorer("neg_log_loss", n_shot=3)
    assert scorer(meta, X, some, groups) != scorer(plain, X, some, groups)


def test_a_pipeline_hands_them_on_and_its_imputer_sees_no_target(table):
    X, y, groups = table
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    some, _ = hidden(y)
    with config_context(enable_metadata_routing=True):
        pipe = make_pipeline(SimpleImputer(), MetaClassifier("protonet", **QUICK))
        pipe.fit(X, some, groups=groups)
        skmeta.adapt(pipe, X, some, groups=groups)
        assert set(pipe.predict(X, groups=groups)) <= {0, 1}


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA], ids=repr)
def test_transformed_targets_stay_missing(missing):
    X, y, task = make_sinusoids(n_tasks=30, n_rows=20, random_state=0)
    with config_context(enable_metadata_routing=True):
        meta = TransformedTargetRegressor(
            MetaRegressor("gp", **QUICK), transformer=StandardScaler()
        ).fit(X, y, groups=task)
        some = pd.Series(y[:10], dtype="Float64")
        some[5:] = missing
        skmeta.adapt(meta, X[:10], some)
        assert np.isfinite(meta.predict(X[:10])).all()


def test_a_few_shot_classifier_takes_them(table):
    X, y, groups = table
    words = np.array(["no", "yes"])[y]
    meta = MetaClassifier(ProtoNet(unlabelled=(1.0, 0.5)), **QUICK)
    meta.fit(X, words, groups=groups)
    few = FewShotClassifier(meta).fit(X[:20], [*words[:5], *[None] * 15])
    assert few.classes_.tolist() == sorted(set(words[:5]))
    alone = FewShotClassifier(meta).fit(X[:5], words[:5])
    assert (few.predict_proba(X) != alone.predict_proba(X)).any()


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_an_ensemble_hands_them_on_to_members_that_take_them(kind, table):
    X, y, groups = table
    stack, cls = {
        "classifier": (MetaStackingClassifier, MetaClassifier),
        "regressor": (MetaStackingRegressor, MetaRegressor),
    }[kind]
    target = y if kind == "classifier" else X[:, 1] + y
    members = [("gp", cls(GP(unlabelled=(3.0, 0.5)), **QUICK)), ("maml", "maml")]
    members[1] = ("maml", cls("maml", **QUICK))
    meta = stack(members, weights="equal", random_state=0)
    meta.fit(X, target, groups=groups)
    some = target.astype(float).astype(object)
    some[np.arange(len(y)) % 2 == 1] = None
    known = np.arange(len(y)) % 2 == 0
    both = meta.adapt(X[known], target[known], groups=groups[known])
    ask = "predict_proba" if kind == "classifier" else "predict"
    alone = getattr(both, ask)(X, groups=groups)
    beside = getattr(meta.adapt(X, some, groups=groups), ask)(X, groups=groups)
    assert (alone != beside).any()
    assert np.isfinite(beside).all()


def test_weights_of_such_rows_tell_whether_they_are_there(table):
    X, y, groups = table
    meta = MetaClassifier(ProtoNet(unlabelled=(1.0, 0.5)), **QUICK)
    meta.fit(X, y, groups=groups)
    some = [*y[:5], *[None] * 15]
    weight = np.r_[np.ones(5), np.full(7, 3.0), np.zeros(8)]
    meta.adapt(X[:20], some, sample_weight=weight)
    weighed = meta.predict_proba(X)
    meta.adapt(X[:12], some[:12], sample_weight=np.ones(12))
    np.testing.assert_array_equal(weighed, meta.predict_proba(X))


def test_ten_thousand_of_them_stay_bounded(table):
    X, y, groups = table
    rng = np.random.default_rng(0)
    for algorithm in USING:
        meta = MetaClassifier(algorithm, **QUICK).fit(X, y, groups=groups)
        many = np.concatenate([X[:10], rng.normal(size=(10_000, 3))])
        meta.adapt(many, np.r_[y[:10], np.full(10_000, np.nan)])
        learnt = meta.adapted_.states[0]
        sizes = [leaf.numel() for leaf in tree_leaves(learnt)]
        assert max(sizes) <= 1024 * 16 * 4
        assert np.isfinite(meta.predict_proba(X)).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gp", "protonet"])
def test_the_weight_that_is_learnt_beats_label_spreading_on_digits(name):
    """With nothing to learn but that weight, ten classes and a label of each."""
    X, y = load_digits(return_X_y=True)
    algorithm = ProtoNet(learn_scale=False) if name == "protonet" else GP()
    meta = MetaClassifier(
        algorithm, Identity(), tasks="classes", max_epochs=2, random_state=0
    ).fit(X, y)
    assert meta.unlabelled_[1] > 0
    scaled = X / 16
    ours, theirs = [], []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(y))
        pool, query = order[:800], order[800:]
        some = np.full(len(pool), np.nan)
        for label in range(10):
            first = np.flatnonzero(y[pool] == label)[0]
            some[first] = label
        meta.adapt(X[pool], some)
        ours.append(meta.score(X[query], y[query]))
        known = np.where(np.isnan(some), -1, some).astype(int)
        spreading = LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.2)
        spreading.fit(scaled[pool], known)
        theirs.append(spreading.score(scaled[query], y[query]))
    assert np.mean(ours) >= np.mean(theirs)


@pytest.mark.slow
def test_the_weight_is_nothing_where_neighbours_tell_nothing():
    """Targets that a graph of the inputs cannot know leave unlabelled rows alone."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 30)
    X = rng.normal(size=(len(groups), 4))
    y = rng.integers(0, 2, len(groups))
    meta = MetaClassifier("gp", prior=None, max_epochs=3, random_state=0)
    assert meta.fit(X, y, groups=groups).unlabelled_ == (0.0, 0.0)


LEARNERS = {
    "gp": lambda cls: cls(GP(unlabelled=(1.0, 0.5)), **QUICK),
    "maml": lambda cls: cls("maml", **QUICK),
    "task": lambda cls: cls("r2d2", normalize="task", **QUICK),
}


@pytest.mark.parametrize("who", [*LEARNERS, "ensemble"])
@pytest.mark.parametrize("cls", [MetaClassifier, MetaRegressor])
def test_rows_without_targets_may_come_by_themselves(cls, who, table, tmp_path):
    """Before all others, after them, or for a task of their own."""
    X, y, groups = table
    words = y.astype(float) if cls is MetaRegressor else np.where(y > 0, "on", "off")
    nothing = np.nan if cls is MetaRegressor else None
    members = [(name, make(cls)) for name, make in LEARNERS.items()]
    stack = MetaStackingRegressor if cls is MetaRegressor else MetaStackingClassifier
    meta = stack(members, weights="equal") if who == "ensemble" else LEARNERS[who](cls)
    meta.fit(X, words, groups=groups)
    few = np.flatnonzero((groups < 4) & (np.arange(len(y)) % 3 == 0))
    known = few[np.arange(len(few)) % 2 == 0]
    others = np.setdiff1d(few, known)
    missing = np.full(len(others), nothing)
    name = np.char.add("store ", groups.astype(str))

    def answers(meta):
        ask = getattr(meta, "predict_proba", meta.predict)
        return ask(X[few], groups=name[few])

    def told(rows, y=words, meta=meta, verb="partial_adapt"):
        return getattr(copy.copy(meta), verb)(X[rows], y, groups=name[rows])

    both = np.concatenate([words[known], missing]).astype(missing.dtype)
    expected = answers(told(np.r_[known, others], both, verb="adapt"))
    first = told(others, missing, verb="adapt")
    second = told(known, words[known], first)
    np.testing.assert_allclose(answers(second), expected, atol=1e-5)
    one = known[groups[known] == 2]
    rest = known[groups[known] != 2]
    third = told(rest, words[rest], told(one, words[one], first))
    assert len(third.adapted_.names) == 4  # those of before are still known
    np.testing.assert_allclose(answers(third), expected, atol=1e-5)
    last = told(others, missing, told(known, words[known], verb="adapt"))
    np.testing.assert_allclose(answers(last), expected, atol=1e-5)
    first.save(tmp_path / "first", supports=True)
    again = skmeta.load(tmp_path / "first")
    np.testing.assert_allclose(
        answers(told(known, words[known], again)), expected, atol=1e-5
    )
    own = last.partial_adapt(X[:3], missing[:3], groups=["store 99"] * 3)
    np.testing.assert_allclose(answers(own), expected, atol=1e-5)
    own.predict(X[:3], groups=["store 99"] * 3)
    own.forget(["store 99"])
    np.testing.assert_allclose(answers(own), expected, atol=1e-5)


@pytest.mark.parametrize("names", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("who", ["gp", "task", "ensemble"])
def test_rows_that_a_file_leaves_out_are_missed(who, names, table, tmp_path):
    """What was learnt without them would be another answer, in silence."""
    X, y, groups = table
    members = [(name, LEARNERS[name](MetaRegressor)) for name in ("gp", "maml")]
    stack = MetaStackingRegressor(members, weights="equal")
    meta = stack if who == "ensemble" else LEARNERS[who](MetaRegressor)
    meta.fit(X, y, groups=groups)

    def of(first, last):
        return {"groups": np.repeat(["a", "b"], 6)[first:last]} if names else {}

    meta.adapt(X[:12], np.full(12, np.nan), **of(0, 12))
    whole = copy.copy(meta).partial_adapt(X[:6], y[:6], **of(0, 6))
    meta.save(tmp_path / "all", supports=True)
    meta.save(tmp_path / "some")
    again = skmeta.load(tmp_path / "all").partial_adapt(X[:6], y[:6], **of(0, 6))
    for each in (again, pickle.loads(pickle.dumps(meta))):
        if each is not again:
            each.partial_adapt(X[:6], y[:6], **of(0, 6))
        np.testing.assert_array_equal(
            each.predict(X[:12], **of(0, 12)), whole.predict(X[:12], **of(0, 12))
        )
    some = skmeta.load(tmp_path / "some")
    of_whom = r" of \['a'\]" if names and who != "ensemble" else ""
    with pytest.raises(ValueError, match=f"the earlier (rows|ones){of_whom}.*not here"):
        some.partial_adapt(X[:6], y[:6], **of(0, 6))
    with pytest.raises(SaveError, match="not here to be saved"):
        some.save(tmp_path / "again", supports=True)
    if names:  # what is forgotten is not missed
        some.forget(["a"])
        with pytest.raises(ValueError, match=r"of \['b'\] are not here"):
            some.partial_adapt(X[:6], y[:6], groups=["b"] * 6)


@pytest.mark.parametrize("cls", [MetaClassifier, MetaRegressor])
def test_an_ensemble_forgets_the_last_task_that_has_a_target(cls, table, tmp_path):
    """Who learns anew from all rows has none then, and learns again when some come."""
    X, y, groups = table
    own = Ridge() if cls is MetaRegressor else LogisticRegression()
    members = [("gp", LEARNERS["gp"](cls)), ("own", own)]
    stack = MetaStackingRegressor if cls is MetaRegressor else MetaStackingClassifier
    meta = stack(members, weights="equal").fit(X, y, groups=groups)
    some = y[:24].astype(float)
    some[12:] = np.nan
    names = np.repeat(["a", "b"], 12)
    both = copy.copy(meta).adapt(X[:24], some, groups=names).forget("a")
    b = {"groups": names[12:]}
    alone = copy.copy(meta).adapt(X[12:24], some[12:], **b)
    ask = "predict" if cls is MetaRegressor else "predict_proba"
    both.save(tmp_path / "b", supports=True)
    for each in (both, copy.copy(both), skmeta.load(tmp_path / "b")):
        each.partial_adapt(X[12:14], some[12:14], groups=names[12:14])
        each.partial_adapt(X[14:20], y[14:20], groups=names[14:20])
        expected = copy.copy(alone).partial_adapt(
            X[12:14], some[12:14], groups=names[12:14]
        )
        expected.partial_adapt(X[14:20], y[14:20], groups=names[14:20])
        np.testing.assert_allclose(
            getattr(each, ask)(X[12:24], **b),
            getattr(expected, ask)(X[12:24], **b),
            atol=1e-5,
        )
