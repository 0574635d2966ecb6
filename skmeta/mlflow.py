"""What a training was and became, in a run of MLflow."""

import math
import tempfile
from numbers import Real
from pathlib import Path
from typing import Any

from skmeta.utils.messages import warn

__all__ = ["MlflowLogger"]

# What MLflow keeps of a value.
_MOST_LETTERS = 6000

_FILE = "model.skmeta"


class MlflowLogger:
    """Log a meta-training to MLflow: parameters, every epoch, and the model.

    A callback of scikit-learn, from version 1.9 on: ``meta.set_callbacks(logger)``.
    Parameters are logged when ``fit`` begins, the numbers of ``history_`` after every
    epoch, and at the end the fitted meta-learner as the artifact ``model.skmeta``, as
    :func:`skmeta.save` writes it. A server that fails later than that costs a warning,
    never the training.

    With scikit-learn 1.8, ``callbacks=[skorch.callbacks.MlflowLogger()]`` logs the
    history alone.

    Parameters
    ----------
    run_id : str, default=None
        The run to log to, which stays open. None is the active one, and where there is
        none, one of its own for each ``fit``, which ends with it.
    log_model : bool, default=True
        Whether to log the model.

    Attributes
    ----------
    run_id_ : str
        The run of the last ``fit``.

    Raises
    ------
    ImportError
        By ``fit``, if mlflow is not installed: ``pip install "skmeta[mlflow]"``.

    Examples
    --------
    ::

        import mlflow
        from skmeta.mlflow import MlflowLogger

        logger = MlflowLogger()
        meta = MetaRegressor(random_state=0).set_callbacks(logger)
        with mlflow.start_run():
            meta.fit(X, y, groups=store)
        path = mlflow.artifacts.download_artifacts(
            run_id=..., artifact_path="model.skmeta"
        )
        skmeta.load(path)
    """

    _is_own = False  # whether the run was begun here

    def __init__(self, run_id: str | None = None, *, log_model: bool = True):
        self.run_id = run_id
        self.log_model = log_model

    def setup(self, estimator: Any, context: Any) -> None:
        """Find or begin a run, and log the parameters."""
        try:
            import mlflow
        except ImportError as error:
            raise ImportError(
                'MlflowLogger needs mlflow: pip install "skmeta[mlflow]".'
            ) from error
        self._client = mlflow.MlflowClient()
        active = mlflow.active_run()
        self._is_own = self.run_id is None and active is None
        if self.run_id is not None:
            self.run_id_ = self.run_id
        elif active is not None:
            self.run_id_ = active.info.run_id
        else:
            self.run_id_ = mlflow.start_run().info.run_id
        self._is_lost, self._n_logged = False, 0
        self._client.set_tag(self.run_id_, "estimator", type(estimator).__name__)
        for name, value in estimator.get_params().items():
            self._client.log_param(self.run_id_, name, repr(value)[:_MOST_LETTERS])

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: what begins is told when it ends."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> bool:
        """Log an epoch, or the model in the end."""
        if self._is_lost:
            return False
        try:
            history = fitted_estimator.history_
            # The last epoch's numbers are complete when the next one ends, or the fit.
            is_over = context.task_name != "epoch"
            self._log_epochs(history if is_over else history[:-1])
            if is_over and self.log_model:
                self._log_model(fitted_estimator)
        except Exception as error:  # of a client, a network, a disk
            self._is_lost = True
            warn(
                f"MLflow logs no more of this fit, which goes on: {error!r}. Log the "
                "rest by hand: meta.history_, and the file of meta.save(path)."
            )
        return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """End a run that was begun here."""
        if self._is_own:
            import mlflow

            mlflow.end_run()

    def _log_epochs(self, history: Any) -> None:
        for row in history[self._n_logged :]:
            for name, value in row.items():
                is_number = isinstance(value, Real) and not isinstance(value, bool)
                if is_number and name != "epoch" and math.isfinite(value):
                    self._client.log_metric(
                        self.run_id_, name, float(value), step=int(row["epoch"])
                    )
        self._n_logged = len(history)

    def _log_model(self, fitted: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / _FILE
            fitted.save(path)
            self._client.log_artifact(self.run_id_, str(path))

    def __getstate__(self) -> dict[str, Any]:
        """Leave the client behind, which may hold a connection."""
        return {name: v for name, v in vars(self).items() if name != "_client"}
