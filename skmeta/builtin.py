"""What skmeta itself offers, by the same hooks as every plugin."""

from __future__ import annotations

from collections.abc import Callable

from skmeta.hookspecs import API_VERSION, hookimpl

skmeta_api_version = API_VERSION


@hookimpl
def skmeta_algorithms() -> dict[str, type]:
    """Offer the algorithms of :mod:`skmeta.algorithms`."""
    from skmeta import algorithms

    return {
        "gp": algorithms.GP,
        "maml": algorithms.MAML,
        "fomaml": algorithms.FOMAML,
        "anil": algorithms.ANIL,
        "boil": algorithms.BOIL,
        "metasgd": algorithms.MetaSGD,
        "maml++": algorithms.MAMLPlusPlus,
        "imaml": algorithms.IMAML,
        "reptile": algorithms.Reptile,
        "r2d2": algorithms.R2D2,
        "metaoptnet": algorithms.MetaOptNet,
        "cnp": algorithms.CNP,
        "protonet": algorithms.ProtoNet,
        "matching": algorithms.MatchingNet,
        "relation": algorithms.RelationNet,
        "siamese": algorithms.Siamese,
        "simpleshot": algorithms.SimpleShot,
        "baseline++": algorithms.BaselinePlusPlus,
        "pooled": algorithms.Pooled,
    }


@hookimpl
def skmeta_backbones() -> dict[str, type]:
    """Offer the networks of :mod:`skmeta.backbones`."""
    from skmeta import backbones

    return {
        "mlp": backbones.MLP,
        "resnet_mlp": backbones.ResNetMLP,
        "conv4": backbones.Conv4,
        "correction": backbones.Correction,
        "gradients": backbones.OrientedGradients,
        "linear": backbones.Linear,
        "identity": backbones.Identity,
    }


@hookimpl
def skmeta_distances() -> dict[str, type]:
    """Offer the distances of :mod:`skmeta.distances`."""
    from skmeta.distances.base import Cosine, Euclidean, Mahalanobis, Manhattan
    from skmeta.distances.tangent import Tangent

    return {
        "euclidean": Euclidean,
        "cosine": Cosine,
        "manhattan": Manhattan,
        "mahalanobis": Mahalanobis,
        "tangent": Tangent,
    }


@hookimpl
def skmeta_augmentations() -> dict[str, type]:
    """Offer the task augmentations of :mod:`skmeta.augmentations`."""
    from skmeta import augmentations

    return {
        "class_overlay": augmentations.ClassOverlay,
        "feature_masking": augmentations.FeatureMasking,
        "feature_noise": augmentations.FeatureNoise,
        "label_permutation": augmentations.LabelPermutation,
        "random_affine": augmentations.RandomAffine,
        "rotations": augmentations.Rotations,
        "task_mixing": augmentations.TaskMixing,
    }


@hookimpl
def skmeta_datasets() -> dict[str, Callable]:
    """Offer the meta-datasets of :mod:`skmeta.datasets`."""
    from skmeta.datasets import _named

    return {
        "movielens": _named.movielens,
        "omniglot": _named.omniglot,
        "omniglot_one_shot_runs": _named.omniglot_one_shot_runs,
        "sinusoids": _named.make_sinusoids,
    }
