"""Cells of rows on disk are those of the same rows in memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmeta.episodes.cells import Cells
from skmeta.tables.stored import sources
from skmeta.tables.stored.index import TaskIndex
from skmeta.tables.stored.sources import ArrayRows

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()),
    min_size=1,
    max_size=40,
)


def listed(cells):
    """Say of every cell its task, its rows, and what is told of them."""
    rows = [
        cells.rows[np.arange(first, first + size)].tolist()
        for first, size in zip(cells.first, cells.sizes, strict=True)
    ]
    told = [None if e is None else e.tolist() for e in (cells.n_given, cells.strata)]
    return cells.task.tolist(), rows, told, cells.are_classes


@settings(deadline=None)
@given(ROWS, st.sampled_from(["cell", "stratum", "in_support", "both"]), st.booleans())
def test_cells_are_the_same_where_rows_are_read_in_blocks(rows, what, all_count):
    task, code, supports, out = map(np.array, zip(*rows, strict=True))
    out &= not all_count
    if out.all():
        return
    index = TaskIndex.of(task)
    if out.any():
        index = index.without([np.flatnonzero(out)], len(task))
    names = {"both": ["cell", "in_support"]}.get(what, [what])
    parts = {n: supports if n == "in_support" else code for n in names}
    kept = np.flatnonzero(~out)
    number = np.searchsorted(index.names, task)
    held = Cells.of(number, rows=kept, **parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "_AT_ONCE", 7)
        stored = {name: ArrayRows(part) for name, part in parts.items()}
        read = Cells.stored(index, **stored)
    assert listed(read) == listed(held)
    chosen = held.can_be_split()
    if chosen.any():
        own = kept[
            np.isin(
                kept,
                np.concatenate(
                    [r for r, c in zip(listed(held)[1], chosen, strict=True) if c]
                ),
            )
        ]
        assert listed(read.take(chosen)) == listed(Cells.of(number, rows=own, **parts))


def test_rows_sorted_by_class_take_no_number_each():
    task, code = np.repeat([0, 0, 1], 50), np.repeat([0, 1, 0], 50)
    for order, is_listed in ((np.arange(150), False), (np.arange(150)[::-1], True)):
        cells = Cells.stored(TaskIndex.of(task[order]), ArrayRows(code[order]))
        assert isinstance(cells.rows, np.ndarray) == is_listed


@pytest.mark.parametrize(("is_sorted", "most"), [(True, 0), (False, 4.2)])
def test_cells_take_no_byte_a_row_or_four(is_sorted, most):
    n_cells, size = 2_000, 200
    code = np.repeat(np.arange(n_cells), size)
    if not is_sorted:
        np.random.default_rng(0).shuffle(code)
    index, source = TaskIndex.of_one_task(len(code)), ArrayRows(code)
    tracemalloc.start()
    try:
        cells = Cells.stored(index, source)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cells.sizes) == n_cells
    assert held < most * len(code) + 30 * n_cells + 5_000
