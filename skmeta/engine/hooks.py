"""The callbacks of scikit-learn 1.9, ``set_callbacks``, told of every epoch."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from skorch.callbacks import Callback

from skmeta.engine.net import EpisodicNet

_Method = TypeVar("_Method", bound=Callable[..., Any])

if TYPE_CHECKING:  # scikit-learn has no types, and a decorator without takes those away

    class CallbackSupportMixin:
        """What scikit-learn's own says to users."""

        def set_callbacks(self, *callbacks: Any) -> Self:
            """Set what fit tells of its epochs."""

    def with_callbacks(method: _Method) -> _Method:
        """Return a method that tears callbacks down when it ends."""

else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # scikit-learn 1.8 has none: estimators have none to set

        class CallbackSupportMixin:
            """Stands for what there is not."""

        def with_callbacks(method):
            """Return a method as it is."""
            return method


__all__ = ["CallbackSupportMixin", "Hooks", "open_hooks", "unheard", "with_callbacks"]


class Hooks:
    """What an estimator's callbacks are told in a fit: a task of its own, and epochs.

    Parameters
    ----------
    estimator : estimator
        Whose fit it is.
    given : dict
        ``X``, ``y`` and ``metadata`` as scikit-learn's hooks have them.
    """

    epoch: Any  # the present one's own context

    def __init__(self, estimator: Any, given: dict[str, Any]):
        self.context = estimator._init_callback_context(max_subtasks=None)
        self.given = {"estimator": estimator, **given}

    def begin(self, net: EpisodicNet) -> list[Callback]:
        """Begin the fit, and return what tells of its epochs: the first and the last.

        Between them stand the net's own callbacks, so that the epoch after which
        somebody asks to stop counts like any other.
        """
        self.context.max_subtasks = net.max_epochs
        self.context.call_on_fit_task_begin(**self.given)
        first = _Epochs(self)
        return [first, _Stop(first)]

    def end(self) -> None:
        """End the fit; the estimator is ready by now."""
        estimator = self.given["estimator"]
        self.context.call_on_fit_task_end(
            **self.given, reconstruction_attributes=lambda: vars(estimator)
        )


def open_hooks(estimator: Any, **given: Any) -> Hooks | None:
    """Set up an estimator's callbacks, where scikit-learn has any."""
    if not hasattr(estimator, "_init_callback_context"):
        return None
    metadata = {name: value for name, value in given.items() if value is not None}
    X, y = metadata.pop("X", None), metadata.pop("y", None)
    return Hooks(estimator, {"X": X, "y": y, "metadata": metadata or None})


def unheard(learner: Any) -> Any:
    """Take the callbacks off a clone, whose fit is a part of another's."""
    if hasattr(learner, "set_callbacks"):
        learner.set_callbacks()
    return learner


class _Epochs(Callback):
    """Tells of epochs, and notes whether somebody asks to stop."""

    has_stopped = False

    def __init__(self, hooks: Hooks):
        self.hooks = hooks

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin a task of the fit."""
        self.hooks.epoch = self.hooks.context.subcontext(task_name="epoch")
        self.hooks.epoch.call_on_fit_task_begin(**self.hooks.given)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """End it, with an estimator that is ready for new tasks."""
        self.has_stopped = self.hooks.epoch.call_on_fit_task_end(
            **self.hooks.given,
            reconstruction_attributes=lambda: {
                "module_": copy.deepcopy(net.module_).eval(),
                "net_": net,
                "history_": net.history,
                "adapted_": None,
            },
        )


class _Stop(Callback):
    """Ends the training by skorch's own way, when the epoch has been judged."""

    def __init__(self, asked: _Epochs):
        self.asked = asked

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Stop, if somebody has asked to."""
        if self.asked.has_stopped:
            raise KeyboardInterrupt
