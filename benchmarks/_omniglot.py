"""Omniglot, minimal split: train on five alphabets, then the official one-shot test.

The test asks for 20-way 1-shot inside one of ten other alphabets, 20 times (400
trials). Augmentations were chosen on alphabets held out from the five.

The tricks, which all rows with "all tricks" share: every drawing is centred and scaled
to one size; a quarter turn of a class is a new class; so is a class under an affine map
of its own, and half of the classes of an episode laid over others; every image gets
affine noise; half of the episodes mix alphabets; convolutions run in bfloat16 where the
processor has it; the rate is annealed. There is no ensemble, and no averaging over
views.
"""

from functools import partial
from time import process_time

import numpy as np
from scipy.spatial.distance import cdist
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR

from skmeta import MetaClassifier, algorithms
from skmeta.augmentations import ClassOverlay, RandomAffine, Rotations
from skmeta.backbones import Conv4
from skmeta.datasets import fetch_omniglot, fetch_omniglot_one_shot_runs

TITLE = "Omniglot: error of 20-way 1-shot inside new alphabets"
LOWER_IS_BETTER = True
LOG_SCALE = True

BEST = "protonet, wider and longer"
WIDER = (64, 96, 128, 128)
FRAME = 0.8


def contestants(names):
    """Return how each is measured, by name."""
    rows = {
        "(nearest drawing by pixels)": partial(measure_pixels, None),
        "(nearest drawing by pixels, centred and scaled)": partial(
            measure_pixels, FRAME
        ),
        "protonet, no tricks": partial(
            measure, "protonet", augment=None, mix_tasks=0.0, frame=None
        ),
    }
    for name in names:
        rows[name] = partial(measure, KNOWN.get(name, name), **OWN.get(name, {}))
    rows["protonet, the obvious call"] = partial(measure_call, obvious)
    for words in ({}, {"max_epochs": 100}, {"max_epochs": 100, "channels": WIDER}):
        call = ", ".join(f"{name}={value}" for name, value in words.items())
        rows[f"MetaClassifier.for_images({call})"] = partial(
            measure_call, MetaClassifier.for_images, **words
        )
    rows[BEST] = partial(measure, "protonet", max_epochs=100, channels=WIDER)
    return rows


# The default inner rate of 0.5 is too long a step for four blocks of convolutions.
# Pairs far apart are pushed further up to the margin, and embeddings of 256 rectified
# numbers are far apart from the start. Few of many pairs are of one class: fewer ways.
KNOWN = {
    # What rows without labels are worth takes longer to learn than all else.
    "protonet": algorithms.ProtoNet(unlabelled=(0.0, 0.0)),
    "maml": algorithms.MAML(inner_lr=0.1),
    "fomaml": algorithms.FOMAML(inner_lr=0.1),
    "maml++": algorithms.MAMLPlusPlus(inner_lr=0.1),
    "metasgd": algorithms.MetaSGD(inner_lr=0.1),
    "anil": algorithms.ANIL(inner_lr=0.1),
    "imaml": algorithms.IMAML(inner_lr=0.1),
    "siamese": algorithms.Siamese(margin=10.0),
    "relation": algorithms.RelationNet(distance="euclidean"),
}
# Where weights differ from task to task there can be no batch norm, and a step costs
# several times as much: smaller episodes.
_GRADIENT = {"norm": "group", "n_way": 10, "batch_size": 2}
OWN = dict.fromkeys(("maml", "fomaml", "maml++", "metasgd", "imaml"), _GRADIENT)
OWN["reptile"] = _GRADIENT
OWN["siamese"] = {"n_way": 10, "batch_size": 4, "max_epochs": 30}


def measure(
    algorithm,
    augment="all tricks",
    mix_tasks=0.5,
    frame=FRAME,
    max_epochs=12,
    held_out=None,
    **how,
):
    """Meta-train on the background alphabets and take the test.

    With ``held_out`` alphabets, train on the others and be tested on those.
    """
    known = fetch_omniglot(frame=frame)
    train = np.ones(len(known.data), bool)
    if held_out is not None:
        train = ~np.isin(known.groups, held_out)
    meta = make_learner(algorithm, augment, mix_tasks, max_epochs, **how)
    start = process_time()
    meta.fit(known.data[train], known.target[train], groups=known.groups[train])
    minutes = (process_time() - start) / 60
    if held_out is None:
        runs = fetch_omniglot_one_shot_runs(frame=frame)
    else:
        runs = draw_runs(known, held_out)
    meta.adapt(runs.X_support, runs.y_support, groups=runs.groups_support)
    answers = meta.predict(runs.X_query, groups=runs.groups_query)
    wrong = answers != runs.y_query
    tricks = "all tricks" if augment else "no tricks"
    changed = "".join(f", {name} {value}" for name, value in how.items())
    return {
        "scores": {"error": summary(wrong, runs)},
        "minutes": minutes,
        "how": f"{tricks}, {max_epochs} epochs{changed}",
    }


def measure_call(make, frame=FRAME, **how):
    """Take the test by what a call makes, trained on the classes of one table."""
    known = fetch_omniglot(frame=frame)
    runs = fetch_omniglot_one_shot_runs(frame=frame)
    meta = make(random_state=0, **how)
    start = process_time()
    meta.fit(known.data, known.target)
    minutes = (process_time() - start) / 60
    meta.adapt(runs.X_support, runs.y_support, groups=runs.groups_support)
    wrong = meta.predict(runs.X_query, groups=runs.groups_query) != runs.y_query
    return {
        "scores": {"error": summary(wrong, runs)},
        "minutes": minutes,
        "how": f"{len(meta.history_)} epochs",
    }


def obvious(**how):
    """Return what somebody writes who has read one page."""
    return MetaClassifier("protonet", Conv4(), tasks="classes", **how)


def make_learner(
    algorithm,
    augment,
    mix_tasks,
    max_epochs,
    channels=64,
    norm="batch",
    n_way=40,
    batch_size=1,
):
    """Return the learner, not yet fitted."""
    if augment == "all tricks":
        augment = [
            Rotations(),
            RandomAffine(degrees=12, shear=0.18, scale=0.25, translate=0, per="class"),
            RandomAffine(degrees=12, shear=0.15, scale=0.2, translate=0.05),
            ClassOverlay(share=0.5),
        ]
    return MetaClassifier(
        algorithm,
        Conv4(channels=channels, norm=norm, precision="bfloat16"),
        label_space="per_task",
        n_way=n_way,
        n_shot=1,
        n_query=7,
        mix_tasks=mix_tasks,
        augment=augment,
        normalize=None,
        batch_size=batch_size,
        tasks_per_epoch=32 * batch_size,
        max_epochs=max_epochs,
        lr=2e-3,
        early_stopping=False,
        callbacks=[("anneal", LRScheduler(CosineAnnealingLR, T_max=max_epochs))],
        random_state=0,
    )


def measure_pixels(frame):
    """Answer by the nearest support drawing, pixel by pixel."""
    start = process_time()
    runs = fetch_omniglot_one_shot_runs(frame=frame)
    wrong = np.empty(len(runs.y_query), dtype=bool)
    for run in np.unique(runs.groups_query):
        few, new = runs.groups_support == run, runs.groups_query == run
        nearest = cdist(runs.X_query[new], runs.X_support[few]).argmin(axis=1)
        wrong[new] = runs.y_support[few][nearest] != runs.y_query[new]
    minutes = (process_time() - start) / 60
    return {"scores": {"error": summary(wrong, runs)}, "minutes": minutes, "how": ""}


def draw_runs(known, alphabets, n_runs=40, seed=0):
    """Draw runs like the official ones inside some alphabets of the background."""
    rng = np.random.default_rng(seed)
    rows = {"support": [], "query": [], "name": []}
    for i in range(n_runs):
        own = known.groups == alphabets[i % len(alphabets)]
        characters = rng.permutation(np.unique(known.target[own]))[:20]
        drawers = rng.permutation(20)[:2] + 1
        for part, drawer in zip(("support", "query"), drawers, strict=True):
            chosen = np.isin(known.target, characters) & (known.drawer == drawer)
            rows[part].append(np.flatnonzero(chosen))
        rows["name"] += [f"run{i:02}"] * len(characters)
    support, query = np.concatenate(rows["support"]), np.concatenate(rows["query"])
    runs = type(known)(
        X_support=known.data[support],
        y_support=known.target[support],
        X_query=known.data[query],
        y_query=known.target[query],
    )
    runs.groups_support = runs.groups_query = np.array(rows["name"])
    return runs


def summary(wrong, runs):
    """Return the error and half its 95 % interval over the runs."""
    of_run = [
        wrong[runs.groups_query == run].mean() for run in np.unique(runs.groups_query)
    ]
    half = 1.96 * np.std(of_run, ddof=1) / np.sqrt(len(of_run))
    return [float(np.mean(of_run)), float(half)]
