"""The kinds of target and label spaces that algorithms and augmentations declare."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from skmeta.episodes.spec import Spec

__all__ = ["Situation", "situations"]

_SHARED: tuple[Literal["shared"]] = ("shared",)
_N_TRAIN_CLASSES = 5  # where labels are per task


class Situation(NamedTuple):
    """A kind of target, a label space, and parts of a prior if there is one."""

    kind: Literal["classifier", "regressor"]
    label_space: Literal["shared", "per_task"]
    n_parts: int = 0

    def __str__(self) -> str:
        parts: list[str] = [self.kind]
        if self.kind == "classifier":
            parts.append(self.label_space)
        if self.n_parts:
            parts.append("with a prior")
        return ", ".join(parts)

    def spec(self, n_features: int, n_classes: int) -> Spec:
        """Return what a learner is built for, with so many classes in a task."""
        n_outputs = n_train_classes = n_classes
        if self.kind == "regressor":
            n_outputs, n_train_classes = 1, 0
        elif self.label_space == "per_task":
            n_outputs, n_train_classes = 0, _N_TRAIN_CLASSES
        return Spec(
            n_features,
            n_outputs,
            self.kind,
            self.label_space,
            n_train_classes,
            n_parts=self.n_parts,
        )


def situations(component: Any) -> Iterator[Situation]:
    """Go through the situations that an algorithm or augmentation declares."""
    for declared, known in [
        ("kinds", {"classifier", "regressor"}),
        ("label_spaces", {"shared", "per_task"}),
    ]:
        values = getattr(component, declared)
        if not values or not known.issuperset(values):
            raise ValueError(
                f"{declared} of {component} must be a tuple of one or both of "
                f"{sorted(known)}, not {values!r}."
            )
    for kind in component.kinds:
        spaces = component.label_spaces if kind == "classifier" else _SHARED
        for space in spaces:
            yield Situation(kind, space)
