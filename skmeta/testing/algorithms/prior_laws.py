"""The laws of algorithms that take a prior, ``Batch.offset``.

The other laws are tried with a prior, too, where an algorithm takes one.
"""

import torch
from torch import Tensor

from skmeta.episodes.episode import Batch, Episode
from skmeta.testing.algorithms.tasks import pad
from skmeta.testing.algorithms.trial import AlgorithmTrial, takes_prior
from skmeta.testing.expect import expect_same
from skmeta.testing.law import BreachError, lawmaker

__all__ = [
    "a_constant_of_the_prior_shifts_values",
    "a_prior_that_says_nothing_is_none",
    "padding_has_no_prior",
    "the_prior_is_heard",
]

law = lawmaker("algorithm", AlgorithmTrial.trials)

_JUNK = 7.0  # on padding, where nobody is to look
_RAISED = 1.0


@law(
    "compare with softmax(0) = 1 / K what is learnt of the prior's probabilities, as "
    "skmeta.algorithms.unexplained_targets does; give what is learnt of it no part "
    "where Batch.offset is None.",
    applies=takes_prior,
)
def a_prior_that_says_nothing_is_none(trial: AlgorithmTrial) -> None:
    """A prior of zeros and no prior at all are the same."""
    none = trial.with_prior(None)
    zero = trial.with_prior(lambda X: torch.zeros_like(trial.offset(X)))
    task, episode, X = trial.task(), trial.episode(), trial.rows(1, 5)
    expect_same("a prior of zeros", zero.answer([task], X), none.answer([task], X))
    got, got_gradients = zero.meta_step(episode)
    loss, gradients = none.meta_step(episode)
    expect_same("the loss with a prior of zeros", got, loss)
    for name, gradient in gradients.items():
        if gradient is not None:
            what = f"the gradient of {name} with a prior of zeros"
            expect_same(what, got_gradients[name], gradient)


@law(
    "add the mean of Batch.offset over parts to the outputs and to nothing else "
    "(skmeta.algorithms.add_offset), and learn a task from targets less the support's; "
    "or declare learns_prior = True.",
    applies=lambda trial: takes_prior(trial) and not trial.algorithm.learns_prior,
)
def a_constant_of_the_prior_shifts_values(trial: AlgorithmTrial) -> None:
    """A constant in the prior shifts values by it, and changes no probability."""
    task, X = trial.task(), trial.rows(1, 5)
    of_parts = _RAISED * torch.arange(1.0, trial.spec.n_parts + 1, dtype=X.dtype)
    mean = of_parts.mean()
    raised = trial.with_prior(lambda X: trial.offset(X) + of_parts.unsqueeze(-1))
    state, answer = trial.adapt(pad([task])), trial.answer([task], X)
    if trial.spec.kind == "classifier":
        expect_same(
            "probabilities after a constant in the logits of all classes",
            raised.answer([task], X).softmax(dim=-1),
            answer.softmax(dim=-1),
        )
        return
    expect_same(
        f"a prior of the query rows that is {mean:g} higher on average",
        raised.predict(state, X),
        answer + mean,
    )
    expect_same(
        f"targets and a prior that are {mean:g} higher",
        raised.answer([task._replace(y=task.y + mean)], X),
        answer + mean,
    )
    support, query = trial.tasks(), trial.tasks()
    loss, _ = trial.meta_step(Episode(pad(support), pad(query)))
    higher = [
        pad([task._replace(y=task.y + mean) for task in tasks])
        for tasks in (support, query)
    ]
    got, _ = raised.meta_step(Episode(*higher))
    expect_same(f"the loss of targets and a prior that are {mean:g} higher", got, loss)


@law(
    "only mask tells a padded row from a real one: leave out what Batch.offset says of "
    "it, as of its target.",
    applies=takes_prior,
)
def padding_has_no_prior(trial: AlgorithmTrial) -> None:
    """What a prior says on padding changes neither answers nor the meta-gradient."""
    task, X = trial.task(), trial.rows(1, 5)
    padded = _with_junk(trial.told(pad([task], 3, "middle")))
    expect_same(
        "a prior on 3 padded rows of the support",
        trial.answer(padded, X),
        trial.answer([task], X),
    )
    support, query = trial.tasks(), trial.tasks()
    loss, gradients = trial.meta_step(Episode(pad(support), pad(query)))
    got, got_gradients = trial.meta_step(
        Episode(
            _with_junk(trial.told(pad(support, 2))),
            _with_junk(trial.told(pad(query, 2, "front"))),
        )
    )
    what = "a prior on 2 padded rows of an episode, in the "
    expect_same(what + "loss of meta_backward", got, loss)
    for name, gradient in gradients.items():
        if gradient is not None:
            expect_same(f"{what}gradient of {name}", got_gradients[name], gradient)


def _with_junk(batch: Batch) -> Batch:
    assert batch.offset is not None
    real = batch.mask[..., None, None]
    junk = _JUNK * torch.arange(1.0, batch.offset.shape[-1] + 1, dtype=batch.X.dtype)
    return batch._replace(offset=torch.where(real, batch.offset, junk))


@law(
    "add Batch.offset to the outputs, in the loss of the support as in the answers, or "
    "declare uses_prior = False.",
    applies=takes_prior,
)
def the_prior_is_heard(trial: AlgorithmTrial) -> None:
    """What a prior says moves answers its way, and what is learnt of a support."""
    task, X = trial.task(), trial.rows(1, 5)
    raised = trial.with_prior(lambda X: _raise_first(trial.offset(X)))
    state, answer = trial.adapt(pad([task])), _first(trial.answer([task], X))
    moved = _first(raised.predict(state, X)) - answer
    if trial.algorithm.learns_prior:
        moved = moved.abs()
    if not (moved > 0).all():
        raise BreachError(
            "a prior of the query rows whose first output is higher moves their "
            f"answers by {moved.min():.2g}"
        )
    learnt = _first(trial.predict(raised.adapt(pad([task])), X)) - answer
    if not learnt.abs().max() > 0:
        raise BreachError("another prior of the support changes no answer")


def _raise_first(offset: Tensor) -> Tensor:
    first = torch.zeros_like(offset)
    first[..., 0] = _RAISED
    return offset + first


def _first(outputs: Tensor) -> Tensor:
    """Return values, or the log-probability of the first class."""
    if outputs.shape[-1] > 1:
        outputs = outputs.log_softmax(dim=-1)
    return outputs[..., 0]
