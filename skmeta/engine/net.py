"""The meta-training loop: skorch over meta-batches."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Literal, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochTimer,
    PassthroughScoring,
)

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.per_target import by_target
from skmeta.algorithms.shared.losses import check_outputs, task_losses
from skmeta.engine.captured import CapturedStep
from skmeta.engine.history import History
from skmeta.episodes.episode import Batch, Episode
from skmeta.nn.calls import train_in_bfloat16
from skmeta.utils.messages import warn

__all__ = ["EpisodicNet", "compile_step", "mean_score", "score_and_weight"]

# From the module and a meta-batch to the loss, with ``.grad`` filled on the way.
_MetaStep = Callable[[torch.nn.Module, Episode], torch.Tensor]


class EpisodicNet(NeuralNet):
    """A skorch net whose batches are meta-batches and whose step is a meta-step.

    It trains on an iterable of ready meta-batches, given as ``X``. Epochs,
    callbacks, history, devices and optimizers are skorch's.

    Parameters
    ----------
    module : callable
        Makes the module that is meta-learnt.
    algorithm : Algorithm
        Gives the meta-gradient, and the predictions to validate.
    validation : iterable of Episode, default=None
        Meta-batches that the epochs are validated on.
    precision : {"float32", "bfloat16"}, default="float32"
        What networks compute in while they are trained; validation is in float32.
    **parameters
        As in :class:`skorch.NeuralNet`.

    Attributes
    ----------
    is_interrupted : bool
        Whether Ctrl-C ended the latest training; skorch ends it as if it had ended by
        itself.
    n_epochs_before : int
        Epochs of earlier trainings in the history.
    """

    is_interrupted = False
    n_epochs_before = 0

    def __init__(
        self,
        module: Callable[[], torch.nn.Module],
        *,
        algorithm: Algorithm,
        validation: Iterable[Episode] | None = None,
        precision: Literal["float32", "bfloat16"] = "float32",
        criterion: Any = torch.nn.Identity,
        train_split: Any = None,
        **parameters: Any,
    ):
        super().__init__(
            module, criterion=criterion, train_split=train_split, **parameters
        )
        self.algorithm = algorithm
        self.validation = validation
        self.precision = precision

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return [
            ("epoch_timer", EpochTimer()),
            ("train_loss", PassthroughScoring("train_loss", on_train=True)),
            ("valid_loss", PassthroughScoring("valid_loss")),
            (
                "valid_score",
                PassthroughScoring("valid_score", lower_is_better=False),
            ),
        ]

    @property
    def history(self) -> History:
        """The course of the training."""
        return self.history_

    @history.setter
    def history(self, rows: list[Any]) -> None:
        # skorch's callbacks put one in its place that they have read from a file.
        self.history_ = rows if isinstance(rows, History) else History(rows)

    @property
    def has_parameters(self) -> bool:
        """Whether there is anything that could be learnt."""
        return any(True for _ in self.module_.parameters())

    def get_all_learnable_params(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Yield parameters by name; one without a number where there is none.

        An optimizer takes no empty list.
        """
        if not self.has_parameters:
            yield "nothing", torch.nn.Parameter(torch.zeros(0))
        yield from super().get_all_learnable_params()

    def initialize_module(self) -> Self:
        """Make the module, and mark it where it trains in mixed precision."""
        super().initialize_module()
        if self.precision == "bfloat16":
            train_in_bfloat16(self.module_)
        return self

    def initialize_history(self) -> Self:
        """Begin the history anew."""
        self.history_ = History()
        return self

    @property
    def n_epochs(self) -> int:
        """Epochs that the latest training has begun."""
        return len(self.history) - self.n_epochs_before

    @property
    def n_epochs_done(self) -> int:
        """Epochs that it has ended, with what they are judged by."""
        losses = {"train_loss"} if self.validation is None else {"valid_loss"}
        epochs = self.history.to_list()[self.n_epochs_before :]
        return sum(losses <= epoch.keys() for epoch in epochs)

    def fit_loop(self, *args: Any, **kwargs: Any) -> Self:
        """Train for some epochs, and note whether Ctrl-C ended them."""
        self.is_interrupted = False
        try:
            return super().fit_loop(*args, **kwargs)
        except KeyboardInterrupt:  # by which skorch's callbacks end a training, too
            self.is_interrupted = not any(
                _has_stopped(callback) for _, callback in self.callbacks_
            )
            raise
        finally:
            if isinstance(vars(self).get("_meta_backward"), CapturedStep):
                del self._meta_backward  # graphs hold memory

    def get_split_datasets(
        self, X: Iterable[Episode], y: None = None, **fit_params: Any
    ) -> tuple[Iterable[Episode], Iterable[Episode] | None]:
        """Return the training episodes and the validation episodes."""
        return X, self.validation

    def get_iterator(
        self, dataset: Iterable[Episode], training: bool = False
    ) -> Iterable[Episode]:
        """Return the dataset itself: it yields ready meta-batches."""
        return dataset

    def torch_compile(self, module: torch.nn.Module, name: str) -> torch.nn.Module:
        """Leave the module as it is: what ``compile`` compiles is the meta-step."""
        return module

    def train_step_single(self, batch: Episode, **fit_params: Any) -> dict[str, Any]:
        """Fill the gradients with the algorithm's meta-gradient."""
        self._set_training(True)
        if not any(weight.requires_grad for weight in self.module_.parameters()):
            with torch.no_grad():  # there is nothing to learn, or it is frozen
                loss = self.algorithm.meta_loss(self.module_, batch.to(self.device))
        elif isinstance(self._meta_backward, CapturedStep):  # it moves them itself
            loss = self._meta_backward(self.module_, batch)
        else:
            loss = self._meta_backward(self.module_, batch.to(self.device))
        return {"loss": torch.as_tensor(loss), "y_pred": None}

    @cached_property
    def _meta_backward(self) -> _MetaStep:
        if not self.compile:
            return self.algorithm.meta_backward
        step = compile_step(self.algorithm, self.device)
        return step if isinstance(step, CapturedStep) else self._or_else_eager(step)

    def _or_else_eager(self, compiled: _MetaStep) -> _MetaStep:
        """Fall back, with one warning, where there is no compiler for the step."""

        def meta_backward(module: torch.nn.Module, episode: Episode) -> torch.Tensor:
            try:
                return compiled(module, episode)
            except Exception as error:  # torch raises any kind of them
                warn(
                    f"The meta-step of {self.algorithm} cannot be compiled here and "
                    f"runs as it is ({str(error).partition(chr(10))[0]}).",
                )
            self._meta_backward = self.algorithm.meta_backward
            self._zero_grad_optimizer()
            return self._meta_backward(module, episode)

        return meta_backward

    def validation_step(self, batch: Episode, **fit_params: Any) -> dict[str, Any]:
        """Adapt to the supports and judge on the queries."""
        outputs, loss, episode = self._judge(batch)
        self.history.record_batch("valid_score", mean_score(outputs, episode.query))
        return {"loss": loss, "y_pred": outputs}

    def _judge(self, batch: Episode) -> tuple[torch.Tensor, torch.Tensor, Episode]:
        """Answer the queries; return the outputs, the loss, and what was answered."""
        self._set_training(False)
        episode = batch.to(self.device)
        with torch.no_grad():
            state = self.algorithm.adapt(self.module_, episode.support)
            outputs = self.algorithm.answer(self.module_, state, episode.query)
            check_outputs(self.algorithm, outputs, episode.query)
            loss = self.algorithm.validation_loss(
                self.module_, state, outputs, episode.query
            )
        return outputs, loss, episode

    def on_batch_end(
        self,
        net: NeuralNet,
        batch: Any = None,
        training: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Record how many tasks a meta-batch has; epochs weight its loss by that.

        skorch counts rows, and takes the fields of a :class:`Batch` for them.
        """
        super().on_batch_end(net, batch=batch, training=training, **kwargs)
        prefix = "train" if training else "valid"
        self.history.record_batch(f"{prefix}_batch_size", self._n_tasks(batch))

    def _n_tasks(self, batch: Episode) -> int:
        return len(batch.support.X)

    def __getstate__(self) -> dict[str, Any]:
        # The validation episodes have done their work when the net is pickled.
        state = super().__getstate__() | {"validation": None}
        state.pop("_meta_backward", None)
        return state


def _has_stopped(callback: Callback) -> bool:
    """Tell whether it is a callback that has ended the training, and not Ctrl-C."""
    if isinstance(callback, EarlyStopping):
        return bool(callback.misses_ >= callback.patience)
    return bool(getattr(callback, "has_stopped", False))


def compile_step(algorithm: Algorithm, device: torch.device | str) -> _MetaStep:
    """Make a meta-step of few calls.

    On a CUDA device steps are captured as graphs. Elsewhere they are compiled; on a CPU
    what calls the kernels is compiled as well: it takes as long as the kernels of small
    networks.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return CapturedStep(algorithm, device)
    return torch.compile(
        algorithm.meta_backward,
        options={"cpp_wrapper": True} if kind == "cpu" else None,
    )


def mean_score(outputs: torch.Tensor, query: Batch) -> float:
    """Accuracy, or minus the squared error, of the real query rows, by weights.

    Of several targets the mean.
    """
    parts = [_score(*part) for part in by_target(outputs, query)]
    return sum((total / weight).item() for total, weight in parts) / len(parts)


def score_and_weight(outputs: torch.Tensor, query: Batch) -> tuple[float, float]:
    """Return what :func:`mean_score` is a mean of: a sum, and what to divide it by.

    Of parts of a meta-batch both may be added.
    """
    parts = [_score(*part) for part in by_target(outputs, query)]
    total = sum(total.item() for total, _ in parts) / len(parts)
    return total, parts[0][1].item()


def _score(outputs: torch.Tensor, query: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    if query.y.is_floating_point():
        losses = task_losses(outputs, query)
        return -losses.sum(), losses.new_tensor(float(len(losses)))
    right = (outputs.argmax(dim=-1) == query.y)[query.mask].float()
    weight = query.counts(right)[query.mask]
    return (right * weight).sum(), weight.sum()
