"""Omniglot: fetched from a website of our own, and what the official files hold."""

import doctest
import io
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from skmeta import MetaClassifier
from skmeta.datasets import (
    _omniglot,
    fetch_omniglot,
    fetch_omniglot_one_shot_runs,
    load,
)
from tests.omniglot import ALPHABETS, drawings, two_runs


def test_a_row_is_a_drawing_with_ink_where_it_was_drawn(home):
    omniglot = fetch_omniglot(data_home=home, image_size=7)
    cells = np.repeat([0, 1, 10, 11], 3)
    np.testing.assert_array_equal(omniglot.data, np.eye(49)[cells])
    assert omniglot.data.dtype == np.float32
    characters = [f"{a}/character0{c}" for a in ALPHABETS for c in (1, 2)]
    assert omniglot.target.tolist() == list(np.repeat(characters, 3))
    assert omniglot.groups.tolist() == list(np.repeat(list(ALPHABETS), 6))
    assert omniglot.drawer.tolist() == [1, 2, 10] * 4
    assert omniglot.image_shape == (7, 7)
    by_name = load("omniglot", data_home=home, image_size=7)
    direct = fetch_omniglot(data_home=home, image_size=7, return_X_y_groups=True)
    for X, y, groups in (direct, by_name):
        np.testing.assert_array_equal(X, omniglot.data)
        np.testing.assert_array_equal(y, omniglot.target)
        np.testing.assert_array_equal(groups, omniglot.groups)


@pytest.mark.parametrize("image_size", [1, 28, 30, 105])
def test_a_smaller_image_averages_the_area_of_each_pixel(website, tmp_path, image_size):
    rng = np.random.default_rng(0)
    paper = rng.random((105, 105)) < 0.9
    file = io.BytesIO()
    Image.fromarray(paper).save(file, "PNG")
    website.publish("small1", {"i/Noise/character01/0001_01.png": file.getvalue()})
    got = fetch_omniglot(data_home=tmp_path, image_size=image_size).data
    # Cut the pixels so small that no piece lies in two new pixels.
    side = np.lcm(105, image_size)
    pieces = np.kron(~paper, np.ones((side // 105, side // 105)))
    width = side // image_size
    blocks = pieces.reshape(image_size, width, image_size, width)
    want = blocks.mean(axis=(1, 3)).reshape(1, -1)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
    assert got.min() >= 0
    assert got.max() <= 1


@pytest.mark.parametrize("frame", [0.5, 0.75, 1.0])
def test_a_frame_centres_a_drawing_and_its_longer_side_fills_that_part(
    website, tmp_path, frame
):
    paper = Image.new("1", (105, 105), 1)
    paper.paste(0, (3, 50, 63, 65))  # 60 wide, 15 high, far to the left
    file = io.BytesIO()
    paper.save(file, "PNG")
    website.publish("small1", {"i/Noise/character01/0001_01.png": file.getvalue()})
    data = fetch_omniglot(data_home=tmp_path, image_size=64, frame=frame).data
    want = np.zeros((64, 64))
    width, height = int(64 * frame), int(16 * frame)
    top, left = (64 - height) // 2, (64 - width) // 2
    want[top : top + height, left : left + width] = 1
    np.testing.assert_allclose(data.reshape(64, 64), want, atol=1e-6)


def test_a_dot_is_not_blown_up_to_fill_the_frame(website, tmp_path):
    paper = Image.new("1", (105, 105), 1)
    paper.putpixel((10, 90), 0)
    file = io.BytesIO()
    paper.save(file, "PNG")
    website.publish("small1", {"i/Noise/character01/0001_01.png": file.getvalue()})
    data = fetch_omniglot(data_home=tmp_path, image_size=28, frame=0.8).data
    assert 0 < data.mean() < 0.003


def test_all_is_background_and_evaluation(website, tmp_path):
    website.publish("background", drawings("Elvish"))
    website.publish("evaluation", drawings("Klingon_(pIqaD)"))
    omniglot = fetch_omniglot(data_home=tmp_path, subset="all")
    assert omniglot.groups.tolist() == list(np.repeat(list(ALPHABETS), 6))
    assert len(np.unique(omniglot.target)) == 4


def test_missing_pillow_is_named(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"Pillow.*skmeta\[images\]"):
        fetch_omniglot(data_home=home)


@pytest.mark.parametrize(
    "bad", [{"subset": "small3"}, {"image_size": 0}, {"frame": 1.1}]
)
def test_bad_arguments_are_named_before_anything_is_downloaded(home, website, bad):
    with pytest.raises(ValueError, match=f"'{next(iter(bad))}' parameter"):
        fetch_omniglot(data_home=home, **bad)
    with pytest.raises(ValueError, match="Got 106"):
        fetch_omniglot_one_shot_runs(data_home=home, image_size=106)
    assert website.requests == 0


def test_a_meta_learner_answers_the_runs_by_their_answer_sheet(home, website):
    website.publish("runs", two_runs())
    runs = fetch_omniglot_one_shot_runs(data_home=home, image_size=7)
    both, support, query = (
        load("omniglot_one_shot_runs", part=part, data_home=home, image_size=7)
        for part in ("both", "support", "query")
    )
    for what, *parts in zip(("X", "y", "groups"), both, support, query, strict=True):
        np.testing.assert_array_equal(parts[0], np.concatenate(parts[1:]))
        np.testing.assert_array_equal(parts[1], runs[f"{what}_support"])
    classes = [f"class{c + 1:02}" for c in range(20)]
    assert runs.y_support.tolist() == classes * 2
    assert runs.groups_support.tolist() == list(np.repeat(["run01", "run02"], 20))
    assert runs.groups_query.tolist() == runs.groups_support.tolist()
    cells = np.r_[5:25, 10:30]
    np.testing.assert_array_equal(runs.X_support, np.eye(49)[cells])
    assert runs.y_query[:2].tolist() == ["class02", "class09"]

    X, y, _ = fetch_omniglot(data_home=home, image_size=7, return_X_y_groups=True)
    X = X + np.random.default_rng(0).normal(size=X.shape)
    episodes = {"tasks": "classes", "n_way": 2, "n_shot": 1, "n_query": 2}
    episodes |= {"tasks_per_epoch": 32, "random_state": 0}
    meta = MetaClassifier("protonet", "identity", max_epochs=1, **episodes).fit(X, y)
    meta.adapt(runs.X_support, runs.y_support, groups=runs.groups_support)
    answers = meta.predict(runs.X_query, groups=runs.groups_query)
    np.testing.assert_array_equal(answers, runs.y_query)


# The official files, where they are at hand.


def error(runs, distance):
    """Return the share of queries whose nearest support row is of another class."""
    wrong = []
    for run in np.unique(runs.groups_support):
        support, query = runs.groups_support == run, runs.groups_query == run
        distances = distance(runs.X_query[query], runs.X_support[support])
        nearest = runs.y_support[support][distances.argmin(axis=1)]
        wrong.extend(nearest != runs.y_query[query])
    assert len(wrong) == 400
    return np.mean(wrong)


def test_the_minimal_set_is_the_official_one(official):
    omniglot = fetch_omniglot(data_home=official, download_if_missing=False)
    characters = {
        alphabet: len(np.unique(omniglot.target[omniglot.groups == alphabet]))
        for alphabet in np.unique(omniglot.groups)
    }
    assert characters == {
        "Balinese": 24,
        "Early_Aramaic": 22,
        "Greek": 24,
        "Korean": 40,
        "Latin": 26,
    }
    assert omniglot.data.shape == (136 * 20, 28 * 28)
    np.testing.assert_array_equal(omniglot.drawer, np.tile(np.arange(1, 21), 136))
    assert omniglot.data.max() == 1
    assert omniglot.data.mean() == pytest.approx(0.076, abs=0.001)  # mostly paper


def test_the_nearest_drawing_by_pixels_is_mostly_the_wrong_one(official):
    runs = fetch_omniglot_one_shot_runs(data_home=official, download_if_missing=False)
    assert error(runs, cdist) == pytest.approx(0.7925, abs=0.005)


@pytest.mark.slow
def test_the_published_baseline_makes_its_published_errors(official):
    runs = fetch_omniglot_one_shot_runs(
        data_home=official, image_size=105, download_if_missing=False
    )

    def centred_ink(row):
        ink = np.argwhere(row.reshape(runs.image_shape))
        return ink - ink.mean(axis=0)

    def modified_hausdorff(queries, supports):
        queries, supports = (
            [centred_ink(x) for x in rows] for rows in (queries, supports)
        )
        near_query, near_support = (list(map(KDTree, p)) for p in (queries, supports))
        return np.array(
            [
                [
                    max(to_s.query(q)[0].mean(), to_q.query(s)[0].mean())
                    for s, to_s in zip(supports, near_support, strict=True)
                ]
                for q, to_q in zip(queries, near_query, strict=True)
            ]
        )

    # The data set's own demo_classification.py: "a result of 38.8 percent errors".
    assert round(100 * error(runs, modified_hausdorff), 1) in (38.7, 38.8)  # 38.75


@pytest.mark.slow
def test_the_documented_examples_hold(official, monkeypatch):
    monkeypatch.setenv("SKMETA_DATA", str(official))
    for test in doctest.DocTestFinder().find(_omniglot):
        for example in test.examples:
            example.options.pop(doctest.SKIP, None)
        outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
        assert outcome.failed == 0
