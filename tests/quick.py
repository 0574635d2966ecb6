"""Small tasks, and learners that are quick to train on them."""

import numpy as np
from sklearn.datasets import load_wine

from skmeta import MetaClassifier, MetaRegressor
from skmeta.backbones import MLP
from skmeta.datasets import make_sinusoids

X, Y, TASK = make_sinusoids(n_tasks=30, n_rows=12, random_state=0)
TINY = {"tasks_per_epoch": 16, "batch_size": 8, "n_query": 5, "random_state": 0}
TINY |= {"max_epochs": 2, "backbone": MLP((8,))}


def wine():
    X, y = load_wine(return_X_y=True)
    return X, np.array(["barolo", "grignolino", "barbera"])[y], np.arange(len(y)) % 8


def regressor(**parameters):
    return MetaRegressor(**{"algorithm": "anil", **TINY, **parameters})


def classifier(algorithm="protonet", **parameters):
    return MetaClassifier(algorithm, **{**TINY, **parameters})
