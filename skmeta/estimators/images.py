"""The parameters that few-shot images are learnt best with, of a classifier."""

from collections.abc import Sequence
from math import prod
from typing import Any

from skmeta import algorithms, augmentations, backbones

__all__ = ["image_parameters"]

# Classes and rows of an episode: as many images as a step of some tasks would have, but
# of one task of many classes, which asks an embedding for more than five classes do.
_WAY, _SHOT, _QUERY = 40, 1, 7


def image_parameters(
    image_shape: Sequence[int], *, ink: bool, channels: int | Sequence[int]
) -> dict[str, Any]:
    """Return the parameters of :meth:`skmeta.MetaClassifier.for_images`.

    Raises
    ------
    ValueError
        If ``image_shape`` is no shape of images.
    """
    shape = tuple(image_shape)
    if len(shape) not in (2, 3) or prod(shape) < 1:
        raise ValueError(
            "image_shape must be (height, width) or (channels, height, width) of the "
            f"images in rows, not {image_shape!r}."
        )
    overlay = [augmentations.ClassOverlay(share=0.5)] if ink else []
    return {
        # What rows without labels are worth would take longer to learn than all else.
        "algorithm": algorithms.ProtoNet(unlabelled=(0.0, 0.0)),
        "backbone": backbones.Conv4(
            shape, channels=channels, norm="batch", precision="bfloat16"
        ),
        "tasks": "classes",
        "label_space": "per_task",
        "n_way": _WAY,
        "n_shot": _SHOT,
        "n_query": _QUERY,
        "augment": [*augmentations.image_augmentations(shape), *overlay],
        "normalize": None if ink else "global",
        "batch_size": 1,
        "tasks_per_epoch": 32,
        "max_epochs": 12,
    }
