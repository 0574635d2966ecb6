"""Omniglot as tables of pixels: the background sets and the official one-shot test."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection
from functools import lru_cache
from numbers import Integral, Real
from zipfile import ZipFile

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from tqdm.auto import tqdm

from skmeta.datasets._download import RemoteFile, data_folder, fetch

SIDE = 105  # pixels of the original drawings, which are square
_LARGEST_ZOOM = 4.0  # a dot is not blown up to fill a frame
BAR_DELAY = 1.0  # seconds; a minimal set is read sooner, and needs no progress bar

_SOURCE = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
# The SHA256 of the images are those that TensorFlow Datasets publishes.
FILES = {
    "background": RemoteFile(
        _SOURCE + "images_background.zip",
        "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
    ),
    "evaluation": RemoteFile(
        _SOURCE + "images_evaluation.zip",
        "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    ),
    "small1": RemoteFile(
        _SOURCE + "images_background_small1.zip",
        "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4",
    ),
    "small2": RemoteFile(
        _SOURCE + "images_background_small2.zip",
        "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
    ),
    "runs": RemoteFile(
        _SOURCE + "one-shot-classification/all_runs.zip",
        "437c1eeab0af8484112e1b4cc0f3d541ec727f7c47b9b202da738af9dfd6c325",
    ),
}
SUBSETS = {
    "small1": ["small1"],
    "small2": ["small2"],
    "background": ["background"],
    "evaluation": ["evaluation"],
    "all": ["background", "evaluation"],
}
# images_background_small1/Greek/character03/0396_17.png
_DRAWING = re.compile(r"[^/]+/([^/]+)/(character\d+)/\d+_(\d+)\.png")

_CHECKS = {
    "data_home": [str, os.PathLike, None],
    "image_size": [Interval(Integral, 1, SIDE, closed="both")],
    "frame": [Interval(Real, 0, 1, closed="right"), None],
    "download_if_missing": ["boolean"],
}

_DESCR = """\
Omniglot: handwritten characters of 50 alphabets

1,623 characters, each drawn once by 20 people on Amazon's Mechanical Turk, as black ink
on white, 105 x 105 pixels. 30 alphabets are background, to learn from; 20 are for
evaluation; two minimal sets hold five background alphabets each.

Here a row is a drawing, reduced by averaging the area that each new pixel covers: 1 is
ink, 0 is paper. A class is a character ("Greek/character03"), a group is an alphabet.

The official one-shot test has 20 runs. In each, 20 characters of one evaluation
alphabet are drawn once by one person (support) and once by another (query); the score
is the error over the 20 x 20 queries. Train, and choose hyperparameters, on background
alphabets only. The modified Hausdorff distance that the authors publish as a baseline
makes 38.8 % errors.

MIT licence, copyright 2015 Brenden Lake. https://github.com/brendenlake/omniglot

B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum (2015). Human-level concept learning
through probabilistic program induction. Science 350(6266), 1332-1338.
"""


@validate_params(
    {
        **_CHECKS,
        "subset": [StrOptions(set(SUBSETS))],
        "return_X_y_groups": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_omniglot(
    *,
    data_home: str | os.PathLike | None = None,
    subset: str = "small1",
    image_size: int = 28,
    frame: float | None = None,
    download_if_missing: bool = True,
    return_X_y_groups: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fetch Omniglot, handwritten characters of many alphabets, as a table of pixels.

    The official file is downloaded at the first call, checked and kept as it came.

    ============  =========  ==========  ========  =============
    subset        alphabets  characters  drawings  download (MB)
    ============  =========  ==========  ========  =============
    "small1"              5         136     2,720            1.3
    "small2"              5         156     3,120            1.6
    "background"         30         964    19,280            9.5
    "evaluation"         20         659    13,180            6.5
    "all"                50       1,623    32,460           15.9
    ============  =========  ==========  ========  =============

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder for data sets; the files go to its folder `omniglot`. None is the
        environment variable SKMETA_DATA or, where it is not set, `~/skmeta_data`.
    subset : {"small1", "small2", "background", "evaluation", "all"}, default="small1"
        The two minimal sets and the full background set are for training, the
        evaluation set is for tests only. "all" is background and evaluation, for
        splits of one's own.
    image_size : int, default=28
        Side of the images in pixels, 1 to 105 (as drawn). A smaller image averages over
        the area that each of its pixels covers.
    frame : float or None, default=None
        Centre every drawing, and scale it so that its longer side fills this part of
        the image, 0.8 for example. None leaves it as and where it was drawn.
    download_if_missing : bool, default=True
        If False, a missing file is an error.
    return_X_y_groups : bool, default=False
        If True, return `(data, target, groups)` instead of a Bunch.

    Returns
    -------
    omniglot : Bunch
        With the attributes

        - `data` : ndarray of shape (n_drawings, image_size ** 2), float32, rows of
          pixels, 0 for paper to 1 for ink.
        - `target` : str ndarray of shape (n_drawings,), the character, such as
          "Greek/character03".
        - `groups` : str ndarray of shape (n_drawings,), the alphabet, such as "Greek".
        - `drawer` : int ndarray of shape (n_drawings,), 1 to 20, which of the
          character's drawings this is; each is by another person.
        - `image_shape` : tuple, `(image_size, image_size)`, for reshaping rows.
        - `DESCR` : str.

        Rows are in the order of alphabet, character and drawer.

    Raises
    ------
    OSError
        If the file is not there and may not be or could not be downloaded. The message
        says what to put where by hand.
    ImportError
        If Pillow is not installed.

    See Also
    --------
    fetch_omniglot_one_shot_runs : The official one-shot test.

    Notes
    -----
    Omniglot [1]_ has the MIT licence, copyright 2015 Brenden Lake.

    References
    ----------
    .. [1] B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum (2015). Human-level concept
       learning through probabilistic program induction. Science 350(6266), 1332-1338.
       https://github.com/brendenlake/omniglot

    Examples
    --------
    >>> from skmeta.datasets import fetch_omniglot
    >>> omniglot = fetch_omniglot()  # doctest: +SKIP
    >>> omniglot.data.shape, str(omniglot.target[-1])  # doctest: +SKIP
    ((2720, 784), 'Latin/character26')

    Without a network, the error says what to fetch:

    >>> fetch_omniglot(data_home="elsewhere", download_if_missing=False)
    Traceback (most recent call last):
    ...
    OSError: ...images_background_small1.zip does not exist. Set...
    """
    drawings: list[tuple[str, ...]] = []
    images = []
    for part in SUBSETS[subset]:
        with _open(part, data_home, download_if_missing) as archive:
            matches = filter(None, map(_DRAWING.fullmatch, sorted(archive.namelist())))
            found = {match.group(): match.groups() for match in matches}
            drawings += found.values()
            images.append(_read(archive, found, image_size, frame))
    alphabet, character, drawer = map(np.array, zip(*drawings, strict=True))
    omniglot = Bunch(
        data=np.concatenate(images),
        target=np.char.add(np.char.add(alphabet, "/"), character),
        groups=alphabet,
        drawer=drawer.astype(int),
        image_shape=(image_size, image_size),
        DESCR=_DESCR,
    )
    if return_X_y_groups:
        return omniglot.data, omniglot.target, omniglot.groups
    return omniglot


@validate_params(_CHECKS, prefer_skip_nested_validation=True)
def fetch_omniglot_one_shot_runs(
    *,
    data_home: str | os.PathLike | None = None,
    image_size: int = 28,
    frame: float | None = None,
    download_if_missing: bool = True,
) -> Bunch:
    """Fetch the official one-shot test of Omniglot: 20 tasks, 20-way 1-shot.

    The 20 characters of a run come from one alphabet, in none of the background sets.
    One person drew the support and another one the query. The official score is the
    error over all 400 query rows; hyperparameters must be chosen on the background sets
    (`fetch_omniglot`), never here.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder for data sets; the file goes to its folder `omniglot`. None is the
        environment variable SKMETA_DATA or, where it is not set, `~/skmeta_data`.
    image_size : int, default=28
        Side of the images in pixels, 1 to 105 (as drawn). A smaller image averages over
        the area that each of its pixels covers.
    frame : float or None, default=None
        Centre every drawing, and scale it so that its longer side fills this part of
        the image, 0.8 for example. None leaves it as and where it was drawn.
    download_if_missing : bool, default=True
        If False, a missing file is an error. The download has 0.4 MB.

    Returns
    -------
    runs : Bunch
        With the attributes

        - `X_support`, `X_query` : ndarray of shape (400, image_size ** 2), float32,
          rows of pixels, 0 for paper to 1 for ink.
        - `y_support`, `y_query` : str ndarray of shape (400,), the class, "class01" to
          "class20", a name inside its run only.
        - `groups_support`, `groups_query` : str ndarray of shape (400,), the run,
          "run01" to "run20".
        - `image_shape` : tuple, `(image_size, image_size)`, for reshaping rows.
        - `DESCR` : str.

    Raises
    ------
    OSError
        If the file is not there and may not be or could not be downloaded. The message
        says what to put where by hand.
    ImportError
        If Pillow is not installed.

    See Also
    --------
    fetch_omniglot : Alphabets to learn from.

    Notes
    -----
    The test is that of Lake et al. [1]_ (MIT licence, copyright 2015 Brenden Lake).

    References
    ----------
    .. [1] B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum (2015). Human-level concept
       learning through probabilistic program induction. Science 350(6266), 1332-1338.
       https://github.com/brendenlake/omniglot

    Examples
    --------
    By bare pixels, the nearest drawing is the wrong one in 79 % of all cases. A few
    seconds of learning help a little:

    >>> import numpy as np
    >>> from skmeta import MetaClassifier
    >>> from skmeta.datasets import fetch_omniglot, fetch_omniglot_one_shot_runs
    >>> known = fetch_omniglot()  # doctest: +SKIP
    >>> meta = MetaClassifier("protonet", tasks="classes", max_epochs=5, random_state=0)
    >>> _ = meta.fit(known.data, known.target)  # doctest: +SKIP
    >>> runs = fetch_omniglot_one_shot_runs()  # doctest: +SKIP
    >>> answers = meta.adapt(  # doctest: +SKIP
    ...     runs.X_support, runs.y_support, groups=runs.groups_support
    ... ).predict(runs.X_query, groups=runs.groups_query)
    >>> bool(np.mean(answers != runs.y_query) < 0.75)  # doctest: +SKIP
    True
    """
    with _open("runs", data_home, download_if_missing) as archive:
        names = archive.namelist()
        sheets = [name for name in names if name.endswith("/class_labels.txt")]
        # A query and its answer: run01/test/item01.png run01/training/class08.png
        lines = b"\n".join(map(archive.read, sheets)).decode().splitlines()
        answers = dict(line.split() for line in lines if line)
        queries, supports = sorted(answers), sorted(answers.values())
        images = _read(archive, supports + queries, image_size, frame)
    return Bunch(
        X_support=images[: len(supports)],
        y_support=np.array([_stem(name) for name in supports]),
        groups_support=np.array([_run(name) for name in supports]),
        X_query=images[len(supports) :],
        y_query=np.array([_stem(answers[name]) for name in queries]),
        groups_query=np.array([_run(name) for name in queries]),
        image_shape=(image_size, image_size),
        DESCR=_DESCR,
    )


def _open(
    part: str, data_home: str | os.PathLike | None, download_if_missing: bool
) -> ZipFile:
    folder = data_folder(data_home, "omniglot")
    return ZipFile(fetch(FILES[part], folder, download_if_missing=download_if_missing))


def _read(
    archive: ZipFile, names: Collection[str], image_size: int, frame: float | None
) -> np.ndarray:
    """Return drawings as rows of ink: (drawings, image_size ** 2), from 0 to 1."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'Omniglot\'s images are read by Pillow: pip install "skmeta[images]"'
        ) from error
    rows = np.empty((len(names), image_size, image_size), dtype=np.float32)
    title = f"read {os.path.basename(str(archive.filename))}"
    bar = tqdm(names, desc=title, unit="image", delay=BAR_DELAY)
    for row, name in zip(rows, bar, strict=True):
        paper = np.asarray(Image.open(io.BytesIO(archive.read(name))), dtype=bool)
        upright, across = (
            _area_means(*window, image_size) for window in _windows(~paper, frame)
        )
        row[:] = upright @ ~paper @ across.T
    return rows.reshape(len(names), -1)


def _windows(ink: np.ndarray, frame: float | None) -> list[tuple[float, float]]:
    """Return which rows and which columns of a drawing the image shows."""
    if frame is None or not ink.any():
        return [(0.0, SIDE)] * 2
    bounds = [np.flatnonzero(ink.any(axis=axis))[[0, -1]] + [0, 1] for axis in (1, 0)]
    side = max(stop - start for start, stop in bounds) / frame
    side = max(side, SIDE / _LARGEST_ZOOM)
    return [((sum(b) - side) / 2, (sum(b) + side) / 2) for b in bounds]


@lru_cache
def _area_means(start: float, stop: float, n_means: int) -> np.ndarray:
    """Return the matrix that averages pixels over equal stretches: (means, pixels).

    Its rows sum to 1 inside the drawing; there is nothing beyond it. A pixel on the
    border of two stretches counts for the share of it that lies in each; Pillow's box
    filter gives such a pixel to one of them.
    """
    borders = np.linspace(start, stop, n_means + 1)[:, None]
    pixel = np.arange(SIDE)
    overlap = np.minimum(borders[1:], pixel + 1) - np.maximum(borders[:-1], pixel)
    return np.maximum(overlap, 0) * n_means / (stop - start)


def _run(name: str) -> str:
    return name.partition("/")[0]


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".png")
