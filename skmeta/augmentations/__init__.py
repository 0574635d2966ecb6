"""Task augmentation: changes of drawn episodes that make new tasks of old ones."""

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
