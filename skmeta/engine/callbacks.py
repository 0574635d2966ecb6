"""What happens around epochs: the best weights are kept, a bar shows how far it is."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor
from tqdm.auto import tqdm

from skmeta.utils.messages import warn

__all__ = ["KeepBest", "Progress", "best_epoch"]


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
