"""Intervals and sets: they cover new tasks, and say so where they cannot."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmeta
from skmeta import MetaClassifier, MetaDataset, MetaRegressor, NotAdaptedError
from skmeta.algorithms import ANIL, R2D2
from skmeta.datasets import make_sinusoids
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.model_selection import TaskMean
from skmeta.pipelines import last_step
from tests.quick import TASK, TINY, X, Y, classifier, regressor

quiet = pytest.mark.filterwarnings("ignore:Meta-learning does not help")
pytestmark = quiet


def waves(n_tasks, seed, n_rows=12):
    """Make tasks whose names no training task has."""
    X, y, task = make_sinusoids(n_tasks=n_tasks, n_rows=n_rows, random_state=seed)
    return X, y, task + 1000


@pytest.fixture(scope="module")
def trained():
    return MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK)


@pytest.fixture
def fitted(trained):
    """A learner of its own for every test."""
    return copy.copy(trained)


@pytest.fixture
def meta(fitted):
    return fitted.calibrate(*waves(40, seed=1))


# Coverage -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [0, 3])
def test_new_tasks_are_covered_whoever_the_learner_is(fitted, n_rows):
    """Twenty tasks calibrate a learner that is hardly trained, fifty times."""
    if not n_rows:
        fitted = MetaRegressor("cnp", **TINY).fit(X, Y, groups=TASK)
    covered = []
    for seed in range(50):
        fitted.calibrate(*waves(20, seed=100 + seed))
        X_new, y_new, task = waves(30, seed=1000 + seed)
        place = np.arange(len(task)) % 12
        support, query = place < n_rows, place == 11  # a row of each task
        how = {"groups": task[query]} if n_rows else {}
        fitted.adapt(
            *((X_new[support], y_new[support], task[support]) if n_rows else ())
        )
        low, high = fitted.predict_interval(X_new[query], coverage=0.8, **how)
        covered += [np.mean((low <= y_new[query]) & (y_new[query] <= high))]
    # Of 20 tasks and 30 new ones the mean of 50 is off by 0.017.
    assert 0.8 - 0.05 < np.mean(covered) < 0.8 + 0.04 + 0.05


@pytest.mark.slow
def test_sets_cover_new_tasks():
    meta = classifier("cnp").fit(X, Y > 0, groups=TASK)
    covered = []
    for seed in range(30):
        X_known, y_known, task = waves(20, seed=100 + seed)
        meta.calibrate(X_known, y_known > 0, groups=task)
        X_new, y_new, task = waves(30, seed=1000 + seed)
        place = np.arange(len(task)) % 12
        support, query = place < 4, place == 11
        meta.adapt(X_new[support], y_new[support] > 0, groups=task[support])
        sets = meta.predict_set(X_new[query], groups=task[query], coverage=0.8)
        covered.append(sets[np.arange(30), (y_new[query] > 0).astype(int)].mean())
    assert 0.8 - 0.06 < np.mean(covered) < 0.8 + 0.04 + 0.06


@pytest.mark.parametrize("many", [False, True])
def test_tables_that_change_after_fit_do_no_harm(monkeypatch, many):
    """Few rows are copied; that many have changed is an error."""
    if many:
        monkeypatch.setattr("skmeta.estimators.calibration._MOST_COPIED", 1)
    X_own, y_own, task = X.copy(), Y.copy(), TASK.copy()
    meta = MetaRegressor("r2d2", **TINY).fit(X_own, y_own, groups=task)
    meta.adapt(X[:4], Y[:4])
    if not many:
        right = copy.deepcopy(meta).predict_interval(X[4:12])
    y_own[:] = 0.0
    if many:
        with pytest.raises(NotFittedError, match="these have changed since"):
            meta.predict_interval(X[4:12])
        return
    np.testing.assert_array_equal(meta.predict_interval(X[4:12]), right)


def test_parameters_that_change_after_fit_do_no_harm():
    """Who learns from parts of the tasks learns as ``fit`` did."""
    meta = MetaRegressor(R2D2(), **TINY).fit(X, Y, groups=TASK).adapt(X[:4], Y[:4])
    right = copy.deepcopy(meta).predict_interval(X[4:12])
    meta.set_params(algorithm__ridge=1e6, max_epochs=1, tasks="table")
    meta.set_params(algorithm=ANIL())
    np.testing.assert_array_equal(meta.predict_interval(X[4:12]), right)


def test_own_tasks_calibrate_as_those_of_fit_were_made(tmp_path):
    meta = MetaClassifier("protonet", tasks="classes", n_way=2, **TINY)
    A, b = load_wine(return_X_y=True)
    A = (A - A.mean(axis=0)) / A.std(axis=0)
    pool = b * 4 + np.arange(len(b)) % 4  # twelve classes
    meta.fit(A, pool)

    def scores(learner):
        return learner.calibrate(A, pool).calibration_.parts()

    right = scores(meta)
    meta.set_params(n_way=5)
    np.testing.assert_equal(scores(meta), right)
    meta.set_params(tasks="groups")
    np.testing.assert_equal(scores(meta), right)
    meta.save(tmp_path / "meta.skmeta")
    np.testing.assert_equal(scores(skmeta.load(tmp_path / "meta.skmeta")), right)
    values = MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK)
    right = values.calibrate(X, Y, groups=TASK).calibration_.parts()
    values.set_params(tasks="table")
    with pytest.raises(ValueError, match="calibrate needs to know the task"):
        values.calibrate(X, Y)
    again = values.calibrate(X, Y, groups=TASK).calibration_.parts()
    np.testing.assert_equal(again, right)


def test_more_coverage_is_wider_and_holds_the_prediction(meta):
    meta.adapt(X[:4], Y[:4])
    widths = []
    for coverage in (0.2, 0.5, 0.8, 0.95):
        low, high = meta.predict_interval(X[4:12], coverage=coverage)
        assert low.shape == high.shape == (8,)
        np.testing.assert_allclose((low + high) / 2, meta.predict(X[4:12]), rtol=1e-5)
        widths.append((high - low).mean())
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_widths_follow_standard_deviations_where_there_are_some():
    meta = MetaRegressor("cnp", **TINY).fit(X, Y, groups=TASK)
    meta.calibrate(*waves(20, seed=1)).adapt(X[:4], Y[:4])
    low, high = meta.predict_interval(X[4:12])
    std = meta.predict(X[4:12], return_std=True)[1]
    ratio = (high - low) / std
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_each_task_has_the_bound_of_its_own_number_of_rows(meta):
    rows = np.r_[0, 12:18]  # one of task 0, six of task 1
    meta.adapt(X[rows], Y[rows], groups=TASK[rows])
    asked = np.r_[5:12, 18:24]
    low, high = meta.predict_interval(X[asked], groups=TASK[asked])
    width = np.unique((high - low).round(4))
    assert len(width) == 2
    calibration = meta.calibration_
    bounds, _ = calibration.bounds(np.array([1, 6]), 0.9)
    expected = 2 * bounds * meta.target_scale_
    np.testing.assert_allclose(width, np.sort(expected), rtol=1e-3)


# By the tasks of fit ------------------------------------------------------------------


def test_the_first_call_calibrates_by_tasks_that_clones_have_not_seen(monkeypatch):
    meta = MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK).adapt(X[:4], Y[:4])
    before = meta.predict(X[4:12])
    seen = []
    fit = MetaRegressor.fit

    def watched(self, X, y, groups=None, **how):
        seen.append(set(groups))
        return fit(self, X, y, groups, **how)

    monkeypatch.setattr(MetaRegressor, "fit", watched)
    first = meta.predict_interval(X[4:12])
    assert len(seen) == 5
    assert all(len(own) == 24 for own in seen)
    left_out = [set(TASK) - own for own in seen]
    assert set().union(*left_out) == set(TASK)
    assert meta.calibration_.n_tasks[0] == 30
    assert np.array_equal(meta.predict(X[4:12]), before)
    again = meta.predict_interval(X[4:12])
    assert len(seen) == 5
    np.testing.assert_array_equal(first, again)
    repeated = MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK).calibrate()
    repeated.adapt(X[:4], Y[:4])
    np.testing.assert_array_equal(repeated.predict_interval(X[4:12]), first)


def test_copies_share_what_one_of_them_has_calibrated():
    meta = MetaRegressor("r2d2", **TINY).fit(X, Y, groups=TASK)
    one, other = meta.as_regressor(), meta.as_regressor()
    one.fit(X[:5], Y[:5]).predict_interval(X[5:9])
    assert meta.calibration_.is_ready
    other.fit(X[12:17], Y[12:17])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.predict_interval(X[17:20])


def test_splits_of_few_tasks_are_learnt_together(fitted, monkeypatch):
    """Else a table of few tasks, which asks for many splits, would take the longest."""
    learnt = []
    learn = MetaRegressor._learn

    def counted(self, rows, *args, **given):
        learnt.append(rows.n_tasks)
        return learn(self, rows, *args, **given)

    monkeypatch.setattr(MetaRegressor, "_learn", counted)
    fitted.calibrate(*waves(10, seed=1))
    assert learnt == [100] * 10  # ten splits of ten tasks, for 1 to 10 known rows


def test_few_tasks_are_not_learnt_again_for_nothing(monkeypatch):
    few = TASK < 8
    meta = regressor().fit(X[few], Y[few], groups=TASK[few]).adapt(X[:4], Y[:4])
    monkeypatch.setattr(MetaRegressor, "fit", None)
    with pytest.warns(UserWarning, match="takes 9 tasks .* and there are 8: interv"):
        low, high = meta.predict_interval(X[4:12])
    assert (low == -np.inf).all()
    assert (high == np.inf).all()


@pytest.mark.parametrize("n_tasks", [1, 2, 3])
def test_a_handful_of_tasks_is_no_failure(n_tasks):
    few = n_tasks > TASK
    meta = regressor().fit(X[few], Y[few], groups=TASK[few])
    meta.calibrate().adapt(X[:4], Y[:4])
    with pytest.warns(UserWarning, match="intervals are infinite"):
        assert np.isinf(meta.predict_interval(X[4:12])).all()


def test_one_calibrating_task_is_enough_for_half(fitted):
    meta = fitted.calibrate(*waves(1, seed=1)).adapt(X[:4], Y[:4])
    assert np.isfinite(meta.predict_interval(X[4:12], coverage=0.5)).all()
    with pytest.warns(UserWarning, match="takes 2 tasks .* and there are 1"):
        assert np.isinf(meta.predict_interval(X[4:12], coverage=0.51)).all()


def test_more_rows_than_enough_tasks_have_are_warned_of(meta):
    X_new, y_new, _ = waves(1, seed=3, n_rows=40)
    meta.adapt(X_new[:10], y_new[:10])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = meta.predict_interval(X_new[30:])
    meta.adapt(X_new[:30], y_new[:30])
    with pytest.warns(UserWarning, match="up to 30 support rows, .* more than 10: "):
        low, high = meta.predict_interval(X_new[30:])
    np.testing.assert_allclose(high - low, known[1] - known[0], rtol=1e-4)


# What is asked wrongly ----------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0, 1, "0.9", None])
def test_what_is_no_coverage_is_said_at_once(fitted, coverage):
    with pytest.raises(ValueError, match="coverage is the share of rows"):
        fitted.predict_interval(X, coverage=coverage)
    with pytest.raises(ValueError, match="coverage is the share of rows"):
        classifier().fit(X, Y > 0, groups=TASK).predict_set(X, coverage=coverage)


def test_nothing_is_calibrated_before_a_task_is_known(monkeypatch):
    meta = regressor().fit(X, Y, groups=TASK)
    monkeypatch.setattr(MetaRegressor, "fit", None)
    with pytest.raises(NotAdaptedError):
        meta.predict_interval(X)


def test_pickles_do_not_hold_the_table_and_say_what_to_do():
    meta = regressor().fit(X, Y, groups=TASK).adapt(X[:4], Y[:4])
    before = len(pickle.dumps(regressor().fit(X[:60], Y[:60], groups=TASK[:60])))
    assert len(pickle.dumps(meta)) < before + 10_000
    again = pickle.loads(pickle.dumps(meta))
    with pytest.raises(NotFittedError, match=r"calibrate\(X, y, groups=\) with tasks"):
        again.predict_interval(X[:3])
    again.calibrate(*waves(12, seed=1))
    assert np.isfinite(again.predict_interval(X[:3])).all()


@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_what_went_on_from_earlier_rows_is_not_learnt_again(how):
    meta = regressor(warm_start=how == "warm_start").fit(X, Y, groups=TASK)
    if how == "partial_fit":
        meta.partial_fit(X, Y, groups=TASK)
    else:
        meta.fit(X, Y, groups=TASK)
    meta.adapt(X[:4], Y[:4])
    with pytest.raises(NotFittedError, match="does not know how sure it is"):
        meta.predict_interval(X[:3])


def test_calibrating_tasks_need_targets_and_groups(fitted):
    meta = fitted
    with pytest.raises(ValueError, match="pass y as well"):
        meta.calibrate(X)
    with pytest.raises(ValueError, match="calibrate needs to know the task"):
        meta.calibrate(X, Y)
    names = np.array([f"{task} {y}" for task, y in zip(TASK, Y > 0, strict=True)])
    of_names = classifier().fit(X, names, groups=TASK)
    with pytest.raises(ValueError, match="No task has rows for a support"):
        of_names.calibrate(X[::12], names[::12], groups=TASK[::12])
    with pytest.raises(ValueError, match="cv == 1, must be >= 2"):
        meta.calibrate(cv=1)


def test_tasks_that_fit_has_seen_are_warned_of(fitted):
    with pytest.warns(UserWarning, match=r"The groups \[28, 29\] have names of"):
        fitted.calibrate(X, Y, groups=TASK + 28)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.calibrate(X, Y, groups=TASK + 30)


def test_a_meta_dataset_calibrates(fitted):
    parts = waves(12, seed=1)
    one = copy.copy(fitted).calibrate(MetaDataset(*parts)).adapt(X[:4], Y[:4])
    other = copy.copy(fitted).calibrate(*parts).adapt(X[:4], Y[:4])
    np.testing.assert_array_equal(
        one.predict_interval(X[4:9]), other.predict_interval(X[4:9])
    )


# Targets and weights ------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["gp", "r2d2"])
def test_constant_targets_have_narrow_intervals(algorithm):
    meta = MetaRegressor(algorithm, **TINY | {"prior": None})
    meta.fit(X, np.full(len(X), 7.0), groups=TASK).adapt(X[:4], np.full(4, 7.0))
    low, high = meta.predict_interval(X[4:9])
    assert (low <= 7.001).all()
    assert (high >= 6.999).all()
    assert (high - low < 1).all()


def test_a_row_of_weight_0_tells_nothing():
    X_known, y_known, task = waves(12, seed=1)
    weight = np.tile([1.0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], 12)
    wrong = np.where(weight > 0, y_known, 1e3)
    one = MetaRegressor("cnp", **TINY).fit(X, Y, groups=TASK)
    other = copy.copy(one)
    one.calibrate(X_known, wrong, groups=task, sample_weight=weight)
    kept = weight > 0
    other.calibrate(X_known[kept], y_known[kept], groups=task[kept])
    assert one.calibration_.sizes.tolist() == [0, 1, 2, 3, 4, 5]
    for size in range(6):
        at = np.array([size])
        np.testing.assert_allclose(
            one.calibration_.bounds(at, 0.9)[0],
            other.calibration_.bounds(at, 0.9)[0],
            rtol=1e-4,
        )


def test_a_label_that_is_unknown_is_never_covered():
    meta = classifier("cnp").fit(X, Y > 0, groups=TASK)
    X_known, y_known, task = waves(12, seed=1)
    y_known = (y_known > 0).astype(int)
    y_known[:48] = 2  # of four tasks all rows
    with pytest.raises(ValueError, match="unknown"):
        meta.calibrate(X_known[:48], y_known[:48], groups=task[:48])
    meta.calibrate(X_known, y_known, groups=task).adapt(X[:4], Y[:4] > 0)
    assert meta.predict_set(X[4:9], coverage=0.9).all()


@pytest.mark.parametrize("algorithm", ["protonet", "gp"])
def test_sets_of_labels_per_task_hold_only_labels_of_the_task(algorithm):
    rng = np.random.default_rng(0)
    names = np.array([f"{task} {y}" for task, y in zip(TASK, Y > 0, strict=True)])
    meta = classifier(algorithm, label_space="per_task", n_shot=2)
    meta.fit(X, names, groups=TASK)
    rows = np.flatnonzero(TASK < 2)
    meta.adapt(X[rows], names[rows], groups=TASK[rows])
    asked = rng.permutation(rows)
    sets = meta.predict_set(X[asked], groups=TASK[asked], coverage=0.8)
    assert sets.shape == (len(rows), len(meta.classes_))
    assert sets.dtype == bool
    own = np.array([int(name.split()[0]) for name in meta.classes_])
    assert not sets[own[np.newaxis] != TASK[asked][:, np.newaxis]].any()
    assert sets.any()


def test_a_pool_of_classes_is_calibrated_by_classes_left_out():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier("protonet", tasks="classes", n_way=2, **TINY)
    meta.fit(X[y < 8], y[y < 8])
    new = np.flatnonzero(y >= 8)
    meta.adapt(X[new[:6]], y[new[:6]])
    sets = meta.calibrate(cv=4).predict_set(X[new[6:]], coverage=0.7)
    assert meta.calibration_.n_tasks.tolist() == [4] * len(meta.calibration_.n_tasks)
    truth = y[new[6:]] - 8
    assert sets[np.arange(len(truth)), truth].mean() > 0.6
    with pytest.warns(UserWarning, match="sets hold all classes"):
        assert meta.predict_set(X[new[6:]], coverage=0.9).all()


def test_a_table_is_calibrated_by_its_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = X[:, 0] + rng.normal(size=200)
    meta = MetaRegressor("r2d2", tasks="table", **TINY).fit(X[:150], y[:150])
    low, high = meta.predict_interval(X[150:])
    assert np.mean((low <= y[150:]) & (y[150:] <= high)) > 0.75
    assert meta.calibration_.sizes[-1] == 150
    assert meta.calibration_.n_tasks[-1] == 150


def test_tasks_that_were_not_adapted_to_are_answered_as_without_rows():
    meta = MetaRegressor("cnp", unknown_task="prior", **TINY).fit(X, Y, groups=TASK)
    meta.calibrate(*waves(12, seed=1)).adapt(X[:6], Y[:6], groups=TASK[:6])
    low, high = meta.predict_interval(X[:2], groups=[0, 99])
    nothing = meta.adapt().predict_interval(X[:2])
    np.testing.assert_allclose((low[1], high[1]), (nothing[0][1], nothing[1][1]))


# Beside others ------------------------------------------------------------------------


def test_files_keep_a_calibration(meta, tmp_path):
    meta.adapt(X[:4], Y[:4]).save(tmp_path / "a")
    again = skmeta.load(tmp_path / "a")
    np.testing.assert_array_equal(
        again.predict_interval(X[4:9]), meta.predict_interval(X[4:9])
    )
    few_shot = meta.as_regressor().fit(X[:4], Y[:4])
    few_shot.save(tmp_path / "b")
    np.testing.assert_array_equal(
        skmeta.load(tmp_path / "b").predict_interval(X[4:9]),
        meta.predict_interval(X[4:9]),
    )


def test_a_file_without_one_says_what_to_do(tmp_path):
    meta = regressor().fit(X, Y, groups=TASK).adapt(X[:4], Y[:4])
    meta.save(tmp_path / "a")
    with pytest.raises(NotFittedError, match="or call calibrate"):
        skmeta.load(tmp_path / "a").predict_interval(X[4:9])


def test_few_shot_classifiers_have_the_columns_of_their_classes():
    labels = np.digitize(Y, [-1, 1])
    meta = classifier("cnp", label_space="shared").fit(X, labels, groups=TASK)
    X_known, y_known, task = waves(30, seed=1)
    meta.calibrate(X_known, np.digitize(y_known, [-1, 1]), groups=task)
    own = meta.as_classifier().fit(X[:2], [0, 2])
    sets = own.predict_set(X[4:9], coverage=0.8)
    assert sets.shape == (5, 2)
    all_sets = meta.adapt(X[:2], [0, 2]).predict_set(X[4:9], coverage=0.8)
    assert np.array_equal(sets, all_sets[:, [0, 2]])


@pytest.mark.parametrize("around", ["pipeline", "falling targets"])
def test_intervals_come_through_pipelines_in_the_unit_of_the_targets(around):
    frame = pd.DataFrame(X, columns=["x"])
    meta = MetaRegressor("r2d2", **TINY)
    scaler = StandardScaler().fit(frame)
    if around == "pipeline":
        pipe = make_pipeline(scaler, meta.fit(scaler.transform(frame), Y, groups=TASK))
    else:
        falling = FunctionTransformer(lambda y: -y, lambda y: -y, check_inverse=False)
        pipe = TransformedTargetRegressor(meta, transformer=falling)
        with sklearn.config_context(enable_metadata_routing=True):
            pipe.fit(frame, Y, groups=TASK)
    skmeta.adapt(pipe, frame[:4], Y[:4])
    low, high = skmeta.predict_interval(pipe, frame[4:12])
    assert (low < high).all()
    few_shot = skmeta.FewShotRegressor(pipe).fit(frame[:4], Y[:4])
    np.testing.assert_array_equal(few_shot.predict_interval(frame[4:12]), (low, high))
    middle = (low + high) / 2
    np.testing.assert_allclose(middle, few_shot.predict(frame[4:12]), rtol=1e-4)
    few = copy.deepcopy(pipe)
    with pytest.raises(TypeError, match="predict_set is nothing that"):
        skmeta.predict_set(few, frame[:2])


MEMBERS = [("r2d2", MetaRegressor("r2d2", **TINY)), ("mean", TaskMean("regressor"))]


def test_an_ensemble_of_values_calibrates_its_mixture(tmp_path):
    stack = MetaStackingRegressor(MEMBERS, random_state=0).fit(X, Y, groups=TASK)
    X_new, y_new, task = waves(30, seed=5)
    place = np.arange(len(task)) % 12
    known, asked = place < 4, place >= 4
    stack.adapt(X_new[known], y_new[known], groups=task[known])
    low, high = stack.predict_interval(X_new[asked], groups=task[asked])
    covered = np.mean((low <= y_new[asked]) & (y_new[asked] <= high))
    assert 0.75 < covered < 1
    stack.save(tmp_path / "a")
    again = skmeta.load(tmp_path / "a")
    np.testing.assert_array_equal(
        again.predict_interval(X_new[asked], groups=task[asked]), (low, high)
    )


def test_an_ensemble_of_classes_calibrates_its_mixture(tmp_path):
    members = [("cnp", classifier("cnp")), ("mean", TaskMean("classifier"))]
    stack = MetaStackingClassifier(members, random_state=0)
    stack.fit(X, Y > 0, groups=TASK).adapt(X[:6], Y[:6] > 0)
    sets = stack.predict_set(X[6:12])
    assert sets.shape == (6, 2)
    assert stack.calibration_.n_tasks[0] == 30
    stack.save(tmp_path / "a")
    assert np.array_equal(skmeta.load(tmp_path / "a").predict_set(X[6:12]), sets)


def test_infinite_ends_stay_so_behind_transformed_targets():
    few = TASK < 4
    scaled = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    with sklearn.config_context(enable_metadata_routing=True):
        scaled.fit(X[few], Y[few], groups=TASK[few])
    skmeta.adapt(scaled, X[:4], Y[:4])
    with pytest.warns(UserWarning, match="intervals are infinite"):
        low, high = skmeta.predict_interval(scaled, X[4:9])
    assert (low == -np.inf).all()
    assert (high == np.inf).all()


def test_intervals_of_several_targets_are_restored_column_by_column():
    both = np.column_stack([Y, 10 * Y])
    scaled = TransformedTargetRegressor(regressor(), transformer=StandardScaler())
    with sklearn.config_context(enable_metadata_routing=True):
        scaled.fit(X, both, groups=TASK)
    last = last_step(scaled)
    X_known, y_known, task = waves(15, seed=1)
    known = scaled.transformer_.transform(np.column_stack([y_known, 10 * y_known]))
    last.calibrate(X_known, known, groups=task)
    skmeta.adapt(scaled, X[:4], both[:4])
    low, high = skmeta.predict_interval(scaled, X[4:9])
    assert low.shape == (5, 2)
    np.testing.assert_allclose(
        (low + high) / 2, scaled.predict(X[4:9]), rtol=1e-3, atol=1e-3
    )


def test_rows_without_a_target_calibrate_nothing():
    some = np.where(np.arange(len(Y)) % 3 == 0, np.nan, Y)
    meta = regressor().fit(X, some, groups=TASK).adapt(X[:6], some[:6])
    assert np.isfinite(meta.predict_interval(X[6:9])).all()
    assert meta.calibration_.sizes.tolist() == [*range(8)]  # of eight labelled rows
