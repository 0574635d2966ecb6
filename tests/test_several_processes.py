"""Two real processes, connected by gloo as a launcher connects them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import forked
from tests.gloo import launch, summary, train, train_and_tell
from tests.test_examples import run

pytest.importorskip("accelerate")
pytestmark = [
    pytest.mark.filterwarnings("ignore:Meta-learning does not help"),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no forkserver"),
]


def told(folder, place):
    with np.load(folder / f"{place}.npz") as file:
        return dict(file)


def launched(out, kill_at=0, **parameters):
    out.mkdir()
    return launch(train_and_tell, out, kill_at, parameters), out


def test_two_processes_end_with_the_learner_of_one(tmp_path):
    codes, out = launched(tmp_path / "out", dropout=0.0)
    assert codes == [0, 0]
    alone = summary(train(dropout=0.0))
    for place in range(2):
        for name, value in told(out, place).items():
            np.testing.assert_allclose(value, alone[name], rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(value, told(out, 0)[name])


def test_a_killed_process_ends_all_and_the_checkpoint_goes_on(tmp_path):
    codes, whole = launched(tmp_path / "whole")
    assert codes == [0, 0]
    kept = tmp_path / "checkpoint"
    codes, out = launched(tmp_path / "killed", kill_at=3, folder=kept)
    assert codes == [1, -9]
    assert "Another process of this training has ended" in (out / "0.txt").read_text()
    assert len(list(kept.iterdir())) == 1
    codes, again = launched(tmp_path / "again", folder=kept)
    assert codes == [0, 0]
    for place in range(2):
        for name, value in told(again, place).items():
            np.testing.assert_array_equal(value, told(whole, place)[name])
    assert not list(kept.iterdir())


@pytest.mark.slow
def test_a_launcher_starts_the_example(tmp_path):
    root = Path(__file__).parents[1]
    [example] = root.glob("examples/17_*.py")
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "MPLBACKEND": "Agg"}
    environment |= {"OMP_NUM_THREADS": "1"}
    one = forked.run(run, example, cwd=tmp_path, environment=environment)
    # Port 0 is any that is free, and asks no name server where this machine is.
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    two = subprocess.run(
        [*launcher, "--num_processes=2", "--main_process_port=0", str(example)],
        cwd=tmp_path,
        env=environment | {"GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert two.returncode == 0, two.stderr
    alone, together = one.stdout.splitlines(), two.stdout.splitlines()
    assert alone[0] == "1 process"
    assert together[0] == "2 processes"
    assert alone[1:] == together[1:]
