"""Processes that are connected as a launcher connects them, and what they train."""

import atexit
import os
import signal
import socket
import sys

import numpy as np
import torch
from skorch.callbacks import Callback

from skmeta import MetaRegressor
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids
from tests import forked

X, Y, TASK = make_sinusoids(n_tasks=16, n_rows=12, random_state=0)


class Killed(Callback):
    """End this process in the midst of an epoch, with no time to say so."""

    at = 0

    def on_batch_end(self, net, training, **kwargs):
        if training and net.n_epochs == Killed.at:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder=None, dropout=0.2, **parameters):
    meta = MetaRegressor(
        "maml",
        MLP((8,), dropout=dropout),
        max_epochs=4,
        tasks_per_epoch=11,
        batch_size=5,
        n_query=5,
        early_stopping=True,
        callbacks=[Killed()],
        checkpoint_dir=folder,
        random_state=0,
        **parameters,
    )
    return meta.fit(X, Y, groups=TASK)


def summary(meta):
    state = [w.double().flatten().numpy() for w in meta.module_.state_dict().values()]
    meta.adapt(X[:6], Y[:6])
    return {
        "losses": np.array(meta.history_[:, ("train_loss", "valid_loss")]),
        "weights": np.concatenate(state),
        "answers": meta.predict(X[6:20]),
    }


def train_and_tell(out, place, kill_at, parameters):
    if place == 1:
        Killed.at = kill_at
    try:
        meta = train(accelerate=True, **parameters)
    except RuntimeError as error:
        (out / f"{place}.txt").write_text(str(error))
        sys.exit(1)
    np.savez(out / f"{place}.npz", **summary(meta))
    atexit._run_exitfuncs()  # which a process of multiprocessing leaves out
    sys.exit(2 * torch.distributed.is_initialized())


def _start(place, n, port, function, arguments):
    os.environ |= {
        "RANK": str(place),
        "LOCAL_RANK": str(place),
        "WORLD_SIZE": str(n),
        "LOCAL_WORLD_SIZE": str(n),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
    }
    function(*arguments[:1], place, *arguments[1:])


def launch(function, *arguments, n=2):
    """Call a function of (first argument, place, others) in n processes.

    Returns their exit codes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        forked.context().Process(
            target=_start, args=(place, n, port, function, arguments)
        )
        for place in range(n)
    ]
    for each in processes:
        each.start()
    for each in processes:
        each.join(timeout=240)
        each.kill()  # it would wait for ever
        each.join()
    return [each.exitcode for each in processes]
