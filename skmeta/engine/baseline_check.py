"""What a training has to beat: a baseline on held-out tasks, and its own beginning."""

import numpy as np
import torch
from torch import Tensor

from skmeta.algorithms.per_target import answer_by_target
from skmeta.algorithms.shared.by_class import mean_by_class, sum_by_class
from skmeta.algorithms.shared.losses import mean_of_rows
from skmeta.engine.callbacks import best_epoch
from skmeta.engine.net import EpisodicNet, mean_score
from skmeta.episodes.episode import Episode
from skmeta.utils.messages import warn

__all__ = ["nearest_centroid", "support_mean", "warn_if_no_help", "warn_if_worse"]

# Differences in the validation score that are noise.
_MARGIN = 0.01

# A training has diverged if it ends as far above the loss of its first epochs as this
# many times the way down from there that it had come at best, and a little more.
_WAYS_UP, _LITTLE = 5.0, 0.05

# Epochs whose median counts at the beginning and at the end, and the fewest at all.
_EPOCHS, _FEWEST = 3, 6


def nearest_centroid(episode: Episode) -> Tensor:
    """Classify query rows by the nearest class mean of the raw features.

    Parameters
    ----------
    episode : Episode
        Tasks with class codes.

    Returns
    -------
    Tensor of shape (tasks, rows, classes)
        Minus the squared distance to each class mean; ``-inf`` without support rows.
    """
    support, query = episode
    total, count = sum_by_class(support.X, support, int(support.n_classes.max()))
    distance = torch.cdist(query.X, mean_by_class(total, count)).square()
    return (-distance).masked_fill(count.mT == 0, -torch.inf)


def support_mean(episode: Episode) -> Tensor:
    """Answer query rows by the mean target of the support, 0 without any row.

    Parameters
    ----------
    episode : Episode
        Tasks with values.

    Returns
    -------
    Tensor of shape (tasks, rows, 1)
        The same value for every row of a task.
    """
    support, query = episode
    mean = mean_of_rows(support.y, support)
    return mean[:, None, None].expand(*query.y.shape, 1)


def warn_if_no_help(net: EpisodicNet) -> None:
    """Warn if the baseline is better on the validation tasks.

    Parameters
    ----------
    net : EpisodicNet
        After training with validation episodes.
    """
    judged = [epoch for epoch in net.history if "valid_score" in epoch]
    if not judged or net.validation is None:
        return
    score = judged[best_epoch(net, judged)]["valid_score"]
    episodes = list(net.validation)
    is_regression = episodes[0].query.y.is_floating_point()
    answer = support_mean if is_regression else nearest_centroid
    baseline = np.average(
        [
            mean_score(answer_by_target(answer, episode), episode.query)
            for episode in episodes
        ],
        weights=[len(episode.query.X) for episode in episodes],
    )
    if score >= baseline - _MARGIN:
        return
    if is_regression:
        how = (
            f"the mean of the support has a squared error of {abs(baseline):.3g} and "
            f"{net.algorithm} one of {abs(score):.3g} (in units of standardised "
            "targets)"
        )
    else:
        how = (
            "the nearest class mean of the raw features is right for "
            f"{baseline:.0%} of the rows and {net.algorithm} for {score:.0%}"
        )
    warn(
        f"Meta-learning does not help here: on tasks held out from training {how}. "
        "Few training tasks or classes are soon memorised: try augment=, "
        "backbone='correction', more tasks or more epochs.",
    )


def warn_if_worse(net: EpisodicNet) -> None:
    """Warn if a training without validation ended far above where it had begun.

    Parameters
    ----------
    net : EpisodicNet
        After training.
    """
    losses = np.array([epoch["train_loss"] for epoch in net.history])
    if len(losses) < _FEWEST:
        return
    first, last = (np.median(part) for part in (losses[:_EPOCHS], losses[-_EPOCHS:]))
    best = np.nanmin(losses)
    allowed = _WAYS_UP * (first - min(best, first)) + _LITTLE * abs(first)
    if last - first <= allowed:
        return
    warn(
        f"Meta-training diverged: its loss was {first:.3g} in the first epochs, "
        f"{best:.3g} in epoch {np.nanargmin(losses) + 1} and {last:.3g} at the end of "
        f"{len(losses)}. Answers may be poor. Lower lr or max_epochs, or set "
        "early_stopping=True, which keeps the best weights.",
        RuntimeWarning,
    )
