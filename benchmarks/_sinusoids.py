"""Sinusoid regression (Finn et al. 2017, section 5.1).

Every learner is trained once, on supports of 5 to 20 points, and judged on new
sinusoids with 5, 10 and 20. Gradient-based ones take 1 and 10 steps. From the
literature, for one step and as recalled from Li et al. 2017 (table 1), with a training
for each number of shots: MAML 1.13 (5 shots), 0.77 (10), 0.48 (20); Meta-SGD 0.90,
0.53, 0.31.
"""

import warnings
from functools import partial
from time import process_time

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from skmeta import MetaRegressor, algorithms
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids

TITLE = "Sinusoids: mean squared error on new ones"
SHOTS = (5, 10, 20)
STEPS = (1, 10)
LOWER_IS_BETTER = True
LOG_SCALE = True

N_NEW, N_ROWS = 1000, 70
LARGEST = 1e3  # what diverged is not averaged


def contestants(names):
    """Return how each is measured, by name."""
    few_steps = {"inner_lr": 0.1, "inner_steps": 1}
    known = {
        "pooled": algorithms.Pooled(),
        "maml": algorithms.MAML(**few_steps),
        "fomaml": algorithms.FOMAML(**few_steps),
        "maml++": algorithms.MAMLPlusPlus(inner_lr=0.1, inner_steps=5),
        "anil": algorithms.ANIL(**few_steps, learn_inner_lr="element"),
        "boil": algorithms.BOIL(**few_steps),
        "metasgd": algorithms.MetaSGD(**few_steps),
    }
    # A rate that is learnt for one step diverges with ten, a fixed and small one not.
    more = {
        "maml, rate fixed at 0.01": algorithms.MAML(0.01, 1, learn_inner_lr=False),
        "maml, 5 steps": algorithms.MAML(inner_lr=0.1, inner_steps=5),
        "cnp, attentive": algorithms.CNP(attention=True),
    }
    learners = {name: known.get(name, name) for name in names} | more
    learners = {name: partial(measure, each) for name, each in learners.items()}
    return {"(one Gaussian process per task)": measure_gp} | learners


def measure(algorithm):
    """Meta-train, and judge after each number of shots and steps."""
    X, y, task = make_sinusoids(n_tasks=20_000, n_rows=40, random_state=0)
    start = process_time()
    max_epochs = 150
    meta = MetaRegressor(
        algorithm,
        MLP((40, 40)),
        n_shot=(5, 20),
        n_query=15,
        batch_size=25,
        lr=3e-3,
        max_epochs=max_epochs,
        early_stopping=False,
        callbacks=[
            ("anneal", LRScheduler(CosineAnnealingLR, T_max=max_epochs)),
            ("clip", GradientNormClipping(5.0)),
        ],
        random_state=0,
    ).fit(X, y, groups=task)
    minutes = (process_time() - start) / 60
    by_steps = "adapt_steps" in meta.algorithm_.get_params()
    scores = {}
    for n_shot in SHOTS:
        X_new, y_new, new, support, query = draw_new(n_shot)
        for n_steps in STEPS if by_steps else [None]:
            if by_steps:
                meta.algorithm_.set_params(adapt_steps=n_steps)
            meta.adapt(X_new[support], y_new[support], groups=new[support])
            with warnings.catch_warnings():  # of what diverges
                warnings.simplefilter("ignore", RuntimeWarning)
                answers = meta.predict(X_new[query], groups=new[query])
            scores[column(n_shot, n_steps)] = summary(answers - y_new[query])
    return {"scores": scores, "minutes": minutes}


def measure_gp():
    """Fit a Gaussian process to every task by itself."""
    start = process_time()
    scores = {}
    for n_shot in SHOTS:
        X_new, y_new, new, support, query = draw_new(n_shot)
        errors = []
        for task in range(200):  # enough for a baseline
            gp = GaussianProcessRegressor(
                ConstantKernel() * RBF(), alpha=1e-4, normalize_y=True
            )
            few, rest = support & (new == task), query & (new == task)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                gp.fit(X_new[few], y_new[few])
            errors.append(gp.predict(X_new[rest]) - y_new[rest])
        scores[column(n_shot, None)] = summary(np.concatenate(errors))
    return {"scores": scores, "minutes": (process_time() - start) / 60}


def draw_new(n_shot):
    """Return new tasks and which of their rows are support and query."""
    X, y, task = make_sinusoids(n_tasks=N_NEW, n_rows=N_ROWS, random_state=1)
    place = np.tile(np.arange(N_ROWS), N_NEW)
    return X, y, task, place < n_shot, place >= max(SHOTS)


def column(n_shot, n_steps):
    """Name a column: shots, and steps if there are any."""
    if n_steps is None:
        return f"{n_shot} shots"
    return f"{n_shot} shots, {n_steps} step{'s' * (n_steps > 1)}"


def summary(errors):
    """Return the mean squared error and half its 95 % interval over tasks."""
    of_task = np.square(errors).reshape(-1, N_ROWS - max(SHOTS)).mean(axis=1)
    if not of_task.mean() < LARGEST:
        return None
    half = 1.96 * of_task.std() / np.sqrt(len(of_task))
    return [float(of_task.mean()), float(half)]
