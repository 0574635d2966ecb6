"""How meta-training went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skmeta.display.style import COLOURS, axes_for, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TrainingDisplay"]


class TrainingDisplay:
    """Losses of every epoch of meta-training, and the epoch whose weights were kept.

    Make one with :meth:`from_estimator` or :meth:`from_history`.

    Parameters
    ----------
    epoch : int ndarray of shape (n_epochs,)
        Numbers of the epochs, from 1 on.
    train_loss : float ndarray of shape (n_epochs,)
        Loss on the episodes that were trained on.
    valid_loss : float ndarray of shape (n_epochs,), default=None
        Loss on held-out tasks; None if none were held out.

    Attributes
    ----------
    best_epoch : int or None
        Epoch with the least validation loss, None without validation.
    ax_, figure_ : matplotlib Axes and Figure
        What was drawn on.
    lines_ : dict of str to matplotlib Line2D
        Curves "train" and, with validation, "valid".

    Examples
    --------
    >>> from skmeta.display import TrainingDisplay
    >>> history = [{"train_loss": 1.2, "valid_loss": 1.1}]
    >>> history += [{"train_loss": 0.7, "valid_loss": 0.9}]
    >>> history += [{"train_loss": 0.5, "valid_loss": 1.0}]
    >>> TrainingDisplay.from_history(history, plot=False).best_epoch
    2
    """

    def __init__(self, epoch, train_loss, valid_loss=None):
        self.epoch = epoch
        self.train_loss = train_loss
        self.valid_loss = valid_loss

    @property
    def best_epoch(self) -> int | None:
        """Epoch with the least validation loss."""
        if self.valid_loss is None or np.isnan(self.valid_loss).all():
            return None
        return int(self.epoch[np.nanargmin(self.valid_loss)])

    @classmethod
    def from_estimator(cls, estimator, *, ax: Axes | None = None) -> TrainingDisplay:
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : MetaClassifier, MetaRegressor or a Pipeline that ends with one
            Fitted.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        TrainingDisplay
            What was drawn.
        """
        check_is_fitted(estimator)
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        return cls.from_history(estimator.history_, ax=ax)

    @classmethod
    def from_history(
        cls, history, *, ax: Axes | None = None, plot: bool = True
    ) -> TrainingDisplay:
        """Draw a history.

        Parameters
        ----------
        history : sequence of mapping
            One mapping per epoch with ``train_loss`` and maybe ``valid_loss``, such as
            the attribute ``history_`` of a fitted estimator.
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.
        plot : bool, default=True
            Draw at once.

        Returns
        -------
        TrainingDisplay
            What was drawn.
        """
        # Ctrl-C may have ended the last epoch before it had a loss.
        epochs = [epoch for epoch in history if "train_loss" in epoch]
        if not epochs:
            raise ValueError("The history has no epoch with a train_loss to draw.")
        valid = np.array([epoch.get("valid_loss", np.nan) for epoch in epochs], float)
        display = cls(
            np.arange(1, len(epochs) + 1),
            np.array([epoch["train_loss"] for epoch in epochs], float),
            None if np.isnan(valid).all() else valid,
        )
        return display.plot(ax=ax) if plot else display

    def plot(self, ax: Axes | None = None) -> TrainingDisplay:
        """Draw the losses against the epochs.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        TrainingDisplay
            Itself.
        """
        ax = axes_for(self, ax)
        marker = "o" if len(self.epoch) == 1 else None  # a line of one point is none
        (train,) = ax.plot(
            self.epoch, self.train_loss, color=COLOURS[0], marker=marker, label="train"
        )
        self.lines_ = {"train": train}
        if self.best_epoch is not None:
            (self.lines_["valid"],) = ax.plot(
                self.epoch,
                self.valid_loss,
                color=COLOURS[1],
                marker=marker,
                label="valid (tasks held out)",
            )
            best = self.valid_loss[self.epoch == self.best_epoch][0]
            ax.plot(
                self.best_epoch,
                best,
                "o",
                color=COLOURS[1],
                label=f"best epoch: {self.best_epoch} ({best:.3g})",
            )
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = tidy(ax), ax.figure
        return self
