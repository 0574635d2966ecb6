"""Task augmentation of images that come as flat rows."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from skmeta.augmentations.base import Augmentation, draw_per_class
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["RandomAffine", "Rotations", "image_augmentations"]


class Rotations(Augmentation):
    """Turn images by quarters, a whole class at a time: a turned class is a new one.

    Every class of every episode is turned by 0, 90, 180 or 270 degrees, each equally
    likely, which makes four classes out of one (Santoro et al. 2016). For classes that
    stay what they are when they are turned, such as galaxies, this is of no use.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int), default=(28, 28)
        Height and width, which must be equal, or channels, height and width, of the
        images whose pixels are the features.

    References
    ----------
    A. Santoro, S. Bartunov, M. Botvinick, D. Wierstra, T. Lillicrap. Meta-learning with
    memory-augmented neural networks. ICML 2016.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.augmentations import Rotations
    >>> MetaClassifier("protonet", augment=Rotations((8, 8)))
    MetaClassifier(algorithm='protonet', augment=Rotations(image_shape=(8, 8)))
    """

    kinds = ("classifier",)
    label_spaces = ("per_task",)

    def __init__(self, image_shape: Sequence[int] = (28, 28)):
        self.image_shape = image_shape

    def n_train_classes(self, n_train_classes: int) -> int:
        """Return four times as many."""
        return 4 * n_train_classes

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Turn the images of every class.

        Raises
        ------
        ValueError
            If the features are no square images of ``image_shape``.
        """
        _, height, width = _image_shape(self.image_shape, spec)
        if height != width:
            raise ValueError(
                "Only square images keep their shape when they are turned by 90 "
                f"degrees, not those of image_shape={self.image_shape!r}."
            )
        shape = (len(episode.support.X), int(episode.support.n_classes.max()))
        turns = torch.randint(4, shape, generator=rng)
        return Episode(
            *(
                self._turn(batch, of_rows, spec)
                for batch, of_rows in zip(
                    episode, draw_per_class(episode, turns), strict=True
                )
            )
        )

    def _turn(self, batch: Batch, turns: Tensor, spec: Spec) -> Batch:
        images = batch.X.unflatten(-1, _image_shape(self.image_shape, spec))
        turned = images.clone()
        for n_turns in (1, 2, 3):
            chosen = turns == n_turns
            turned[chosen] = images[chosen].rot90(n_turns, dims=(-2, -1))
        batch = batch._replace(X=turned.flatten(2))
        if batch.label is None:
            return batch
        label = torch.where(batch.label < 0, -1, 4 * batch.label + turns)
        return batch._replace(label=label)


class RandomAffine(Augmentation):
    """Turn, shear, scale and shift images a little, each of them or each class.

    By default every image is distorted by itself, as if it had been drawn or taken once
    more. With ``per="class"`` all images of a class of an episode are distorted alike,
    which makes new classes that resemble it.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int), default=(28, 28)
        Height and width, or channels, height and width, of the images whose pixels are
        the features.
    degrees : float, default=10.0
        Largest angle to turn by.
    shear : float, default=0.1
        Largest shear along either axis, as a part of the image's size.
    scale : float, default=0.1
        Largest relative change of height and width, each by itself.
    translate : float, default=0.05
        Largest shift along either axis, as a part of the image's size.
    per : {"row", "class"}, default="row"
        What is distorted alike. "class" is for per-task label spaces.

    Notes
    -----
    What comes in from beyond the edge is 0: black or blank, or the mean pixel with
    ``normalize="global"``. Numbers in between pixels are interpolated linearly.

    Examples
    --------
    >>> from skmeta import MetaClassifier
    >>> from skmeta.augmentations import RandomAffine, Rotations
    >>> meta = MetaClassifier(
    ...     "protonet", augment=[Rotations((8, 8)), RandomAffine((8, 8), degrees=15)]
    ... )
    """

    several_targets = True

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28),
        degrees: float = 10.0,
        shear: float = 0.1,
        scale: float = 0.1,
        translate: float = 0.05,
        per: Literal["row", "class"] = "row",
    ):
        self.image_shape = image_shape
        self.degrees = degrees
        self.shear = shear
        self.scale = scale
        self.translate = translate
        self.per = per

    def augment(self, episode: Episode, spec: Spec, rng: torch.Generator) -> Episode:
        """Distort the images.

        Raises
        ------
        ValueError
            If a parameter is out of its range, if the features are no images of
            ``image_shape``, or if classes have no meaning of their own in an episode.
        """
        self._validate(spec)
        if self.per == "row":
            maps = [self._draw(batch.mask.shape, rng) for batch in episode]
        else:
            shape = (len(episode.support.X), int(episode.support.n_classes.max()))
            maps = draw_per_class(episode, self._draw(shape, rng))
        return Episode(
            *(
                self._distort(batch, of_rows, spec)
                for batch, of_rows in zip(episode, maps, strict=True)
            )
        )

    def _draw(self, shape: Sequence[int], rng: torch.Generator) -> Tensor:
        """Draw maps from places in the new image to places in the old: (..., 2, 3)."""

        def within(largest: float, *axes: int) -> Tensor:
            return largest * (2 * torch.rand(*shape, *axes, generator=rng) - 1)

        angle = within(math.radians(self.degrees))
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1)
        size = torch.diag_embed(1 + within(self.scale, 2))
        shear = torch.eye(2) + within(self.shear, 2, 2) * (1 - torch.eye(2))
        linear = turn.unflatten(-1, (2, 2)) @ size @ shear
        shift = 2 * within(self.translate, 2, 1)  # an image is 2 wide for torch
        return torch.cat([linear, shift], dim=-1)

    def _distort(self, batch: Batch, maps: Tensor, spec: Spec) -> Batch:
        images = batch.X.flatten(0, 1).unflatten(
            -1, _image_shape(self.image_shape, spec)
        )
        grid = affine_grid(maps.flatten(0, 1), images.shape, align_corners=False)
        images = grid_sample(images, grid, align_corners=False)
        return batch._replace(X=images.flatten(1).view_as(batch.X))

    def _validate(self, spec: Spec) -> None:
        amounts = (self.degrees, self.shear, self.scale, self.translate)
        if not (all(amount >= 0 for amount in amounts) and self.scale < 1):
            raise ValueError(
                "degrees, shear, scale and translate must not be negative and scale be "
                f"below 1, not {', '.join(map(repr, amounts))}."
            )
        if self.per not in ("row", "class"):
            raise ValueError(f"per must be 'row' or 'class', not {self.per!r}.")
        if self.per == "class" and (
            spec.kind != "classifier" or spec.label_space != "per_task"
        ):
            raise ValueError("per='class' needs classes that are per task.")


def image_augmentations(image_shape: Sequence[int]) -> list[Augmentation]:
    """Return what makes many classes of images out of few, and many images of each.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int)
        Height and width, or channels, height and width.

    Returns
    -------
    list of Augmentation
        A quarter turn of a class is a new class, where images are square; so is a class
        under an affine map of its own; and every image is drawn once more.
    """
    shape = tuple(image_shape)
    turns: list[Augmentation] = [Rotations(shape)] if shape[-1] == shape[-2] else []
    return [
        *turns,
        RandomAffine(
            shape, degrees=12, shear=0.18, scale=0.25, translate=0, per="class"
        ),
        RandomAffine(shape, degrees=12, shear=0.15, scale=0.2, translate=0.05),
    ]


def _image_shape(image_shape: Sequence[int], spec: Spec) -> tuple[int, int, int]:
    """Return channels, height and width, checked against the features."""
    shape = (1, *image_shape) if len(image_shape) == 2 else tuple(image_shape)
    if len(shape) != 3 or math.prod(shape) != spec.n_features:
        raise ValueError(
            f"image_shape={tuple(image_shape)!r} does not fit rows of "
            f"{spec.n_features} features: give (height, width) or (channels, height, "
            "width) whose product is the number of features."
        )
    return shape
