"""Task augmentation by mixing classes or rows."""

import torch
from torch import Tensor

from skmeta.augmentations.base import Augmentation, choose_tasks
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["ClassOverlay", "TaskMixing"]


class TaskMixing(Augmentation):
    r"""Mix two tasks of a meta-batch into a new one, as MLTI does.

    Each chosen task t gets a partner s of the same meta-batch, and its rows become
    (Yao et al. 2022, equations 2 and 4, on the features)

    .. math:: \tilde x = \lambda x^{(t)} + (1 - \lambda) x^{(s)}, \qquad
              \lambda \sim \text{Beta}(\alpha, \alpha).

    In per-task label spaces class k of t is mixed with class k of s, which makes a new
    class: the classes of an episode are numbered at random, and :math:`\lambda` is
    drawn for every class. In shared label spaces rows are mixed with rows of the same
    label, and in regression any rows, together with their targets; and so is what a
    prior says of them. Support rows are mixed with support rows, and query rows with
    query rows. A row without a match in the partner stays as it is.

    Parameters
    ----------
    share : float, default=0.5
        Chance of a task to be mixed.
    alpha : float, default=0.5
        Shape of the distribution of :math:`\lambda`: small values keep close to one of
        the two tasks, large ones mix them half and half.

    References
    ----------
    H. Yao, L. Zhang, C. Finn. Meta-learning with fewer tasks through task
    interpolation. ICLR 2022.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.augmentations import TaskMixing
    >>> MetaClassifier("protonet", augment=TaskMixing(alpha=2.0))
    MetaClassifier(algorithm='protonet', augment=TaskMixing(alpha=2.0))
    """

    several_targets = True

    def __init__(self, share: float = 0.5, alpha: float = 0.5):
        self.share = share
        self.alpha = alpha

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Mix chosen tasks with partners.

        Raises
        ------
        ValueError
            If ``share`` is no probability or ``alpha`` not positive.
        """
        if not (0 <= self.share <= 1 and self.alpha > 0):
            raise ValueError(
                "share must be in [0, 1] and alpha positive, not "
                f"{self.share!r} and {self.alpha!r}."
            )
        n_tasks = len(episode.support.X)
        if n_tasks == 1:  # there is no other
            return episode
        per_class = spec.kind == "classifier" and spec.label_space == "per_task"
        width = int(episode.support.n_classes.max()) if per_class else 1
        chosen = choose_tasks(n_tasks, self.share, rng)
        shift = torch.randint(1, n_tasks, (n_tasks,), generator=rng)
        partner = (torch.arange(n_tasks) + shift) % n_tasks
        weight = _draw_beta(self.alpha, (n_tasks, width), rng)
        weight = torch.where(chosen, weight, 1.0)
        if per_class:  # a class is mixed in the support and the query, or in neither
            both = torch.minimum(
                episode.support.n_classes, episode.support.n_classes[partner]
            )
            has = torch.arange(width) < both.unsqueeze(1)
            weight = torch.where(has, weight, 1.0)
        return Episode(
            *(_mix(batch, partner, weight, per_class, spec, rng) for batch in episode)
        )


class ClassOverlay(Augmentation):
    """Lay half of the classes of an episode over other classes of it.

    In a chosen task every class has a partner. With a chance of one half all of its
    rows, in the support and in the query, become the larger of their own and of a
    random row of the partner, feature by feature. Where features are ink on an empty
    page, the two drawings lie one over the other and make a new, more intricate one;
    and the learner has to tell it from both.

    Parameters
    ----------
    share : float, default=0.5
        Chance of a task to have classes laid over one another.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.augmentations import ClassOverlay
    >>> MetaClassifier("protonet", augment=ClassOverlay())
    MetaClassifier(algorithm='protonet', augment=ClassOverlay())
    """

    kinds = ("classifier",)
    label_spaces = ("per_task",)

    def __init__(self, share: float = 0.5):
        self.share = share

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Lay classes over one another.

        Raises
        ------
        ValueError
            If ``share`` is no probability.
        """
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be in [0, 1], not {self.share!r}.")
        n_classes = episode.support.n_classes.unsqueeze(1)  # (tasks, 1)
        code = torch.arange(int(n_classes.max()))
        shape = (len(n_classes), len(code))
        # A step around the circle of classes never ends where it began.
        most = (n_classes - 1).clamp(min=1)
        step = 1 + (torch.rand(n_classes.shape, generator=rng) * most).long()
        partner = (code + step) % n_classes.clamp(min=1)
        covered = torch.rand(shape, generator=rng) < 0.5
        covered &= choose_tasks(len(n_classes), self.share, rng) & (n_classes > 1)
        return Episode(*(_overlay(batch, partner, covered, rng) for batch in episode))


def _overlay(
    batch: Batch, partner: Tensor, covered: Tensor, rng: torch.Generator
) -> Batch:
    task = torch.arange(len(batch.y)).unsqueeze(1)
    wanted = partner[task, batch.y].unsqueeze(2)  # (tasks, rows, 1)
    match = (batch.y.unsqueeze(1) == wanted) & batch.mask.unsqueeze(1)
    row, has_match = _pick(match & batch.mask.unsqueeze(2), rng)
    changed = covered[task, batch.y] & has_match
    larger = torch.maximum(batch.X, batch.X[task, row])
    batch = batch._replace(X=torch.where(changed.unsqueeze(-1), larger, batch.X))
    if batch.label is None:
        return batch
    return batch._replace(label=batch.label.masked_fill(changed, -1))


def _mix(
    batch: Batch,
    partner: Tensor,
    weight: Tensor,
    per_class: bool,
    spec: Spec,
    rng: torch.Generator,
) -> Batch:
    """Mix every row with a random one of its partner that matches it."""
    other_y, other_mask = batch.y[partner], batch.mask[partner]
    match = batch.mask.unsqueeze(2) & other_mask.unsqueeze(1)  # (tasks, rows, rows)
    if spec.kind == "classifier":
        same = batch.y.unsqueeze(2) == other_y.unsqueeze(1)
        match = match & (same if same.ndim == 3 else same.all(dim=-1))
    row, has_match = _pick(match, rng)
    other_X = batch.X[partner.unsqueeze(1), row]
    task = torch.arange(len(row)).unsqueeze(1)
    own = weight[task, batch.y] if per_class else weight.expand_as(batch.mask)
    own = torch.where(has_match, own, 1.0)
    mixed = batch._replace(
        X=own.unsqueeze(-1) * batch.X + (1 - own).unsqueeze(-1) * other_X
    )
    if batch.offset is not None:
        other_offset = batch.offset[partner.unsqueeze(1), row]
        share = _beside(own, batch.offset)
        mixed = mixed._replace(offset=share * batch.offset + (1 - share) * other_offset)
    if spec.kind == "regressor":
        share = _beside(own, batch.y)
        return mixed._replace(y=share * batch.y + (1 - share) * other_y[task, row])
    if per_class and batch.label is not None:
        return mixed._replace(label=batch.label.masked_fill(own < 1, -1))
    return mixed


def _beside(of_rows: Tensor, values: Tensor) -> Tensor:
    """Give a number of every row, (tasks, rows), the further axes of other values."""
    return of_rows.view(*of_rows.shape, *[1] * (values.ndim - 2))


def _pick(match: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pick a random match of every row, and tell which rows have one."""
    chance = torch.rand(match.shape, generator=rng) * match
    return chance.argmax(dim=2), match.any(dim=2)


def _draw_beta(alpha: float, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Draw from a symmetric beta distribution, as the share of one of two gammas."""
    concentration = torch.full((2, *shape), float(alpha), dtype=torch.float64)
    # torch.distributions knows no generator of one's own.
    gamma = torch._standard_gamma(concentration, generator=rng)
    return (gamma[0] / gamma.sum(dim=0).clamp(min=1e-300)).float()
