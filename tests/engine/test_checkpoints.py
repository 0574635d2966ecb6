"""A fit that was killed goes on, and ends as if nothing had happened."""

import json
import os
import signal
import threading
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler

from skmeta import MetaClassifier, MetaRegressor
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from skmeta.engine import checkpoints
from skmeta.exceptions import LoadError
from skmeta.utils.files import FolderLock
from tests import forked

X, Y, TASK = make_sinusoids(n_tasks=20, n_rows=12, random_state=0)
LABEL = np.where(Y > 0, "up", "down")


class Wander(Callback):
    """State of all sorts: a number, an array, a lock that no pickle can hold."""

    def __init__(self, wide=1.0):
        self.wide = wide
        self.seen = 0

    def on_train_begin(self, net, **kwargs):
        self.lock_ = threading.Lock()
        self.total_ = np.zeros(2)

    def on_epoch_begin(self, net, **kwargs):
        self.seen += 1
        self.total_ += self.seen
        for group in net.optimizer_.param_groups:  # what it holds reaches the weights
            group["weight_decay"] = 1e-3 * self.wide * float(self.total_[0])


class Ending(Callback):
    """End a training in its midst; when is no parameter, and no part of a fit."""

    at = 0  # batches from the start of the first start; 0 is never
    n_epochs = 0

    def __init__(self):
        self.done_ = 0

    def on_epoch_begin(self, net, **kwargs):
        Ending.n_epochs += 1

    def on_batch_end(self, net, training, **kwargs):
        self.done_ += training
        if training and self.done_ == Ending.at:
            Ending.how()


class StopError(Exception):
    """An end that no one expects."""


def leave():
    raise StopError


def interrupt():
    raise KeyboardInterrupt


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(autouse=True)
def never_ends():
    yield
    Ending.at = 0


def make(kind, folder=None, **parameters):
    callbacks = parameters.pop("callbacks", [Ending()])
    scheduler = {
        "step": lambda: LRScheduler("StepLR", step_size=2, gamma=0.5),
        "lambda": lambda: LRScheduler("LambdaLR", lr_lambda=lambda n: 0.9**n),
    }
    given = {
        "backbone": MLP((8,), dropout=0.2),
        "max_epochs": 6,
        "tasks_per_epoch": 16,
        "batch_size": 8,
        "n_query": 5,
        "patience": 3,
        "random_state": 0,
        "checkpoint_dir": folder,
    }
    given |= parameters
    if kind == "maml++":
        return MetaRegressor("maml++", callbacks=[*callbacks], **given)
    if kind == "gp":  # has a prior, and averages weights over epochs
        return MetaRegressor("gp", prior="linear", callbacks=[*callbacks], **given)
    if kind == "augmented":
        given |= {"augment": "feature_noise", "optimizer": torch.optim.SGD, "lr": 0.01}
        own = [scheduler["lambda"](), Wander(2.0), *callbacks]
        return MetaRegressor("anil", callbacks=own, **given)
    own = [scheduler["step"](), *callbacks]
    return MetaClassifier("simpleshot", callbacks=own, **given)


KINDS = ["maml++", "augmented", "classifier"]


def fit(kind, folder=None, **parameters):
    y = LABEL if kind == "classifier" else Y
    return make(kind, folder, **parameters).fit(X, y, groups=TASK)


def outcome(meta):
    """Everything that a fit leaves behind, but the seconds it took."""
    meta.adapt(X[:6], (LABEL if isinstance(meta, MetaClassifier) else Y)[:6])
    weights = {k: v.tolist() for k, v in meta.module_.state_dict().items()}
    history = [{k: v for k, v in row.items() if k != "dur"} for row in meta.history_]
    return json.loads(
        json.dumps([weights, meta.predict(X).tolist(), history], default=float)
    )


def in_a_child(work):
    """Run in a forked process, and return the signal that ended it."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def main(kind, folder, seed, n_threads):
    """Fit in children that are killed; this process itself never computes."""
    torch.set_num_threads(n_threads)
    rng = np.random.default_rng(seed)

    def in_the_midst_of_an_epoch():
        Ending.at, Ending.how = int(rng.integers(3, 8)), kill
        fit(kind, folder)

    def before_the_file_is_in_place():
        os.replace = lambda *_: kill()
        fit(kind, folder)

    def by_the_clock():
        began = time.monotonic()
        delay = rng.uniform(0.05, 1.0)

        def wait():
            while time.monotonic() < began + delay:
                pass
            kill()

        threading.Thread(target=wait, daemon=True).start()
        fit(kind, folder)

    assert in_a_child(in_the_midst_of_an_epoch) == signal.SIGKILL
    assert in_a_child(before_the_file_is_in_place) == signal.SIGKILL
    for _ in range(2):
        rng = np.random.default_rng(rng.integers(2**32))
        in_a_child(by_the_clock)
    with open(f"{folder}/outcome.json", "w") as file:
        json.dump(outcome(fit(kind, folder)), file)


def stop(kind, folder, n_batches, **parameters):
    """Train up to a batch, in this process."""
    Ending.at, Ending.how = n_batches, leave
    with pytest.raises(StopError):
        fit(kind, folder, **parameters)
    Ending.at = 0


pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)


# In this process ------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("kind", [*KINDS, "gp"])
def test_a_fit_that_was_cut_short_ends_as_if_it_had_not(kind, every, tmp_path):
    whole = outcome(fit(kind))
    for n_batches in (1, 7, 8):  # two batches in an epoch
        stop(kind, tmp_path, n_batches, checkpoint_every=every)
    assert os.listdir(tmp_path) == ["fit.checkpoint"]
    resumed = fit(kind, tmp_path, checkpoint_every=every)
    assert outcome(resumed) == whole
    assert os.listdir(tmp_path) == []  # a training that has ended leaves nothing


def test_a_folder_for_checkpoints_changes_nothing_and_is_made(tmp_path):
    """With its parents, and left empty: a fit of six epochs has six."""
    folder = tmp_path / "fits" / "of" / "monday"
    meta = fit("maml++", folder, early_stopping=False)
    assert len(meta.history_) == 6
    assert outcome(meta) == outcome(fit("maml++", early_stopping=False))
    assert folder.is_dir()
    assert os.listdir(folder) == []


def test_the_epochs_that_were_done_are_not_done_again(tmp_path):
    stop("maml++", tmp_path, 9, early_stopping=False)
    Ending.n_epochs = 0
    fit("maml++", tmp_path, early_stopping=False)
    assert Ending.n_epochs == 2  # of six


def test_without_a_seed_the_first_start_decides(tmp_path):
    stop("maml++", tmp_path, 7, random_state=None)
    kept = (tmp_path / "fit.checkpoint").read_bytes()
    outcomes = []
    for _ in range(2):
        (tmp_path / "fit.checkpoint").write_bytes(kept)
        outcomes.append(outcome(fit("maml++", tmp_path, random_state=None)))
    assert outcomes[0] == outcomes[1]


def test_ctrl_c_leaves_the_checkpoint(tmp_path):
    Ending.at, Ending.how = 7, interrupt
    with (
        pytest.warns(RuntimeWarning, match="interrupted in epoch 4 of 6"),
        pytest.raises(KeyboardInterrupt),
    ):
        fit("maml++", tmp_path)
    Ending.at = 0
    assert outcome(fit("maml++", tmp_path)) == outcome(fit("maml++"))


def test_a_warm_start_goes_on_from_its_own_beginning(tmp_path):
    whole = fit("maml++").set_params(warm_start=True).fit(X, Y, groups=TASK)
    cut = fit("maml++").set_params(warm_start=True, checkpoint_dir=tmp_path)
    cut.set_params(callbacks=[Ending()])
    Ending.at, Ending.how = 7, leave
    with pytest.raises(StopError):
        cut.fit(X, Y, groups=TASK)
    Ending.at = 0
    cut.fit(X, Y, groups=TASK)
    assert outcome(cut) == outcome(whole)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"lr": 0.5}, "lr"),
        ({"backbone": MLP((4,))}, "backbone"),
        ({"random_state": 1}, "random_state"),
        ({"max_epochs": 9}, "max_epochs"),
        ({"callbacks": [LRScheduler("StepLR", step_size=1)]}, "callbacks"),
    ],
)
def test_other_parameters_are_refused(change, named, tmp_path):
    stop("maml++", tmp_path, 5)
    before = (tmp_path / "fit.checkpoint").read_bytes()
    with pytest.raises(ValueError, match=rf"differs in {named}\. .*checkpoint_dir"):
        fit("maml++", tmp_path, **change)
    assert (tmp_path / "fit.checkpoint").read_bytes() == before


@pytest.mark.parametrize("part", ["X", "y", "groups"])
def test_other_data_are_refused(part, tmp_path):
    stop("maml++", tmp_path, 5)
    data = {"X": X.copy(), "y": Y.copy(), "groups": TASK.copy()}
    data[part][3] = data[part][200]
    meta = make("maml++", tmp_path)
    with pytest.raises(ValueError, match=f"differs in {part}"):
        meta.fit(**data)


@pytest.mark.slow
def test_a_flipped_bit_or_a_lost_end_is_noticed(tmp_path):
    stop("gp", tmp_path, 5)
    path = tmp_path / "fit.checkpoint"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [0, len(whole) - 1, *rng.integers(len(whole), size=40)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        for data in (bytes(damaged), whole[:place]):
            path.write_bytes(data)
            with pytest.raises(LoadError, match="Remove it to train from the start"):
                fit("gp", tmp_path)
            assert path.read_bytes() == data
    path.write_bytes(whole)
    assert len(fit("gp", tmp_path).history_) > 2


def test_what_a_checkpoint_belongs_to_is_looked_at_before_what_is_in_it(
    tmp_path, monkeypatch
):
    stop("maml++", tmp_path, 5)
    monkeypatch.setattr(torch, "load", pytest.fail)
    with pytest.raises(ValueError, match=r"differs in lr\."):
        fit("maml++", tmp_path, lr=0.5)


def test_two_fits_at_once_do_not_share_a_folder(tmp_path):
    class Intruder(Callback):
        def on_epoch_end(self, net, **kwargs):
            with pytest.raises(ValueError, match=r"Another fit is at work.*own"):
                fit("maml++", tmp_path)

    fit("maml++", tmp_path, callbacks=[Intruder()])
    stop("maml++", tmp_path, 5)
    fit("maml++", tmp_path)  # who failed holds it no longer
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_process_that_was_killed_holds_no_folder(tmp_path):
    ready, held = os.pipe()
    child = os.fork()
    if not child:
        assert FolderLock(tmp_path).acquire()
        os.write(held, b"1")
        signal.pause()
    os.read(ready, 1)
    mine = FolderLock(tmp_path)
    assert not mine.acquire()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert mine.acquire()
    mine.release()


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "fit.checkpoint").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"not a checkpoint.*Remove it"):
        fit("maml++", tmp_path)


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("went-off"),)


def test_a_foreign_object_in_a_checkpoint_is_refused_and_never_run(
    tmp_path, monkeypatch
):
    """Neither in a file of torch's alone nor in one that bears its checksum."""
    monkeypatch.chdir(tmp_path)
    torch.save({"belongs_to": Bomb()}, "fit.checkpoint")
    with pytest.raises(ValueError, match=r"not a checkpoint.*Remove it"):
        fit("maml++", tmp_path)
    monkeypatch.setattr(checkpoints, "_pack", lambda value: ("plain", Bomb()))
    Path("fit.checkpoint").unlink()
    stop("maml++", tmp_path, 5)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LoadError, match=r"not a checkpoint.*Remove it"):
        fit("maml++", tmp_path)
    assert os.listdir(tmp_path) == ["fit.checkpoint"]


def test_without_callbacks_of_ones_own_a_checkpoint_holds_no_pickle(tmp_path):
    stop("maml++", tmp_path, 5)
    saved = torch.load(tmp_path / "fit.checkpoint", weights_only=True)
    states = [saved["history"], *saved["callbacks"].values()]
    assert "pickle" not in repr(states)


@pytest.mark.parametrize(
    "value",
    [
        [None, True, 7, 1.5, "ü", b"\x80"],
        {"a": (1, {2: [np.float32(0.5)]}), (3, "b"): torch.ones(2)},
        OrderedDict(weight=torch.zeros(1)),
    ],
)
def test_what_is_packed_plainly_is_read_without_running_anything(value, tmp_path):
    packed = checkpoints._pack(value)
    torch.save(packed, tmp_path / "packed")
    how, again = torch.load(tmp_path / "packed", weights_only=True)
    assert how == "plain"
    assert repr(again) == repr(packed[1])


@pytest.mark.parametrize("value", [np.zeros(2), {1, 2}, torch.nn.ReLU()])
def test_what_torch_would_not_read_is_a_pickle(value):
    how, data = checkpoints._pack(value)
    assert how == "pickle"
    assert repr(checkpoints._unpack(how, data)) == repr(value)


def test_a_training_that_diverged_leaves_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="diverged"):
        fit("maml++", tmp_path, lr=1e30, early_stopping=False)
    assert os.listdir(tmp_path) == []


# In another process, killed -------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("kind", KINDS)
def test_sigkill_at_random_moments_changes_nothing(kind, tmp_path):
    n_threads = torch.get_num_threads()
    done = forked.run(main, kind, str(tmp_path), KINDS.index(kind), n_threads)
    assert done.exitcode == 0, done.stderr
    killed = json.loads((tmp_path / "outcome.json").read_text())
    assert killed == outcome(fit(kind))
