"""A new viewer has rated ten films: meta-learning tells which others they will like."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from skorch.callbacks import GradientNormClipping, LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from skmeta.algorithms import ANIL, MAML, ProtoNet
from skmeta.backbones import MLP, Linear
from skmeta.datasets import load_movielens
from skmeta.demo.baselines import make_baselines
from skmeta.demo.scores import plot_scores, score_methods, tabulate_scores
from skmeta.estimators import MetaClassifier

__all__ = ["make_meta_learners", "run"]


def make_meta_learners(
    random_state: int = 0, verbose: int = 1
) -> dict[str, MetaClassifier]:
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
    dict of str to MetaClassifier
        Not yet fitted.
    """

    def meta_learner(
        algorithm, backbone, max_epochs, weight_decay, prior=None
    ) -> MetaClassifier:
        return MetaClassifier(
            algorithm,
            backbone,
            prior=prior,
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
            verbose=verbose,
            random_state=random_state,
        )

    return {
        "MAML": meta_learner(
            MAML(inner_lr=1.0, inner_steps=3, pseudo_rows=10),
            MLP((64,)),
            max_epochs=40,
            weight_decay=1.0,
        ),
        "ANIL": meta_learner(
            ANIL(inner_lr=2.0, inner_steps=3, pseudo_rows=10),
            MLP((64,), dropout=0.2),
            max_epochs=60,
            weight_decay=1.0,
        ),
        "prototypical network": meta_learner(
            ProtoNet("cosine"),
            Linear(16),
            max_epochs=60,
            weight_decay=0.0,
            prior=["boosting", "linear"],
        ),
        "Gaussian process": MetaClassifier(
            "gp",
            n_shot=(0, 20),
            n_query=50,
            verbose=verbose,
            random_state=random_state,
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
    scores = score_methods(methods, data, random_state=random_state)
    print("\nNew users, 10 ratings seen (± 95 % confidence interval over users):\n")
    print(tabulate_scores(scores, size=10))
    path = plot_scores(scores, picture, highlight=list(ours))
    print(f"\nThe picture, AUC against the number of ratings seen: {path}")
