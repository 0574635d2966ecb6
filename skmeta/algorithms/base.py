"""The contract of a meta-learning algorithm."""

from abc import abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn

from skmeta.algorithms.shared.losses import (
    check_outputs,
    task_losses,
)
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.nn import apply
from skmeta.plugins.parameters import NestedParametersMixin
from skmeta.utils.doc_links import DocLinkMixin

__all__ = ["Algorithm"]


class Algorithm(NestedParametersMixin, DocLinkMixin):
    """Base class of algorithms: how to meta-train a learner and how it adapts.

    An algorithm is a strategy object. It holds hyperparameters, set in ``__init__`` and
    nothing else; what is learnt lives in the module that :meth:`build` returns. Every
    method works on a padded batch of tasks at once.

    A subclass writes :meth:`build`, :meth:`adapt` and :meth:`predict`, and
    :func:`skmeta.testing.check_algorithm` proves that it keeps the contract. It may
    have two methods more, of the parameters of :meth:`predict`: ``predict_std``, the
    standard deviations of values; and ``distances``, how far rows are from what stands
    for each class of their task, (tasks, rows, classes), at least 0 and ``inf`` for
    classes that a task does not have.

    Attributes
    ----------
    kinds : tuple of str
        Kinds of target it can learn, "classifier" and "regressor".
    label_spaces : tuple of str
        Label spaces it can learn, "shared" and "per_task".
    uses_row_order : bool
        True if the order of the support rows matters.
    uses_weights : bool
        True if rows count by ``Batch.weight``, such that a weight of 2 is like giving
        the row twice. If False, an estimator takes no weights.
    weighs_classes : bool
        False if, in per-task label spaces, a class answers the same whatever all of
        its rows weigh, as one does that is their mean. ``class_weight`` then shifts its
        log odds.
    learns_train_classes : bool
        True if the module has weights for each training class, ``Batch.label``.
    uses_prior : bool
        True if it takes what a prior says of a row, ``Batch.offset`` (tasks, rows,
        parts, outputs), and learns how tasks deviate from it. Its ``predict``,
        ``embed``, ``predict_std`` and ``distances`` then have a fourth parameter,
        ``offset=None``, that of the rows to answer.
    learns_prior : bool
        True if it learns how much to believe the parts of a prior, or takes them for
        features. If False, the mean of the parts is added to the outputs as it is, and
        tasks are learnt from what it leaves: :func:`add_offset`,
        :func:`unexplained_targets` and :func:`count_unexpected` are there for that.
    uses_unlabelled : bool
        True if it learns from ``Batch.unlabelled`` of a support, rows without targets.
        It then has a parameter ``unlabelled``, "auto" or one of
        :meth:`unlabelled_choices`, of which ``fit`` of an estimator chooses in place of
        "auto". If False, such rows are left alone; tasks are standardised by all of
        their rows in any case.
    learns_temperature : bool
        True if it has a parameter ``temperature``, "auto" or a number from 1 on by
        which what support rows say is divided. ``fit`` of an estimator learns it in
        place of "auto" where targets are values.
    adapts_weights : bool
        False if no task has weights of the network for itself, so that what is learnt
        of a task is small: more tasks are learnt at once then.
    several_targets : bool
        True if it may learn several targets, one like the other: an estimator calls
        ``build`` once for each, with a backbone that hands out one network for all, and
        every method with one target at a time. False for an algorithm that keeps what
        belongs to a target on the network itself, or anywhere but in the module.
    sure_of_any_shot : bool
        Whether ``predict_std``, where there is one, tells the truth after numbers of
        support rows that were not trained with, as what follows the rules of
        probability does. If False, an estimator warns of other numbers.
    default_lr : float
        Learning rate of the outer optimizer that ``lr="auto"`` stands for.
    default_epochs : int
        Epochs that ``max_epochs="auto"`` stands for.
    trains_in_one_cycle : bool
        True if the learning rate rises to ``lr`` and falls to nothing, once in a
        training, which ends by itself: ``early_stopping="auto"`` holds out nothing. If
        False, the rate stays as it is.

    Examples
    --------
    A nearest-neighbour learner in the embedding, for per-task label spaces:

    >>> import torch
    >>> from skmeta.algorithms import Algorithm
    >>> class Nearest(Algorithm):
    ...     kinds, label_spaces = ("classifier",), ("per_task",)
    ...
    ...     def build(self, backbone, spec):
    ...         return torch.nn.ModuleDict(
    ...             {"backbone": backbone.build(spec.n_features)}
    ...         )
    ...
    ...     def adapt(self, module, support):
    ...         rows = module["backbone"](support.X)
    ...         code = torch.nn.functional.one_hot(support.y).to(rows)
    ...         return rows, code.log() + support.mask.to(rows).log().unsqueeze(-1)
    ...
    ...     def predict(self, module, state, X):
    ...         rows, log_member = state
    ...         closeness = -torch.cdist(module["backbone"](X), rows).unsqueeze(-1)
    ...         return (closeness + log_member.unsqueeze(1)).logsumexp(dim=2)
    """

    kinds: ClassVar[tuple[str, ...]] = ("classifier", "regressor")
    label_spaces: ClassVar[tuple[str, ...]] = ("shared", "per_task")
    uses_row_order: ClassVar[bool] = False
    uses_weights: ClassVar[bool] = False
    weighs_classes: ClassVar[bool] = True
    learns_train_classes: ClassVar[bool] = False
    uses_prior: ClassVar[bool] = False
    learns_prior: ClassVar[bool] = False
    uses_unlabelled: ClassVar[bool] = False
    learns_temperature: ClassVar[bool] = False
    adapts_weights: ClassVar[bool] = True
    several_targets: ClassVar[bool] = True
    sure_of_any_shot: ClassVar[bool] = False
    default_lr: ClassVar[float] = 1e-3
    default_epochs: ClassVar[int] = 200
    trains_in_one_cycle: ClassVar[bool] = False

    # ``module`` is Any below, and so is ``state``: they are what the own ``build`` and
    # ``adapt`` return, of types that each algorithm names where it overrides these.

    @abstractmethod
    def build(self, backbone: Backbone, spec: Spec) -> nn.Module:
        """Make the module whose parameters are meta-learnt.

        Parameters
        ----------
        backbone : Backbone
            ``backbone.build(n_features)`` makes the network to the embedding.
        spec : Spec
            Sizes and kinds.

        Returns
        -------
        nn.Module
            By convention with the backbone's network as ``module.backbone``.
        """
        raise NotImplementedError(f"{type(self).__name__} has no build().")

    @abstractmethod
    def adapt(self, module: Any, support: Batch) -> Any:
        """Learn every task from its support, leaving the module as it is.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        support : Batch
            Padded rows of several tasks; a task may have no row at all.

        Returns
        -------
        pytree of Tensor
            What the tasks have learnt. Every tensor has the task axis first.
        """
        raise NotImplementedError(f"{type(self).__name__} has no adapt().")

    @abstractmethod
    def predict(self, module: Any, state: Any, X: Tensor) -> Tensor:
        """Answer query rows with what each task has learnt.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : pytree of Tensor
            What :meth:`adapt` returned, or some tasks of it, joined, laid out anew or
            brought back from a file: only the values count.
        X : Tensor of shape (tasks, rows, n_features)
            Query rows.

        Returns
        -------
        Tensor of shape (tasks, rows, outputs)
            Logits, ``-inf`` for classes that a task does not have, or values.
        """
        raise NotImplementedError(f"{type(self).__name__} has no predict().")

    def answer(self, module: Any, state: Any, query: Batch) -> Tensor:
        """Answer the rows of a batch, with what the prior says of them if it is used.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : pytree of Tensor
            What :meth:`adapt` returned.
        query : Batch
            Query rows; targets are ignored.

        Returns
        -------
        Tensor of shape (tasks, rows, outputs)
            As :meth:`predict` returns it.
        """
        if query.offset is None:
            return self.predict(module, state, query.X)
        predict: Any = self.predict
        return predict(module, state, query.X, query.offset)

    def embed(
        self, module: Any, state: Any, X: Tensor, offset: Tensor | None = None
    ) -> Tensor:
        """Map rows to the embedding; by default the same for every task.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : pytree of Tensor
            What :meth:`adapt` returned.
        X : Tensor of shape (tasks, rows, n_features)
            Rows.
        offset : Tensor of shape (tasks, rows, parts, outputs), default=None
            What a prior says of the rows, where there is one.

        Returns
        -------
        Tensor of shape (tasks, rows, out_features)
            The backbone's output.
        """
        return apply(module.backbone, X)

    def callbacks(self) -> list[Any]:
        """Return skorch callbacks that meta-training by this algorithm needs.

        Returns
        -------
        list of skorch.callbacks.Callback
            New ones at every call, such as a schedule of the learning rate. By default
            none.
        """
        return []

    def default_prior(self, spec: Spec) -> tuple[str, ...]:
        """Name the parts of the prior that ``prior="auto"`` stands for.

        Parameters
        ----------
        spec : Spec
            Sizes and kinds.

        Returns
        -------
        tuple of str
            Of "boosting" and "linear". By default none, and so no prior.
        """
        return ()

    def default_episode(self, spec: Spec) -> tuple[int | tuple[int, int], int]:
        """Say what ``n_shot="auto"`` and ``n_query="auto"`` stand for.

        Parameters
        ----------
        spec : Spec
            Sizes and kinds.

        Returns
        -------
        n_shot : int or (int, int)
            Support rows of a task, or of each class where labels are per task: 5 by
            default.
        n_query : int
            Query rows, counted likewise: 15 by default.
        """
        return 5, 15

    def default_validation_fraction(self, spec: Spec, n_units: int) -> float:
        """Say what ``validation_fraction="auto"`` stands for.

        Parameters
        ----------
        spec : Spec
            Sizes and kinds.
        n_units : int
            Tasks that ``fit`` was given; classes, or rows, where tasks are drawn from
            them.

        Returns
        -------
        float
            Part to hold out: a tenth by default.
        """
        return 0.1

    def unlabelled_choices(self, spec: Spec) -> tuple[tuple[float, float], ...]:
        """Return how much unlabelled rows may count, for ``unlabelled="auto"``.

        Parameters
        ----------
        spec : Spec
            Sizes and kinds.

        Returns
        -------
        tuple of (weight, share)
            Values of the parameter ``unlabelled`` to choose from, besides (0, 0). By
            default none.
        """
        return ()

    def has_prior(self, spec: Spec) -> bool:
        """Tell whether a task with an empty support can be answered.

        Parameters
        ----------
        spec : Spec
            Sizes and kinds.

        Returns
        -------
        bool
            By default True where outputs mean the same in every task.
        """
        return spec.label_space == "shared"

    def meta_loss(self, module: Any, episode: Episode) -> Tensor:
        """Loss on the queries after learning from the supports.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        episode : Episode
            A meta-batch.

        Returns
        -------
        scalar Tensor
            By default the mean over tasks of :func:`task_losses`.
        """
        state = self.adapt(module, episode.support)
        outputs = self.answer(module, state, episode.query)
        check_outputs(self, outputs, episode.query)
        return task_losses(outputs, episode.query).mean()

    def validation_loss(
        self, module: Any, state: Any, outputs: Tensor, query: Batch
    ) -> Tensor:
        """Judge the answers to held-out tasks, for early stopping.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : pytree of Tensor
            What :meth:`adapt` returned.
        outputs : Tensor of shape (tasks, rows, outputs)
            What :meth:`answer` returned.
        query : Batch
            Query rows and their targets.

        Returns
        -------
        scalar Tensor
            By default the mean over tasks of :func:`task_losses`.
        """
        return task_losses(outputs, query).mean()

    def meta_backward(self, module: Any, episode: Episode) -> Tensor:
        """Add the meta-gradient to the parameters' ``.grad``.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        episode : Episode
            A meta-batch.

        Returns
        -------
        scalar Tensor
            The loss, detached. By default :meth:`meta_loss` is called and
            differentiated; a method without a meta-loss fills ``.grad`` itself.
        """
        loss = self.meta_loss(module, episode)
        loss.backward()
        return loss.detach()
