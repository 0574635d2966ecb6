"""What happens around steps and epochs: learning rate, best weights, progress."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor
from tqdm.auto import tqdm

from skmeta.utils.messages import warn

__all__ = ["KeepBest", "OneCycle", "Progress", "best_epoch"]

# A cycle of the learning rate: its beginning, and what part of the steps it rises.
_FIRST_RATE, _RISE = 0.04, 0.3


class KeepBest(EarlyStopping):
    """Stop when the validation stalls; always end with the best epoch's weights.

    skorch's own callback compares epoch numbers at the end; this one also serves a
    training that Ctrl-C ended in the middle of an epoch.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which training stops.
    by_score : bool, default=False
        Let the score decide, not the loss. On classes never seen a learner is soon too
        sure of itself, and its loss rises while it still learns to tell them apart.
    """

    best_model_weights_: dict[str, Tensor] | None

    def __init__(self, patience: int, by_score: bool = False):
        super().__init__(
            monitor="valid_score" if by_score else "valid_loss",
            lower_is_better=not by_score,
            patience=patience,
            threshold=0.0,
            load_best=True,
            sink=_silent,
        )

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin to count."""
        super().on_train_begin(net, **kwargs)
        self.is_finite_ = True

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Warn, once, of a validation loss that is none; else as ever."""
        loss = net.history[-1, "valid_loss"]
        if self.is_finite_ and not math.isfinite(loss):
            self.is_finite_ = False
            warn(
                f"The validation loss of epoch {len(net.history)} is not finite: some "
                f"answers of {net.algorithm} to held-out tasks are beyond all numbers. "
                "Such epochs count as no improvement. Lower lr, or standardise "
                "features and targets.",
                RuntimeWarning,
            )
        super().on_epoch_end(net, **kwargs)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Load the weights of the best epoch."""
        if self.best_model_weights_ is not None:
            net.module_.load_state_dict(self.best_model_weights_)
            self.best_model_weights_ = None


def best_epoch(net: Any, epochs: Sequence[Mapping[str, Any]]) -> int:
    """Tell which of some validated epochs was best, as the net's KeepBest decides."""
    for _, callback in net.callbacks_:
        if isinstance(callback, KeepBest) and callback.monitor == "valid_score":
            return int(np.argmax([epoch["valid_score"] for epoch in epochs]))
    return int(np.argmin([epoch["valid_loss"] for epoch in epochs]))


def _silent(text: str, verbose: int = 0) -> None:
    """Say nothing: the progress bar shows the best epoch."""


class OneCycle(Callback):
    """Raise the learning rate to ``lr`` and lower it to nothing, once in a training.

    It begins at a 25th and rises over the first 30 % of the steps, along half cosines
    (Smith and Topin 2018). :class:`torch.optim.lr_scheduler.OneCycleLR` does the same,
    but cannot go on from where a killed training has got to.

    References
    ----------
    L. N. Smith, N. Topin. Super-convergence: very fast training of neural networks
    using large learning rates. 2018.
    """

    def on_train_begin(self, net: Any, X: Any = None, **kwargs: Any) -> None:
        """Begin the cycle."""
        self.n_steps_ = 0
        self.n_total_ = net.max_epochs * len(X)
        self.highest_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool | None = None, **kwargs: Any
    ) -> None:
        """Set the learning rate of a step."""
        if not training:
            return
        share = _share_of_cycle(self.n_steps_ / self.n_total_)
        for group, highest in zip(
            net.optimizer_.param_groups, self.highest_, strict=True
        ):
            group["lr"] = share * highest
        self.n_steps_ += 1


def _share_of_cycle(done: float) -> float:
    """Return what part of the highest rate a step has; ``done`` are those before."""
    if done < _RISE:
        up = 0.5 * (1 - math.cos(math.pi * done / _RISE))
        return _FIRST_RATE + (1 - _FIRST_RATE) * up
    return 0.5 * (1 + math.cos(math.pi * (done - _RISE) / (1 - _RISE)))


class Progress(Callback):
    """One progress bar for the whole training, with the latest losses beside it."""

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, desc="meta-training", unit="epoch")

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Move on by one epoch."""
        latest = net.history[-1]
        shown = {
            name: f"{latest[name]:.4g}"
            for name in ("train_loss", "valid_loss", "valid_score")
            if name in latest
        }
        self.bar_.set_postfix(shown)
        self.bar_.update()

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar_.close()
        del self.bar_
