"""Numbers as people read them."""

from skmeta.evaluation.wording import MetricWording


def test_errors_are_written_as_people_read_them():
    error = MetricWording("neg_mean_squared_error")
    assert (error.title, error.better) == ("mean squared error", "lower")
    assert [error.show(v) for v in (-0.12345, -123.45, -12345.6)] == [
        "0.123",
        "123",
        "12,346",
    ]
    assert error.show(-2.5e20) == "2.5e+20"
    assert error.show_gain(0.5) == "+0.500"
    assert MetricWording("r2").show(-0.25) == "−0.250"
    assert MetricWording("accuracy").show(float("nan")) == "–"
