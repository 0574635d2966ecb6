"""Every law of task augmentations bites: for each there is one that breaks it."""

import pytest
import torch

from skmeta.augmentations import Augmentation
from skmeta.episodes import Episode
from skmeta.testing import LAWS, BrokenLawError, check_augmentation


class Sound(Augmentation):
    """Turns signs of some features."""

    def augment(self, episode, spec, rng):
        shape = (len(episode.support.X), 1, spec.n_features)
        sign = torch.randint(2, shape, generator=rng) * 2.0 - 1.0
        return Episode(*(self.change(part, sign) for part in episode))

    def change(self, part, sign):
        return part._replace(X=part.X * sign)


class ReturnsTuple(Sound):
    def augment(self, episode, spec, rng):
        return tuple(super().augment(episode, spec, rng))


class DropsLabel(Sound):
    kinds = ("classifier",)

    def change(self, part, sign):
        return part._replace(label=None)


class DoublesPrecision(Sound):
    def change(self, part, sign):
        return part._replace(X=part.X.double())


class ShowsPadding(Sound):
    def change(self, part, sign):
        return part._replace(mask=torch.ones_like(part.mask))


class ShiftsPadding(Sound):
    def change(self, part, sign):
        return part._replace(X=part.X + sign)


class ChangesInPlace(Sound):
    def change(self, part, sign):
        part.X.mul_(sign)
        return part


class DrawsGlobally(Sound):
    def change(self, part, sign):
        noise = torch.randn(part.X.shape) * part.mask.unsqueeze(-1)
        return part._replace(X=part.X + noise)


class DividesByZero(Sound):
    def change(self, part, sign):
        features = torch.where(part.mask.unsqueeze(-1), part.X / (sign + 1), 0.0)
        return part._replace(X=features)


class InventsClass(Sound):
    kinds = ("classifier",)

    def change(self, part, sign):
        return part._replace(y=(part.y + 1) * part.mask)


class HidesNewClasses(Sound):
    kinds = ("classifier",)

    def change(self, part, sign):
        label = torch.where(part.mask, 2 * part.label + 1, -1)
        return part._replace(label=label)


class TellsNewClasses(HidesNewClasses):
    def n_train_classes(self, n_train_classes):
        return 2 * n_train_classes


class ReversesTargets(Sound):
    def change(self, part, sign):
        if part.y.is_floating_point():
            return part._replace(y=-part.y)
        last = part.n_classes.unsqueeze(1) - 1
        return part._replace(y=(last - part.y) * part.mask)


class RemembersOnItself(Sound):
    calls = 0

    def change(self, part, sign):
        self.calls += 1
        return part._replace(X=part.X / (1 + self.calls))


class LosesParameterInPickle(Sound):
    def __init__(self, scale=1.0):
        self.scale = scale

    def __reduce__(self):
        return type(self), ()


_ALL = {law.name for law in LAWS["augmentation"]}
BROKEN = [
    (ReturnsTuple(), _ALL - {"given_episode_stays_as_it_is"}),
    (DropsLabel(), {"shapes_and_masks_stay", "rows_and_targets_are_valid"}),
    (DoublesPrecision(), {"shapes_and_masks_stay"}),
    (ShowsPadding(), {"shapes_and_masks_stay"}),
    (ShiftsPadding(), {"padding_stays_zero"}),
    (ReversesTargets(), {"the_prior_goes_with_the_targets"}),
    (ChangesInPlace(), {"given_episode_stays_as_it_is"}),
    (DrawsGlobally(), {"rng_decides_everything"}),
    (DividesByZero(), {"rows_and_targets_are_valid"}),
    # A prior cannot say a class that there is not.
    (
        InventsClass(),
        {"rows_and_targets_are_valid", "the_prior_goes_with_the_targets"},
    ),
    (HidesNewClasses(), {"rows_and_targets_are_valid"}),
    (RemembersOnItself(), {"rng_decides_everything", "copies_augment_the_same"}),
    (LosesParameterInPickle(scale=2.0), {"copies_augment_the_same"}),
]


def outcome(augmentation, status):
    results = check_augmentation(augmentation, on_fail=None)
    return {result.law for result in results if result.status == status}


@pytest.mark.parametrize(
    ("augmentation", "broken"), BROKEN, ids=lambda value: type(value).__name__
)
def test_a_broken_augmentation_fails_its_law_and_no_other(augmentation, broken):
    assert outcome(augmentation, "failed") == broken


def test_every_law_has_an_augmentation_that_breaks_it():
    few = [broken for _, broken in BROKEN if len(broken) <= 2]
    assert set().union(*few) == _ALL


@pytest.mark.parametrize("augmentation", [Sound(), TellsNewClasses()], ids=repr)
def test_a_sound_augmentation_keeps_every_law(augmentation):
    assert outcome(augmentation, "passed") == _ALL
    assert not outcome(augmentation, "failed")


def test_the_message_names_law_case_finding_and_hint():
    with pytest.raises(BrokenLawError) as raised:
        check_augmentation(HidesNewClasses())
    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "HidesNewClasses() breaks the law 'rows_and_targets_are_valid' (classifier, "
        "shared): a row of the support has label 5; n_train_classes(3) is 3."
    )
    assert lines[1] == "Smallest case: 1 task with 4 features."
