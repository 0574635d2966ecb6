"""A new viewer has rated ten films: meta-learning tells which others they will like."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from skmeta.algorithms import ANIL, MAML, ProtoNet
from skmeta.backbones import MLP, Linear
from skmeta.datasets import load_movielens
from skmeta.demo.baselines import make_baselines
from skmeta.demo.evaluation import compare, format_table, plot_scores
from skmeta.estimators import MetaClassifier

__all__ = ["FewShot", "make_meta_learners", "run"]


class FewShot:
    """A meta-learner in the protocol of :class:`skmeta.demo.evaluation.Method`.

    Parameters
    ----------
    meta : MetaClassifier
        Not yet fitted, with ``unknown_task="prior"``.
    """

    def __init__(self, meta: MetaClassifier):
        self.meta = meta

    def fit(self, X, y, groups) -> FewShot:
        """Meta-train on the training users."""
        self.meta.fit(X, y, groups=groups)
        return self

    def predict_proba(
        self, X_support, y_support, groups_support, X_query, groups_query
    ) -> np.ndarray:
        """Adapt to all new users in one call, and answer their queries in another."""
        if len(X_support):
            self.meta.adapt(X_support, y_support, groups=groups_support)
        else:
            self.meta.adapt()
        return self.meta.predict_proba(X_query, groups=groups_query)[:, 1]


def make_meta_learners(random_state: int = 0, verbose: int = 1) -> dict[str, FewShot]:
    """Return skmeta's methods of the demo by name.

    Their hyperparameters were chosen on held-out training users. Supports of 0 to 20
    ratings train one learner for every number of ratings seen.

    Parameters
    ----------
    random_state : int, default=0
        Seed.
    verbose : int, default=1
        Show progress bars.

    Returns
    -------
    dict of str to FewShot
        Not yet fitted.
    """

    def few_shot(algorithm, backbone, max_epochs, weight_decay) -> FewShot:
        meta = MetaClassifier(
            algorithm,
            backbone,
            n_shot=(0, 20),
            n_query=50,
            max_epochs=max_epochs,
            lr=3e-3,
            optimizer=partial(torch.optim.AdamW, weight_decay=weight_decay),
            # The annealed rate ends the training; no users are spent on stopping it.
            early_stopping=False,
            callbacks=[
                ("anneal", LRScheduler(CosineAnnealingLR, T_max=max_epochs)),
                ("clip", GradientNormClipping(5.0)),
            ],
            unknown_task="prior",
            verbose=verbose,
            random_state=random_state,
        )
        return FewShot(meta)

    return {
        "MAML": few_shot(
            MAML(inner_lr=1.0, inner_steps=3, pseudo_rows=10),
            MLP((64,)),
            max_epochs=40,
            weight_decay=1.0,
        ),
        "ANIL": few_shot(
            ANIL(inner_lr=2.0, inner_steps=3, pseudo_rows=10),
            MLP((64,), dropout=0.2),
            max_epochs=60,
            weight_decay=1.0,
        ),
        "prototypical network": few_shot(
            ProtoNet("cosine"), Linear(16), max_epochs=60, weight_decay=0.0
        ),
    }


def run(picture: str | Path = "skmeta-demo.png", random_state: int = 0) -> None:
    """Compare meta-learning with plain baselines on new users; print and draw.

    Parameters
    ----------
    picture : str or Path, default="skmeta-demo.png"
        Where the picture goes.
    random_state : int, default=0
        Seed of everything that is drawn.
    """
    print("A new viewer has rated ten films; which others will they like?\n")
    data = load_movielens(random_state=random_state)
    print(
        f"MovieLens (Harper & Konstan 2015, for research use): "
        f"{data.groups_train.nunique()} users to learn from, "
        f"{data.groups_test.nunique()} new ones, "
        f"{len(data.feature_names)} features of the film.\n"
    )
    ours = make_meta_learners(random_state)
    methods = make_baselines(random_state) | ours
    scores = compare(methods, data, random_state=random_state)
    print("\nNew users, 10 ratings seen (± 95 % confidence interval over users):\n")
    print(format_table(scores, size=10))
    path = plot_scores(scores, picture, highlight=list(ours))
    print(f"\nThe picture, AUC against the number of ratings seen: {path}")
