"""Meta-training: from episodes to a trained net."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback, InputShapeSetter, LRScheduler
from skorch.callbacks.scoring import ScoringBase
from torch import nn
from torch.linalg import LinAlgError  # type: ignore[attr-defined]

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.per_target import for_targets
from skmeta.augmentations import Augmentation, augment_all
from skmeta.backbones.base import Backbone
from skmeta.engine.baseline_check import warn_if_no_help, warn_if_worse
from skmeta.engine.callbacks import KeepBest, OneCycle, Progress
from skmeta.engine.checkpoints import Checkpoint, KeepCheckpoint
from skmeta.engine.chunks import ROWS_AT_ONCE
from skmeta.engine.hooks import Hooks
from skmeta.engine.net import EpisodicNet
from skmeta.engine.parallel import KeepJointCheckpoint, ParallelNet, own_generators
from skmeta.engine.warm_start import take_over
from skmeta.episodes.episode import Episode
from skmeta.episodes.meta_batches import Episodes
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.episodes.scaling import TaskScaling
from skmeta.episodes.sharing import Sharing
from skmeta.episodes.spec import Spec
from skmeta.utils.messages import warn
from skmeta.utils.processes import present
from skmeta.utils.random import Generators, may_draw, seeded
from skmeta.utils.threads import one_thread_if_small

__all__ = ["build", "make_net", "meta_train", "pass_on_interruption"]

# Optimizers with one kernel for all weights, where a call per weight would cost as much
# as the meta-gradient of a small network.
_FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)

# Enough for a steady validation loss, few enough to cost less than the training.
_VALIDATION_EPISODES = 256

_DIVERGED = (
    "Meta-training diverged: the weights are no longer finite. Lower lr, or the "
    "algorithm's inner_lr or inner_steps, and standardise the features."
)


def make_net(
    algorithm: Algorithm,
    backbone: Backbone,
    spec: Spec,
    *,
    patience: int | None,
    by_score: bool = False,
    verbose: int,
    callbacks: Sequence | None,
    one_cycle: bool,
    **parameters: Any,
) -> EpisodicNet:
    """Configure an untrained net, for the processes of the fit around if it has some.

    Parameters
    ----------
    algorithm, backbone : Algorithm, Backbone
        What the net meta-learns.
    spec : Spec
        Sizes and kinds.
    patience : int or None
        Epochs without improvement before training stops; None without validation.
    by_score : bool, default=False
        Let the validation score say which epoch is best, not the loss.
    verbose : int
        Show a progress bar if positive.
    callbacks : sequence of skorch callbacks or None
        The user's own.
    one_cycle : bool
        Whether the learning rate rises and falls once, unless a callback sets it.
    **parameters
        As in :class:`skorch.NeuralNet`.

    Returns
    -------
    EpisodicNet
        Not yet initialised.

    Raises
    ------
    ValueError
        If a callback asks for rows with labels, or if several processes are to compile
        the meta-step.
    TypeError
        If something is no callback, or no optimizer.
    """
    _check_callbacks(callbacks or [])
    _check_optimizer(parameters["optimizer"])
    if _can_fuse(parameters["optimizer"]):
        parameters["optimizer__fused"] = True
    own: list[tuple[str, Callback]] = []
    if patience is not None:
        own.append(("keep_best", KeepBest(patience, by_score)))
    if one_cycle and not _has_schedule(callbacks):
        own.append(("one_cycle", OneCycle()))
    processes = present()
    if verbose and (processes is None or processes.is_main):
        own.append(("progress", Progress()))
    make: Callable[..., EpisodicNet] = EpisodicNet
    if processes is not None:
        if parameters["compile"]:
            raise ValueError(
                "compile=True compiles the meta-step of one process, and accelerate="
                f"True has found {processes.n}. Set one of them to False."
            )
        make = partial(ParallelNet, processes=processes)
    return make(
        partial(build, algorithm, backbone, spec),
        algorithm=for_targets(algorithm, spec),
        callbacks=[*own, *algorithm.callbacks(), *(callbacks or [])],
        verbose=0,  # the progress bar speaks for it
        **parameters,
    )


def _check_callbacks(callbacks: Sequence) -> None:
    """Refuse callbacks of skorch that ask for rows with labels."""
    for cls in _classes_of(callbacks):
        if not issubclass(cls, Callback):
            raise TypeError(
                f"callbacks must be those of skorch or made like them, and "
                f"{cls.__name__!r} is none."
            )
        if issubclass(cls, (ScoringBase, InputShapeSetter)):
            raise ValueError(
                f"{cls.__name__} looks at rows and their labels, and meta-training "
                "goes through episodes of tasks. The history has valid_loss and "
                "valid_score of tasks held out; a callback of your own may record "
                "more, and PassthroughScoring hands it on to epochs."
            )


def _classes_of(callbacks: Sequence[Any] | None) -> Iterator[type]:
    """Return what callbacks are: as skorch has them, some are named, some classes."""
    for given in callbacks or []:
        callback = given[-1] if isinstance(given, tuple) else given
        yield callback if isinstance(callback, type) else type(callback)


def build(algorithm: Algorithm, backbone: Backbone, spec: Spec) -> nn.Module:
    """Make the module that is meta-learnt.

    Raises
    ------
    TypeError
        If the algorithm makes something else.
    """
    try:
        module = for_targets(algorithm, spec).build(backbone, spec)
    except TypeError as error:  # of a parameter that is a word, not a number
        raise TypeError(
            f"{algorithm} cannot be built with {backbone}: {error}. Are their "
            "parameters of the right types?"
        ) from error
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"{type(algorithm).__name__}.build must return a torch.nn.Module, and "
            f"returned {module!r}."
        )
    return module


def _has_schedule(callbacks: Sequence[Any] | None) -> bool:
    """Tell whether some of the callbacks are one of the learning rate."""
    return any(issubclass(cls, LRScheduler) for cls in _classes_of(callbacks))


def _check_optimizer(optimizer: Any) -> None:
    cls = getattr(optimizer, "func", optimizer)  # of a partial
    if isinstance(cls, type) and not issubclass(cls, torch.optim.Optimizer):
        raise TypeError(f"optimizer must be one of torch.optim, not {cls.__name__!r}.")


def _can_fuse(optimizer: Any) -> bool:
    """Tell whether an optimizer can be fused, and the user chose nothing else."""
    chosen = set(getattr(optimizer, "keywords", ()))
    cls = getattr(optimizer, "func", optimizer)  # of a partial
    return cls in _FUSED and not chosen & {"fused", "foreach", "differentiable"}


def meta_train(
    net: EpisodicNet,
    train: EpisodeSampler,
    valid: EpisodeSampler | None,
    *,
    augmentations: Sequence[Augmentation],
    scaling: TaskScaling | None = None,
    spec: Spec,
    tasks_per_epoch: int,
    rng: np.random.Generator,
    before: EpisodicNet | None = None,
    checkpoint: Checkpoint | None = None,
    hooks: Hooks | None = None,
) -> EpisodicNet:
    """Train a net on episodes.

    Parameters
    ----------
    net : EpisodicNet
        Trained in place.
    train, valid : EpisodeSampler
        Where its episodes come from; no validation if ``valid`` is None.
    augmentations : sequence of Augmentation
        Changes of the training episodes.
    scaling : TaskScaling, default=None
        Standardises each task of all episodes by itself.
    spec : Spec
        Sizes and kinds.
    tasks_per_epoch : int
        Tasks drawn in an epoch.
    rng : numpy.random.Generator
        Source of all randomness, torch's included.
    before : EpisodicNet, default=None
        Trained already: the training goes on from its weights, with its optimizer's
        memory, and it stays as it is.
    checkpoint : Checkpoint, default=None
        Where an earlier start of this training has got to, and where to note how far
        this one gets. Removed when the training has ended by itself.
    hooks : Hooks, default=None
        The estimator's callbacks of scikit-learn, which are told of the epochs.

    Returns
    -------
    EpisodicNet
        The net, its module in evaluation mode. Where ``is_interrupted``, its weights
        are the best so far, and its user is to go on with Ctrl-C.

    Raises
    ------
    ValueError
        If the loss diverged and no epoch left finite weights, or if a matrix of a step
        had no solution.
    KeyboardInterrupt
        If Ctrl-C left no finite weights.
    """
    standardise = None if scaling is None else scaling.standardise
    change, torch_rng = _changes(augmentations, standardise, spec, rng)
    sharing = _sharing(net, spec, whole=bool(augmentations))
    episodes = Episodes(
        train, tasks_per_epoch, net.batch_size, rng, change=change, sharing=sharing
    )
    if valid is not None:
        net.validation = Episodes(
            valid,
            _VALIDATION_EPISODES,
            max(net.batch_size, ROWS_AT_ONCE // valid.n_rows_at_most),
            rng,
            fixed=True,
            change=standardise,
        )
    n_done = checkpoint.n_epochs if checkpoint is not None else 0
    generators = _begin(net, before, int(rng.integers(2**63)))
    users = list(net.callbacks_)  # what a net keeps
    if hooks is not None:
        first, last = hooks.begin(net)
        net.callbacks_ = [("hooks", first), *users, ("stop", last)]
    if checkpoint is not None:
        _keep_checkpoints(net, checkpoint, rng, generators, torch_rng)
    n_rows = net.batch_size * train.n_rows_at_most
    with (
        seeded(generators, watch=_may_draw(net), borrow=net.compile),
        one_thread_if_small(net.module_, n_rows, spec.n_features),
    ):
        try:
            n_epochs = net.max_epochs if net.has_parameters else 1
            net.partial_fit(episodes, epochs=max(0, n_epochs - n_done))
        except LinAlgError as error:
            if checkpoint is not None:
                checkpoint.remove()
            raise ValueError(f"{_DIVERGED} ({error})") from error
    if isinstance(net, ParallelNet):
        net.share_weights()
    net.module_.eval()
    net.callbacks_ = users
    try:
        _check_outcome(net)
    finally:  # what diverged would diverge again
        if checkpoint is not None and not net.is_interrupted:
            checkpoint.remove()
    if net.is_interrupted:
        return net
    if valid is None:
        warn_if_worse(net)
    else:
        warn_if_no_help(net)
    return net


def _changes(
    augmentations: Sequence[Augmentation],
    standardise: Callable[[Episode], Episode] | None,
    spec: Spec,
    rng: np.random.Generator,
) -> tuple[Callable[[Episode], Episode] | None, torch.Generator | None]:
    """Return what becomes of the training episodes, and what augmentations draw by."""
    if not augmentations:
        return standardise, None
    torch_rng = torch.Generator().manual_seed(int(rng.integers(2**63)))
    augment = partial(augment_all, augmentations, spec=spec, rng=torch_rng)
    if standardise is None:
        return augment, torch_rng
    return partial(_in_turn, augment, standardise), torch_rng


def _sharing(net: EpisodicNet, spec: Spec, *, whole: bool) -> Sharing | None:
    """Say which tasks of a meta-batch are for this process, None if it is alone."""
    if not isinstance(net, ParallelNet):
        return None
    return Sharing(
        net.processes.place,
        net.processes.n,
        n_train_classes=max(spec.n_outputs, spec.n_train_classes),
        whole=whole,
    )


def _begin(net: EpisodicNet, before: EpisodicNet | None, seed: int) -> Generators:
    """Make the weights of a net, or take them over; return what its steps draw by."""
    generators = Generators(seed)
    with seeded(generators):
        net.initialize()
    if before is not None:
        take_over(net, before)
    if isinstance(net, ParallelNet):
        net.share_weights()  # a network that a user has given may differ
        if not net.processes.is_main:
            return own_generators(seed, net.processes.place)
    return generators


def _keep_checkpoints(
    net: EpisodicNet,
    checkpoint: Checkpoint,
    rng: np.random.Generator,
    generators: Generators,
    torch_rng: torch.Generator | None,
) -> None:
    """Let a net note after its epochs how far it has got."""
    random: dict[str, Generators | torch.Generator] = {"torch": generators}
    if torch_rng is not None:
        random["augment"] = torch_rng
    keeper = KeepCheckpoint(checkpoint, rng, random)
    if isinstance(net, ParallelNet):
        keeper = KeepJointCheckpoint(checkpoint, rng, random, net.processes)
    net.callbacks_.append(("checkpoint", keeper))


def _may_draw(net: EpisodicNet) -> bool:
    """Tell whether a step of the training may draw numbers that nobody has seeded."""
    callbacks = [callback for _, callback in net.callbacks_]
    return may_draw([net.algorithm, *net.module_.modules(), *callbacks, net.optimizer_])


def _in_turn(
    first: Callable[[Episode], Episode],
    second: Callable[[Episode], Episode],
    episode: Episode,
) -> Episode:
    return second(first(episode))


def _check_outcome(net: EpisodicNet) -> None:
    """Raise if training diverged."""
    weights: Iterator[nn.Parameter] = net.module_.parameters()
    if all(bool(weight.isfinite().all()) for weight in weights):
        return
    if net.is_interrupted:
        raise KeyboardInterrupt
    raise ValueError(_DIVERGED)


def pass_on_interruption(net: EpisodicNet) -> None:
    """Go on with a Ctrl-C that has ended a training, which skorch has caught.

    Raises
    ------
    KeyboardInterrupt
        If it has.

    Warns
    -----
    RuntimeWarning
        That the weights are those of a part of the training.
    """
    if not net.is_interrupted:
        return
    try:
        warn(
            f"Meta-training was interrupted in epoch {net.n_epochs} of "
            f"{net.max_epochs}; the best weights so far are kept. What fit learns "
            "after them, of unlabelled rows and for reject, may be missing.",
            RuntimeWarning,
        )
    finally:  # also where warnings are errors
        raise KeyboardInterrupt
