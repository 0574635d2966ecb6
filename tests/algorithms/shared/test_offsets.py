"""What a prior adds to outputs, and what it leaves to learn."""

import pytest
import torch

from skmeta import plugins
from skmeta.algorithms import (
    add_offset,
    count_unexpected,
    mean_offset,
    unexplained_targets,
)
from skmeta.algorithms.shared import offsets
from skmeta.episodes import Batch

TAKE_NONE = {"siamese", "simpleshot", "baseline++"}


def one_task(y, offset, **fields):
    """Rows of one task and of one feature, and a prior (rows, parts, outputs)."""
    y = torch.tensor([y])
    mask = torch.ones_like(y, dtype=torch.bool)
    offset = None if offset is None else torch.tensor([offset])
    return Batch(y.float(), y, mask, torch.tensor([2]), offset=offset)._replace(
        **fields
    )


def test_the_mean_of_the_parts_is_added():
    offset = torch.tensor([[[[1.0, 0.0], [3.0, -2.0]]]])  # one row, two parts
    outputs = torch.tensor([[[10.0, 20.0]]])
    assert mean_offset(offset).tolist() == [[[2.0, -1.0]]]
    assert add_offset(outputs, offset).tolist() == [[[12.0, 19.0]]]
    assert add_offset(outputs, None) is outputs


def test_values_are_left_less_the_prior():
    batch = one_task([5.0, -1.0], [[[1.0], [3.0]], [[0.0], [0.5]]])
    assert unexplained_targets(batch, 1).tolist() == [[[3.0], [-1.25]]]
    plain = unexplained_targets(batch._replace(offset=None), 1)
    assert plain.tolist() == [[[5.0], [-1.0]]]


def test_labels_are_left_less_their_probabilities():
    log_9 = torch.tensor(9.0).log().item()
    batch = one_task([0, 1], [[[log_9, 0.0]], [[0.0, 0.0]]])
    torch.testing.assert_close(  # 1 - 0.9 + 1 / 2 of the class that was expected
        unexplained_targets(batch, 2), torch.tensor([[[0.6, 0.4], [0.0, 1.0]]])
    )
    labels = unexplained_targets(batch._replace(offset=None), 2)
    assert labels.tolist() == [[[1, 0], [0, 1]]]


def test_rows_count_by_how_little_their_class_was_expected():
    log_9 = torch.tensor(9.0).log().item()
    expected, surprise, unsaid = [[log_9, 0.0]], [[0.0, log_9]], [[0.0, 0.0]]
    batch = one_task([0, 0, 0], [expected, surprise, unsaid])
    torch.testing.assert_close(
        count_unexpected(batch).weight, torch.tensor([[0.2, 1.8, 1.0]])
    )
    weighed = batch._replace(
        weight=torch.tensor([[1.0, 2.0, 0.0]]),
        mask=torch.tensor([[True, True, False]]),
    )
    torch.testing.assert_close(
        count_unexpected(weighed).weight, torch.tensor([[0.2, 3.6, 0.0]])
    )
    plain = batch._replace(offset=None)
    assert count_unexpected(plain) is plain


def test_a_row_that_the_prior_is_sure_of_still_counts():
    batch = one_task([0], [[[200.0, -200.0]]])
    assert 0 < count_unexpected(batch).weight.item() < 1e-5


def test_counts_of_a_constant_prior_are_the_odds_over_it():
    """Of two classes: q of the rows are of one, and the prior said p."""
    p, n_of_first, n = 0.7, 9, 10
    logit = torch.tensor(p / (1 - p)).log().item()
    batch = one_task([0] * n_of_first + [1] * (n - n_of_first), [[[logit, 0.0]]] * n)
    weight = count_unexpected(batch).weight[0]
    odds = weight[:n_of_first].sum() / weight[n_of_first:].sum()
    assert odds.item() == pytest.approx(9 / (p / (1 - p)), rel=1e-5)


def test_the_module_names_the_algorithms_that_take_no_prior():
    none = {
        entry.name
        for entry in plugins.entries("algorithm")
        if entry.is_builtin and not plugins.resolve("algorithm", entry.name).uses_prior
    }
    assert none == TAKE_NONE
    assert all(f"``{name}``" in offsets.__doc__ for name in TAKE_NONE)
