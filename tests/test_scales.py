"""Numbers of any scale are answered rightly, or refused in words."""

import warnings

import numpy as np
import pytest

from skmeta import FewShotRegressor, MetaClassifier, MetaRegressor
from skmeta.backbones import MLP
from skmeta.builtin import skmeta_algorithms
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import plain_ways

RNG = np.random.default_rng(0)
TASK = np.repeat(np.arange(16), 12)
X = RNG.normal(size=(len(TASK), 3))
Y = X[:, 0] + RNG.normal(size=16)[TASK] + 0.1 * RNG.normal(size=len(TASK))
LABEL = (Y > 0).astype(int)
QUICK = {"max_epochs": 1, "tasks_per_epoch": 16, "batch_size": 16, "n_query": 5}
QUICK |= {"backbone": MLP((8,)), "early_stopping": False, "random_state": 0}
SUPPORT, QUERY = slice(0, 6), slice(6, 12)

ALGORITHMS = [
    (kind, name)
    for name, algorithm in sorted(skmeta_algorithms().items())
    for kind in algorithm.kinds
]
VALUES = [name for kind, name in ALGORITHMS if kind == "regressor"]
NORMALIZE = ["global", "task", "robust", None]


@pytest.fixture(autouse=True)
def no_warning_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("ignore", "Meta-learning does not help")
        yield


def make(kind, name, **parameters):
    cls = {"regressor": MetaRegressor, "classifier": MetaClassifier}[kind]
    if name == "gp":
        parameters = {"prior": "linear"} | parameters
    meta = cls(name, **QUICK | parameters)
    if "shared" not in skmeta_algorithms()[name].label_spaces:
        meta.set_params(label_space="per_task")
    return meta.fit(X, Y if kind == "regressor" else LABEL, groups=TASK)


def fitted(name, unit=1.0, column_unit=1.0, shift=0.0, **parameters):
    A = X * column_unit + shift
    meta = MetaRegressor(name, **QUICK | parameters)
    if name == "gp" and "prior" not in parameters:
        meta.set_params(prior="linear")
    return meta.fit(A, Y * unit, groups=TASK).adapt(A[SUPPORT], Y[SUPPORT] * unit), A


@pytest.mark.parametrize("unit", [1e-50, 1e40])
@pytest.mark.parametrize("name", VALUES)
def test_values_of_any_unit_are_answered_in_it(name, unit):
    usual, A = fitted(name)
    expected = usual.predict(A[QUERY])
    meta, _ = fitted(name, unit)
    np.testing.assert_allclose(
        meta.predict(A[QUERY]) / unit, expected, rtol=0.02, atol=0.01
    )
    assert meta.score(X, Y * unit, groups=TASK) == pytest.approx(
        usual.score(X, Y, groups=TASK), abs=0.05
    )
    if hasattr(meta.algorithm_, "predict_std"):
        std = meta.predict(A[QUERY], return_std=True)[1]
        usual_std = usual.predict(A[QUERY], return_std=True)[1]
        np.testing.assert_allclose(std / unit, usual_std, rtol=0.05)


@pytest.mark.parametrize("prior", ["boosting", "linear"])
@pytest.mark.parametrize("unit", [1e-50, 1e40])
def test_a_prior_knows_values_of_any_unit(prior, unit):
    usual, A = fitted("gp", prior=prior)
    meta, _ = fitted("gp", unit, prior=prior)
    expected = usual.adapt().predict(A[QUERY])
    assert np.std(expected) > 0.05  # it says something of the rows
    got = meta.adapt().predict(A[QUERY]) / unit
    np.testing.assert_allclose(got, expected, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("normalize", ["global", "task", "robust"])
@pytest.mark.parametrize("change", [(1e9, 0), (1e30, 0), (1e-30, 0), (1, 1e9)])
@pytest.mark.parametrize("name", ["maml", "r2d2", "gp", "cnp"])
def test_features_of_any_unit_and_place_are_the_same_to_learn_from(
    name, change, normalize
):
    usual, A = fitted(name, normalize=normalize)
    meta, B = fitted(name, 1.0, *change, normalize=normalize)
    np.testing.assert_allclose(
        meta.predict(B[QUERY]), usual.predict(A[QUERY]), rtol=0.02, atol=0.01
    )


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize(("kind", "name"), ALGORITHMS)
def test_far_features_are_answered_sanely_and_warned_of(kind, name, normalize):
    meta = make(kind, name, normalize=normalize)
    y = Y if kind == "regressor" else LABEL
    ask = meta.predict if kind == "regressor" else meta.predict_proba
    for far in (X + 1e9, X * 1e30, X * 1e300):
        with pytest.warns(UserWarning, match="far outside"):
            meta.adapt(far[SUPPORT], y[SUPPORT])
        answers = [ask(X[QUERY]), ask(far[QUERY])]
        meta.adapt(X[SUPPORT], y[SUPPORT])
        for each in (*answers, ask(far[QUERY])):
            assert np.isfinite(each).all()
            assert np.abs(each).max() < 30 * np.abs(Y).max()


@pytest.mark.parametrize("normalize", NORMALIZE)
@pytest.mark.parametrize("name", VALUES)
def test_far_targets_are_answered_sanely_and_warned_of(name, normalize):
    meta = make("regressor", name, normalize=normalize)
    for factor in (1e9, 1e40, 1e300):
        with pytest.warns(UserWarning, match="far outside"):
            meta.adapt(X[SUPPORT], Y[SUPPORT] * factor)
        answers = meta.predict(X[QUERY])
        assert np.isfinite(answers).all()
        # Tasks that are standardised by themselves may have a unit of their own.
        most = factor if normalize == "task" else 30
        assert np.abs(answers).max() < 10 * most * np.abs(Y).max()


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_numbers_without_squares_are_refused(size):
    for A, y, what in [
        (X * size, Y, "Columns .* of X"),
        (X, Y * size, "y holds values"),
    ]:
        with pytest.raises(ValueError, match=f"{what}.*whose squares are beyond"):
            MetaRegressor("r2d2", **QUICK).fit(A, y, groups=TASK)
    frame = pytest.importorskip("pandas").DataFrame(
        {"height": X[:, 0], "width": X[:, 1] * size}
    )
    with pytest.raises(ValueError, match=r"\['width'\] of X"):
        MetaRegressor("r2d2", **QUICK).fit(frame, Y, groups=TASK)


def test_without_standardisation_single_precision_must_do():
    bare = MetaRegressor("r2d2", normalize=None, **QUICK)
    with pytest.raises(ValueError, match=r"features reach 1e.09, and networks compute"):
        bare.fit(X + 1e9, Y, groups=TASK)
    for unit in (1e-50, 1e40):
        with pytest.raises(ValueError, match="beyond all numbers of single"):
            bare.fit(X, Y * unit, groups=TASK)


def test_a_later_fit_far_from_the_first_is_refused():
    meta = make("regressor", "r2d2")
    with pytest.raises(ValueError, match=r"features reach .* Give them in the units"):
        meta.partial_fit(X * 1e30, Y, groups=TASK)
    with pytest.raises(ValueError, match=r"targets reach .* Give them in the units"):
        meta.partial_fit(X, Y * 1e30, groups=TASK)


def test_what_cannot_be_solved_is_said_in_words(monkeypatch):
    meta = make("regressor", "r2d2")
    far = X + 1e9
    for name in ("low_", "target_low_"):  # as in files of before there were ranges
        monkeypatch.setattr(meta, name, None)
    with pytest.raises(
        ValueError, match=r"cannot solve .* of \[0, 1\] .* another scale"
    ):
        meta.adapt(far[TASK < 2], Y[TASK < 2], groups=TASK[TASK < 2])


@pytest.mark.parametrize("unit", [1e-50, 1e40])
def test_few_shot_and_ensemble_answer_in_any_unit(unit):
    usual, _ = fitted("r2d2")
    meta, _ = fitted("r2d2", unit)
    few = FewShotRegressor(meta).fit(X[SUPPORT], Y[SUPPORT] * unit)
    np.testing.assert_allclose(
        few.predict(X[QUERY]) / unit, usual.predict(X[QUERY]), rtol=0.02, atol=0.01
    )
    members = [(name, MetaRegressor(name, **QUICK)) for name in ("r2d2", "cnp")]
    both = [
        MetaStackingRegressor(members, random_state=0)
        .fit(X, Y * each, groups=TASK)
        .adapt(X[SUPPORT], Y[SUPPORT] * each)
        .predict(X[QUERY])
        for each in (1.0, unit)
    ]
    np.testing.assert_allclose(both[1] / unit, both[0], rtol=0.05, atol=0.02)


PLAIN = [*plain_ways("regressor", rivals=False)]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("unit", [1e-50, 1e40])
def test_plain_ways_answer_in_any_unit(name, unit):
    answers = []
    for each in (1.0, unit):
        way = plain_ways("regressor", rivals=False)[name].fit(X, Y * each, groups=TASK)
        answers.append(way.adapt(X[SUPPORT], Y[SUPPORT] * each).predict(X[QUERY]))
    np.testing.assert_allclose(answers[1] / unit, answers[0], rtol=0.05, atol=0.02)


@pytest.mark.parametrize("name", PLAIN)
def test_plain_ways_refuse_what_has_no_squares(name):
    way = plain_ways("regressor", rivals=False)[name]
    with pytest.raises(ValueError, match="squares are beyond"):
        way.fit(X, Y * 1e200, groups=TASK)
    with pytest.raises(ValueError, match="squares are beyond"):
        way.fit(X * 1e200, Y, groups=TASK)
    way.fit(X, Y, groups=TASK)
    with pytest.raises(ValueError, match="far beyond those that fit has seen"):
        way.adapt(X[SUPPORT], Y[SUPPORT] * 1e40)


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_a_mixed_model_survives_far_rows(kind):
    way = plain_ways(kind, rivals=False)["mixed linear"]
    y = Y if kind == "regressor" else LABEL
    way.fit(X, y, groups=TASK)
    usual = way.adapt(X[SUPPORT], y[SUPPORT]).predict(X[QUERY])
    for far in (X + 1e9, X * 1e30, X * 1e300):
        with np.errstate(over="ignore"):
            answers = way.adapt(far[SUPPORT], y[SUPPORT]).predict(X[QUERY])
        assert np.isin(answers, y).all() if kind == "classifier" else True
        if kind == "regressor":
            assert np.abs(answers).max() < 10 * np.abs(usual).max()
