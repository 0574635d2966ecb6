"""A training as a run of MLflow."""

import sys
import types
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import skmeta
from skmeta import MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.mlflow import MlflowLogger

pytest.importorskip("sklearn.callback", reason="scikit-learn 1.8 has no callbacks")

X, Y, TASK = make_sinusoids(n_tasks=20, n_rows=10, random_state=0)


class Server:
    """Stands for mlflow and its client, and keeps what is logged."""

    def __init__(self, folder):
        self.folder, self.active, self.breaks_at = folder, None, np.inf
        self.params, self.tags = defaultdict(dict), defaultdict(dict)
        self.metrics, self.ended = defaultdict(list), 0

    def MlflowClient(self):  # noqa: N802, as mlflow calls it
        return self

    def active_run(self):
        return self.active

    def start_run(self, run_id="own"):
        self.active = types.SimpleNamespace(info=types.SimpleNamespace(run_id=run_id))
        return self.active

    def end_run(self):
        self.active = None
        self.ended += 1

    def set_tag(self, run_id, name, value):
        self.tags[run_id][name] = value

    def log_param(self, run_id, name, value):
        self.params[run_id][name] = value

    def log_metric(self, run_id, name, value, step):
        if step >= self.breaks_at:
            raise ConnectionError("the server is gone")
        self.metrics[run_id, name].append((step, value))

    def log_artifact(self, run_id, path):
        kept = self.folder / Path(path).name
        kept.write_bytes(Path(path).read_bytes())


@pytest.fixture
def server(monkeypatch, tmp_path):
    own = Server(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", own)
    return own


def fit(logger=None):
    meta = MetaRegressor("anil", max_epochs=3, tasks_per_epoch=32, random_state=0)
    return meta.set_callbacks(logger or MlflowLogger()).fit(X, Y, groups=TASK)


def answers(meta):
    few = {"groups": TASK[:40]}
    return meta.adapt(X[:40], Y[:40], **few).predict(X[:40], **few)


def test_a_run_has_the_parameters_every_epoch_and_the_model(server):
    meta = fit()
    assert server.tags["own"] == {"estimator": "MetaRegressor"}
    assert set(server.params["own"]) == set(meta.get_params())
    assert server.params["own"]["algorithm"] == "'anil'"
    losses = list(enumerate(meta.history_[:, "train_loss"], start=1))
    assert server.metrics["own", "train_loss"] == losses
    loaded = skmeta.load(server.folder / "model.skmeta")
    assert np.array_equal(answers(loaded), answers(meta))


def test_a_run_that_was_open_stays_open(server):
    fit()
    assert (server.active, server.ended) == (None, 1)  # its own
    server.start_run("mine")
    fit()
    assert server.active.info.run_id == "mine"
    fit(logger := MlflowLogger("third", log_model=False))
    assert logger.run_id_ == "third"
    assert set(server.params) == {"own", "mine", "third"}
    assert server.ended == 1


def test_a_server_that_fails_costs_a_warning_and_no_training(server):
    server.breaks_at = 2
    with pytest.warns(UserWarning, match="logs no more of this fit") as caught:
        meta = fit()
    assert len([w for w in caught if "MLflow" in str(w.message)]) == 1
    assert len(meta.history_) == 3
    assert [step for step, _ in server.metrics["own", "train_loss"]] == [1]
    assert not (server.folder / "model.skmeta").exists()
    assert server.ended == 1


def test_a_logger_is_copied_and_pickled_without_its_connection(server):
    fit(logger := MlflowLogger("third"))
    assert "_client" not in logger.__getstate__()


def test_without_mlflow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"skmeta\[mlflow\]"):
        fit()


def test_epochs_are_told_while_the_training_goes_on(server):
    told = []

    class Watch(MlflowLogger):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            super().on_fit_task_end(
                estimator, context, fitted_estimator=fitted_estimator
            )
            told.append(len(server.metrics["own", "train_loss"]))

    fit(Watch())
    assert told == [0, 1, 2, 3]


def test_mlflow_itself_takes_what_is_logged(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    with mlflow.start_run() as run:
        meta = fit()
    data = mlflow.get_run(run.info.run_id).data
    assert data.params["algorithm"] == "'anil'"
    assert data.metrics["train_loss"] == pytest.approx(meta.history_[-1, "train_loss"])
    path = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="model.skmeta"
    )
    assert np.array_equal(answers(skmeta.load(path)), answers(meta))
