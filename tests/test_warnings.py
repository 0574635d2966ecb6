"""Every warning names the line of the user's own code that led to it."""

import ast
import contextlib
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch.callbacks import Callback, LRScheduler

import skmeta
from skmeta import (
    FewShotClassifier,
    FewShotRegressor,
    MetaClassifier,
    MetaRegressor,
    plugins,
)
from skmeta.bulk import adapt_parquet
from skmeta.datasets import fetch_omniglot
from skmeta.engine import net
from skmeta.engine.captured import CapturedStep
from skmeta.ensemble import MetaStackingRegressor
from skmeta.evaluation.cleaning import AsTyped
from skmeta.hookspecs import hookimpl
from skmeta.mlflow import MlflowLogger
from skmeta.model_selection import PerTask, compare, few_shot_curve, few_shot_scorer
from skmeta.onnx import to_onnx
from tests.quick import TASK, TINY, X, Y, classifier, regressor
from tests.recording import Recorder

# Of each module that warns: what the message says, and calls that lead to it.
WARNINGS = {
    "bulk/progress": "is far outside of what fit has seen",
    "datasets/_download": "It is downloaded again",
    "engine/adapted": "diverged: answers are not finite",
    "engine/baseline_check": "Meta-learning does not help here",
    "engine/callbacks": "is not finite",
    "engine/captured": "cannot be captured as a CUDA graph",
    "engine/net": "cannot be compiled here",
    "ensemble/adapted": "take no weights of rows",
    "ensemble/judging": "cannot learn these tasks and are left out",
    "engine/training": "Meta-training was interrupted",
    "evaluation/cleaning": "is taken for gaps",
    "episodes/validation": "are too small for",
    "estimators/adapting": "is far outside of what fit has seen",
    "estimators/building": "is far surer of the classes",
    "estimators/conformal": "that were not learnt from",
    "estimators/ignored": "and ignores groups",
    "estimators/few_shot/rescaled": "was fitted to these few rows alone",
    "estimators/scoring": "rows for rows of the one task",
    "estimators/regressor": "standard deviations of other numbers are a guess",
    "estimators/values": "is nearly all of the variance of y",
    "mlflow": "logs no more of this fit",
    "onnx/checks": "vary so little beside how far they are from 0",
    "model_selection/_judge": "have too few rows for",
    "model_selection/_per_task": "could not be fitted to the support",
    "model_selection/_task_scores": "is undefined for",
    "plugins/registry": "is left out",
    "saving/meta_learners": "are not saved",
    "tables/apart": "times as far from all others of the column",
    "tables/labels": "label",
    "tables/row_order": "have the same index, in different orders",
    "utils/messages": "(Of the member",
    "utils/parallel": "could not be fitted to the support",
    "utils/processes": "has started one process",
}
CASES = []


def leads_to(module):
    def enter(call):
        CASES.append(pytest.param(module, call, id=f"{module}-{call.__name__}"))
        return call

    return enter


@pytest.fixture(autouse=True)
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def torn_download(home, monkeypatch):
    """Another file lies where Omniglot is looked for."""
    monkeypatch.setenv("SKMETA_DATA", str(home))
    path = home / "omniglot" / "small1.zip"
    path.parent.mkdir(parents=True)
    path.write_text("<html>Page not found</html>")


@pytest.fixture
def no_compiler(monkeypatch):
    def compiled(*args):
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", lambda function, **kwargs: compiled)


@pytest.fixture
def half_a_plugin(registry, monkeypatch):
    """A plugin offers what is no distance, to a registry that has not said so yet."""

    class Plugin:
        @hookimpl
        def skmeta_distances(self):
            return {"number": int}

    registry.register(Plugin(), "half")
    for name in ("names", "resolve"):
        monkeypatch.setattr(plugins, name, getattr(registry, name))


# Calls. Each stands on lines of its own, in whatever comes between it and the warning.


def behind_a_pipe(meta):
    return make_pipeline(FunctionTransformer(), meta)


def searched(meta):
    return GridSearchCV(meta, {"lr": [0.01]}, cv=GroupKFold(2), error_score="raise")


def searched_behind_a_pipe(meta):
    grid = {f"{type(meta).__name__.lower()}__lr": [0.01]}
    pipe = behind_a_pipe(meta)
    return GridSearchCV(pipe, grid, cv=GroupKFold(2), error_score="raise")


@leads_to("datasets/_download")
def fetch(folder):
    fetch_omniglot()


@leads_to("datasets/_download")
def load(folder):
    skmeta.datasets.load("omniglot")


def wild(estimator=MetaRegressor, **parameters):
    """A learner of which no task can be finite."""
    X_wild, y = 1e38 * X, Y if estimator is MetaRegressor else Y > 0
    meta = estimator("maml", normalize=None, **TINY, **parameters)
    meta.fit(X, y, groups=TASK)
    meta.low_ = None  # without a range, as in early files, nothing is too far out
    return meta.adapt(X_wild[:12], y[:12]), X_wild


@leads_to("estimators/adapting")
def adapt(folder):
    regressor().fit(X, Y, groups=TASK).adapt(1e6 * X[:12], Y[:12])


@leads_to("estimators/adapting")
def ask(folder):
    regressor().fit(X, Y, groups=TASK).adapt(X[:12], Y[:12]).predict(1e6 * X[:3])


@leads_to("estimators/adapting")
def ask_an_ensemble(folder):
    stack = MetaStackingRegressor([("one", regressor())], weights="equal")
    stack.fit(X, Y, groups=TASK).adapt(X[:12], Y[:12]).predict(1e6 * X[:3])


@leads_to("estimators/adapting")
def adapt_behind_a_pipe(folder):
    meta = behind_a_pipe(regressor()).fit(X, Y, groups=TASK)
    skmeta.adapt(meta, 1e6 * X[:12], Y[:12])


@leads_to("estimators/adapting")
def fit_an_ordinary_estimator(folder):
    meta = regressor().fit(X, Y, groups=TASK)
    FewShotRegressor(meta).fit(1e6 * X[:12], Y[:12])


@leads_to("estimators/few_shot/rescaled")
def fit_behind_a_scaler(folder):
    meta = regressor().fit(100 + X, Y, groups=TASK)
    pipe = make_pipeline(StandardScaler(), FewShotRegressor(meta))
    pipe.fit(100 + X[:12], Y[:12])


@leads_to("evaluation/cleaning")
def ask_a_pipe_about_dates_written_otherwise(folder):
    reader = AsTyped(dates={"day": "%d.%m.%Y"})
    pipe = make_pipeline(reader.fit(pd.DataFrame({"day": ["24.12.2025"]})))
    pipe.transform(pd.DataFrame({"day": ["12/24/2025"]}))


@leads_to("bulk/progress")
def adapt_from_a_file(folder):
    rows, tasks = folder / "far.parquet", folder / "tasks"
    table = pd.DataFrame({"x": 1e6 * X[:, 0], "y": Y, "task": TASK})
    table.to_parquet(rows)
    meta = regressor().fit(X, Y, groups=TASK)
    adapt_parquet(meta, rows, tasks, groups="task", target="y", rows_per_shard=99)


@leads_to("tables/apart")
def fit_columns_with_a_mark_for_gaps(folder):
    regressor().fit(np.where(np.arange(len(Y)) == 7, 1e7, X[:, 0])[:, None], Y, TASK)


@leads_to("estimators/building")
def fit_around_a_prior_that_is_too_sure(folder):
    classifier("r2d2", label_space="shared", prior=KNeighborsClassifier(1)).fit(
        X, NOISE > 0, groups=TASK
    )


@leads_to("estimators/ignored")
def fit_one_table_with_groups(folder):
    regressor(tasks="table").fit(X, Y, groups=TASK)


@leads_to("estimators/ignored")
def search_over_one_table_with_groups(folder):
    searched(regressor(tasks="table")).fit(X, Y, groups=TASK)


@leads_to("tables/row_order")
def fit_rows_to_targets_that_were_sorted(folder):
    regressor().fit(pd.DataFrame(X), pd.Series(Y).sort_values(), groups=TASK)


@leads_to("estimators/scoring")
def score_many_tasks_by_one(folder):
    regressor().fit(X, Y, groups=TASK).adapt(X[:6], Y[:6]).score(X, Y)


@leads_to("estimators/scoring")
def score_many_tasks_behind_a_pipe(folder):
    meta = behind_a_pipe(regressor()).fit(X, Y, groups=TASK)
    skmeta.adapt(meta, X[:6], Y[:6]).score(X, Y)


@leads_to("estimators/values")
def learn_values_with_a_mark_for_gaps_among_them(folder):
    y = np.where(np.arange(len(Y)) == 7, 1e7, Y)
    regressor().fit(X, y, groups=TASK)


@leads_to("estimators/regressor")
def ask_how_sure_after_too_few_rows(folder):
    meta = regressor(algorithm="cnp", n_shot=5).fit(X, Y, groups=TASK)
    meta.adapt(X[:2], Y[:2])
    meta.predict(X[2:4], return_std=True)


@leads_to("estimators/regressor")
def ask_an_ordinary_member_how_sure(folder):
    cnp = regressor(algorithm="cnp", n_shot=5)
    ensemble = MetaStackingRegressor([("cnp", cnp)], weights="equal")
    ensemble.fit(X, Y, groups=TASK).adapt(X[:2], Y[:2])
    ensemble.predict(X[2:4], return_std=True)


@leads_to("engine/adapted")
def predict(folder):
    meta, X_wild = wild()
    meta.predict(X_wild)


@leads_to("engine/adapted")
def predict_labels(folder):
    meta, X_wild = wild(MetaClassifier, label_space="shared")
    meta.predict(X_wild)


@leads_to("engine/adapted")
def predict_proba(folder):
    meta, X_wild = wild(MetaClassifier, label_space="shared")
    meta.predict_proba(X_wild)


@leads_to("engine/adapted")
def transform(folder):
    meta, X_wild = wild()
    meta.transform(X_wild)


@leads_to("engine/adapted")
def predict_behind_a_pipe(folder):
    meta, X_wild = wild()
    behind_a_pipe(meta).predict(X_wild)


@leads_to("engine/adapted")
def predict_by_an_ordinary_estimator(folder):
    meta, X_wild = wild(MetaClassifier, label_space="shared")
    FewShotClassifier(meta).fit(X_wild[:12], Y[:12] > 0).predict_proba(X_wild)


NOISE = np.random.default_rng(0).normal(size=len(Y))
MEANS = TASK + 0.01 * NOISE  # which the mean of the support tells best
HELPLESS = {"early_stopping": True, "n_shot": 5}


@leads_to("engine/callbacks")
def fit_to_no_number(folder):
    with contextlib.suppress(ValueError):  # it ends as badly
        regressor(lr=1e30, early_stopping=True).fit(X, Y, groups=TASK)


@leads_to("engine/baseline_check")
def fit_in_vain(folder):
    regressor(**HELPLESS).fit(X, MEANS, groups=TASK)


@leads_to("engine/baseline_check")
def fit_in_vain_behind_a_pipe(folder):
    behind_a_pipe(regressor(**HELPLESS)).fit(X, MEANS, groups=TASK)


@leads_to("engine/baseline_check")
def search_in_vain(folder):
    searched(regressor(**HELPLESS)).fit(X, MEANS, groups=TASK)


@leads_to("engine/baseline_check")
def search_in_vain_behind_a_pipe(folder):
    searched_behind_a_pipe(regressor(**HELPLESS)).fit(X, MEANS, groups=TASK)


@contextlib.contextmanager
def on_a_card_without_graphs():
    """Let the CPU pass for a card that refuses to capture anything."""

    class Refusing(Recorder):
        def record(self, step):
            raise RuntimeError("operation not permitted")

    def compile_step(algorithm, device):
        return CapturedStep(algorithm, device, Refusing())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(net, "compile_step", compile_step)
        yield


@leads_to("engine/captured")
def fit_captured(folder):
    with on_a_card_without_graphs():
        regressor(compile=True, max_epochs=4).fit(X, Y, groups=TASK)


@leads_to("engine/captured")
def search_captured_behind_a_pipe(folder):
    learner = searched_behind_a_pipe(regressor(compile=True, max_epochs=4))
    with on_a_card_without_graphs():
        learner.fit(X, Y, groups=TASK)


@leads_to("engine/net")
def fit_compiled(folder):
    regressor(compile=True).fit(X, Y, groups=TASK)


@leads_to("engine/net")
def search_compiled_behind_a_pipe(folder):
    searched_behind_a_pipe(regressor(compile=True)).fit(X, Y, groups=TASK)


class CtrlC(Callback):
    def on_batch_end(self, net, training, **kwargs):
        if training:
            raise KeyboardInterrupt


@leads_to("engine/training")
def fit_and_interrupt(folder):
    with pytest.raises(KeyboardInterrupt):
        regressor(callbacks=[CtrlC()]).fit(X, Y, groups=TASK)


@leads_to("engine/training")
def fit_and_interrupt_behind_a_pipe(folder):
    with pytest.raises(KeyboardInterrupt):
        behind_a_pipe(regressor(callbacks=[CtrlC()])).fit(X, Y, groups=TASK)


@leads_to("engine/training")
def search_and_interrupt(folder):
    with pytest.raises(KeyboardInterrupt):
        searched(regressor(callbacks=[CtrlC()])).fit(X, Y, groups=TASK)


SMALL = (TASK % 3 > 0) | (np.arange(len(TASK)) % 12 < 4)  # a third has four rows
X_SMALL, Y_SMALL, TASK_SMALL = X[SMALL], Y[SMALL], TASK[SMALL]


@pytest.fixture
def launched_alone(monkeypatch):
    """As accelerate launch --cpu --num_processes 2 leaves it without MPI."""
    pytest.importorskip("accelerate")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")


@leads_to("utils/processes")
def fit_where_one_process_was_launched(folder):
    regressor(accelerate=True).fit(X, Y, groups=TASK)


@leads_to("mlflow")
def fit_where_the_server_of_runs_breaks(folder):
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.8 has no callbacks")

    class Lost(MlflowLogger):
        def setup(self, estimator, context):
            self._is_lost, self._n_logged = False, 0  # and there is no client

        def teardown(self, estimator, context):
            pass

    regressor().set_callbacks(Lost()).fit(X, Y, groups=TASK)


@leads_to("episodes/validation")
def fit_small_tasks(folder):
    regressor(n_shot=6).fit(X_SMALL, Y_SMALL, groups=TASK_SMALL)


@leads_to("episodes/validation")
def fit_small_tasks_and_transform(folder):
    regressor(n_shot=6).fit_transform(X_SMALL, Y_SMALL, groups=TASK_SMALL)


@leads_to("episodes/validation")
def fit_small_tasks_behind_a_pipe(folder):
    behind_a_pipe(regressor(n_shot=6)).fit(X_SMALL, Y_SMALL, groups=TASK_SMALL)


@leads_to("episodes/validation")
def search_small_tasks(folder):
    searched(regressor(n_shot=6)).fit(X_SMALL, Y_SMALL, groups=TASK_SMALL)


@leads_to("episodes/validation")
def cross_validate_small_tasks(folder):
    groups = {"groups": TASK_SMALL}
    cross_val_score(
        regressor(n_shot=6), X_SMALL, Y_SMALL, cv=GroupKFold(2), params=groups
    )


def stack_of(*members):
    named = [(str(place), each) for place, each in enumerate(members)]
    return MetaStackingRegressor(named, weights="equal")


@leads_to("utils/messages")
def fit_members_that_all_say_the_same(folder):
    stack_of(regressor(n_shot=6), regressor(algorithm="cnp", n_shot=6)).fit(
        X_SMALL, Y_SMALL, groups=TASK_SMALL
    )


@leads_to("utils/messages")
def adapt_members_that_all_say_the_same(folder):
    stack = stack_of(regressor(), regressor(algorithm="cnp")).fit(X, Y, groups=TASK)
    stack.adapt(1e6 * X[:12], Y[:12])


@leads_to("ensemble/judging")
def fit_a_member_that_fails(folder):
    stack_of(PerTask(Ridge()), regressor(algorithm="protonet")).fit(X, Y, groups=TASK)


@leads_to("ensemble/judging")
def search_with_a_member_that_fails(folder):
    stack = stack_of(PerTask(Ridge()), regressor(algorithm="protonet"))
    search = GridSearchCV(stack, {"n_shot": [2]}, cv=GroupKFold(2))
    search.fit(X, Y, groups=TASK)


@leads_to("ensemble/adapted")
def adapt_a_member_that_takes_no_weights(folder):
    stack = stack_of(PerTask(Ridge()), regressor()).fit(X, Y, groups=TASK)
    stack.adapt(X[:5], Y[:5], sample_weight=np.ones(5))


@leads_to("model_selection/_judge")
def curve_over_small_tasks(folder):
    few_shot_curve(Ridge(), X_SMALL, Y_SMALL, TASK_SMALL, shots=6)


@leads_to("model_selection/_judge")
def compare_on_small_tasks(folder):
    compare([Ridge(), Ridge(2.0)], X_SMALL, Y_SMALL, TASK_SMALL, shots=6)


NEIGHBOURS = KNeighborsClassifier(5)


@leads_to("model_selection/_per_task")
def adapt_models_to_few_rows(folder):
    per_task = PerTask(NEIGHBOURS).fit(X, Y > 0, groups=TASK)
    rows = np.r_[np.flatnonzero(Y > 0)[:2], np.flatnonzero(Y <= 0)[:2]]
    per_task.adapt(X[rows], Y[rows] > 0)


@leads_to("utils/parallel")
def curve_of_models_of_few_rows_in_other_processes(folder):
    with joblib.parallel_config("loky", n_jobs=2):
        few_shot_curve(PerTask(NEIGHBOURS), X, Y > 0, TASK, shots=(1, 2))


@leads_to("model_selection/_per_task")
def curve_of_models_of_few_rows(folder):
    few_shot_curve(NEIGHBOURS, X, Y > 0, TASK, shots=4, n_repeats=1)


@leads_to("model_selection/_per_task")
def compare_models_of_few_rows(folder):
    models = [NEIGHBOURS, KNeighborsClassifier(6)]
    compare(models, X, Y > 0, TASK, shots=4, n_repeats=1)


R2 = few_shot_scorer("r2", n_shot=4)
FLAT = np.where(TASK == 0, 0.1, Y)  # a task of one value has no R2


@leads_to("model_selection/_task_scores")
def score(folder):
    R2(regressor().fit(X, FLAT, groups=TASK), X, FLAT, groups=TASK)


@leads_to("model_selection/_task_scores")
def score_behind_a_pipe(folder):
    R2(behind_a_pipe(regressor()).fit(X, FLAT, groups=TASK), X, FLAT, groups=TASK)


@leads_to("model_selection/_task_scores")
def search_by_a_scorer(folder):
    by_r2 = searched(regressor()).set_params(scoring=R2)
    by_r2.fit(X, FLAT, groups=TASK)


@leads_to("model_selection/_task_scores")
def cross_validate_by_a_scorer(folder):
    how = {"cv": GroupKFold(2), "params": {"groups": TASK}}
    cross_val_score(regressor(), X, FLAT, scoring=R2, **how)


@leads_to("model_selection/_task_scores")
def curve_of_an_undefined_metric(folder):
    few_shot_curve(Ridge(), X, FLAT, TASK, shots=4, metric="r2")


@leads_to("model_selection/_task_scores")
def compare_by_an_undefined_metric(folder):
    compare([Ridge(), Ridge(2.0)], X, FLAT, TASK, shots=4, metric="r2")


@leads_to("plugins/registry")
def look_names_up(folder):
    plugins.names("distance")


@leads_to("plugins/registry")
def fit_by_an_unknown_name(folder):
    with pytest.raises(ValueError, match="Unknown distance"):
        MetaClassifier(skmeta.algorithms.ProtoNet("numbre"), **TINY).fit(
            X, Y > 0, groups=TASK
        )


@leads_to("plugins/registry")
def fit_by_an_unknown_name_behind_a_pipe(folder):
    meta = MetaClassifier(skmeta.algorithms.ProtoNet("numbre"), **TINY)
    with pytest.raises(ValueError, match="Unknown distance"):
        behind_a_pipe(meta).fit(X, Y > 0, groups=TASK)


def with_callbacks():
    callbacks = [LRScheduler("StepLR", step_size=1)]
    return classifier(callbacks=callbacks).fit(X, Y > 0, groups=TASK)


def known_of_few_tasks():
    few = TASK < 4
    return regressor().fit(X[few], Y[few], groups=TASK[few]).adapt(X[:4], Y[:4])


@leads_to("estimators/conformal")
def predict_interval(folder):
    known_of_few_tasks().predict_interval(X[4:6])


@leads_to("estimators/conformal")
def predict_interval_behind_a_pipe(folder):
    skmeta.predict_interval(
        behind_a_pipe(known_of_few_tasks()),
        X[4:6],
    )


@leads_to("saving/meta_learners")
def save(folder):
    with_callbacks().save(folder / "a")


@leads_to("saving/meta_learners")
def save_an_ordinary_estimator(folder):
    with_callbacks().as_classifier().fit(X[:12], Y[:12] > 0).save(folder / "a")


RARE = np.where(Y > 0, "ok", "fail").astype(object)
RARE[:3] = "rare"


@leads_to("tables/labels")
def fit_rare_labels(folder):
    classifier().fit(X, RARE, groups=TASK)


@leads_to("tables/labels")
def fit_rare_labels_behind_a_pipe(folder):
    behind_a_pipe(classifier()).fit(X, RARE, groups=TASK)


@leads_to("onnx/checks")
def write_a_graph_that_is_blurred(folder):
    pytest.importorskip("onnxscript", reason="the extra onnx")
    meta = regressor().fit(1e9 + X, Y, groups=TASK).adapt(1e9 + X[:5], Y[:5])
    to_onnx(meta)


@leads_to("tables/labels")
def score_unknown_labels(folder):
    known = TASK > 0
    meta = classifier().fit(X[known], RARE[known], groups=TASK[known])
    meta.score(X, RARE, groups=TASK)


@leads_to("tables/labels")
def search_over_unknown_labels(folder):
    searched(classifier(label_space="shared")).fit(X, RARE, groups=TASK)


@leads_to("tables/labels")
def judge_unknown_labels(folder):
    few_shot_curve(classifier(label_space="shared"), X, RARE, TASK, shots=6, cv=2)


@pytest.mark.usefixtures(
    "torn_download", "no_compiler", "half_a_plugin", "launched_alone"
)
@pytest.mark.parametrize(("module", "call"), CASES)
def test_a_warning_names_the_line_of_the_caller(module, call, tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(tmp_path)
    meant = [each for each in caught if WARNINGS[module] in str(each.message)]
    assert meant
    first, last = (
        call.__code__.co_firstlineno,
        max(line for *_, line in call.__code__.co_lines() if line),
    )
    for each in meant:
        assert each.filename == __file__
        assert first < each.lineno <= last


def test_every_module_that_warns_is_among_them():
    package = Path(skmeta.__file__).parent
    that_warn = {
        path.relative_to(package).with_suffix("").as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "warn"
    }
    assert that_warn == WARNINGS.keys() == {case.values[0] for case in CASES}
