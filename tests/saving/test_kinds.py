"""Classes that files hold, found where nobody has imported them."""

import subprocess
import sys

import pytest

from skmeta import MetaRegressor
from skmeta.datasets import make_sinusoids
from skmeta.saving.kinds import HOMES, TRUSTED_TYPES, is_kind, kind


@pytest.mark.parametrize("name", HOMES)
def test_every_kind_is_where_it_is_said_to_be(name):
    assert (kind(name).__module__, kind(name).__name__) == (HOMES[name], name)
    assert is_kind(kind(name))
    assert f"{HOMES[name]}.{name}" in TRUSTED_TYPES


def test_a_new_process_loads_a_file_with_nothing_imported(tmp_path):
    X, y, task = make_sinusoids(n_tasks=20, n_rows=10, random_state=0)
    meta = MetaRegressor("r2d2", max_epochs=1, early_stopping=False, random_state=0)
    meta.fit(X, y, groups=task).save(tmp_path / "learner")
    code = f"from skmeta import load; print(load({str(tmp_path / 'learner')!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "MetaRegressor" in done.stdout
