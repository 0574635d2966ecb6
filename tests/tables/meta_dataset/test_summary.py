"""What a set of tasks says of itself."""

import numpy as np
import pytest

from skmeta import MetaDataset

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)


def test_the_repr_tells_tasks_rows_classes_and_label_space(tasks, split):
    text = repr(tasks)
    assert "MetaDataset of 6 tasks" in text
    assert "72, 12 per task" in text
    assert "2 per task" in text
    assert "shared: 2, [0, 1]" in text
    assert "support" not in text
    sizes = [np.sum(split.in_support[split.groups == name]) for name in split.names]
    assert f"fixed, {min(sizes)} to {max(sizes)}" in repr(split)
    assert "numbers from" in repr(MetaDataset(tasks.X, tasks.X[:, 0], tasks.groups))
    several = repr(MetaDataset(tasks.X, tasks.X[:, :2], tasks.groups))
    assert "2 columns" in several
    assert "numbers from" not in several
    assert "0 tasks" in repr(tasks[[]])


def test_the_html_shows_tasks_and_escapes_their_names():
    names = [f"<b>{i}</b>" for i in range(12)]
    tasks = MetaDataset.from_tasks([([[1.0], [2.0]], ["x", "<i>"])] * 12, names)
    html = tasks._repr_html_()
    assert "&lt;b&gt;3&lt;/b&gt;" in html
    assert "<i>" not in html
    assert "x: 1" in html
    assert "and 2 more tasks" in html
    assert html.count("<tr>") == html.count("</tr>")


@pytest.mark.parametrize("missing", [np.nan, None])
def test_rows_without_a_target_are_told_apart_from_the_others(tasks, missing):
    y = tasks.X[:, 0].astype(object if missing is None else float)
    if missing is None:
        y[:] = np.where(tasks.y, "yes", "no")
    y[::4] = missing
    y[tasks.groups == tasks.names[1]] = missing
    gaps = MetaDataset(tasks.X, y, tasks.groups)
    n_lost = sum(each is None or each != each for each in gaps.y.tolist())
    assert f"unlabelled  {n_lost} rows" in repr(gaps)
    assert ("numbers from" in repr(gaps)) == (missing is not None)
    assert ("shared: 2" in repr(gaps)) == (missing is None)
    assert "none known" in gaps._repr_html_()
    assert "nan" not in gaps._repr_html_()
    assert "unlabelled  72 rows" in repr(
        MetaDataset(tasks.X, np.full(72, missing), tasks.groups)
    )
    assert "unlabelled" not in repr(tasks)
