"""Task augmentation: changes of drawn episodes that make new tasks of old ones."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.augmentations.base import Augmentation, augment_all
    from skmeta.augmentations.features import FeatureMasking, FeatureNoise
    from skmeta.augmentations.images import (
        RandomAffine,
        Rotations,
        image_augmentations,
    )
    from skmeta.augmentations.labels import LabelPermutation
    from skmeta.augmentations.mixing import ClassOverlay, TaskMixing

__all__ = [
    "Augmentation",
    "ClassOverlay",
    "FeatureMasking",
    "FeatureNoise",
    "LabelPermutation",
    "RandomAffine",
    "Rotations",
    "TaskMixing",
    "augment_all",
    "image_augmentations",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "base": ["Augmentation", "augment_all"],
        "features": ["FeatureMasking", "FeatureNoise"],
        "images": ["RandomAffine", "Rotations", "image_augmentations"],
        "labels": ["LabelPermutation"],
        "mixing": ["ClassOverlay", "TaskMixing"],
    },
)
