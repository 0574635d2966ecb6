"""MovieLens: which films does a new user like, of whom ten ratings are known?

The users, films and features are those of ``python -m skmeta demo``.
"""

from functools import partial
from time import process_time

import torch
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from skmeta import MetaClassifier, algorithms
from skmeta.backbones import MLP, Linear
from skmeta.datasets import load_movielens
from skmeta.demo.baselines import make_baselines
from skmeta.demo.scores import score_methods

TITLE = "MovieLens: AUC per new user"
SIZES = (1, 5, 10, 20)
LOWER_IS_BETTER = False
LOG_SCALE = False


def contestants(names):
    """Return how each is measured, by name."""
    network, wide = MLP((64,), dropout=0.2), Linear(16)
    inner = {"inner_steps": 3, "pseudo_rows": 10}
    # Chosen on held-out training users, never on the new ones.
    known = {
        "maml": (algorithms.MAML(inner_lr=1.0, **inner), MLP((64,)), 1.0),
        "fomaml": (algorithms.FOMAML(inner_lr=1.0, **inner), MLP((64,)), 1.0),
        "metasgd": (algorithms.MetaSGD(inner_lr=1.0, **inner), MLP((64,)), 1.0),
        "maml++": (algorithms.MAMLPlusPlus(inner_lr=1.0, **inner), MLP((64,)), 1.0),
        "anil": (algorithms.ANIL(inner_lr=2.0, **inner), network, 1.0),
        "protonet": (algorithms.ProtoNet("cosine"), wide, 0.0),
        "relation": (algorithms.RelationNet(distance="cosine"), wide, 0.0),
        # Batches of ten rows: fitting those helps rows that they do not hold. Fitting
        # all of a task's rows again and again does not.
        "reptile": (
            algorithms.Reptile(0.6, 2, inner_batch_size=10, pseudo_rows=20),
            MLP((64,)),
            1.0,
        ),
        # C = 1 lets a handful of ratings overrule what all other users say.
        "metaoptnet": (algorithms.MetaOptNet(C=0.03), network, 1.0),
        "cnp": (algorithms.CNP(attention=True), network, 0.1),
        "simpleshot": (algorithms.SimpleShot(feature_transform=None), network, 0.1),
        # It knows rows by their direction alone, which says more in more dimensions.
        "baseline++": ("baseline++", MLP((256,), dropout=0.5), 1.0),
    }
    learners = {
        name: partial(measure, *known.get(name, (name, network, 1.0))) for name in names
    }
    baselines = {
        f"({name})": partial(measure_method, method)
        for name, method in make_baselines(0).items()
    }
    return baselines | learners


def measure(algorithm, backbone, weight_decay, max_epochs=40):
    """Meta-train on users, with supports of 0 to 20 ratings."""
    meta = MetaClassifier(
        algorithm,
        backbone,
        n_shot=(0, 20),
        n_query=50,
        max_epochs=max_epochs,
        lr=3e-3,
        optimizer=partial(torch.optim.AdamW, weight_decay=weight_decay),
        early_stopping=False,
        callbacks=[
            ("anneal", LRScheduler(CosineAnnealingLR, T_max=max_epochs)),
            ("clip", GradientNormClipping(5.0)),
        ],
        random_state=0,
    )
    return measure_method(meta)


def measure_method(method):
    """Score a meta-learner or a strategy as the demo does."""
    start = process_time()
    data = load_movielens(random_state=0)
    found = score_methods({"": method}, data, sizes=SIZES, random_state=0)
    scores = {
        f"{row.n_seen} ratings": [row.auc, row.auc_ci]
        for row in found.rename(columns={"size": "n_seen"}).itertuples()
    }
    return {"scores": scores, "minutes": (process_time() - start) / 60}
