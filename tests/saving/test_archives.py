"""An archive of skops is refused where it would harm who reads or uses it."""

import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EmpiricalCovariance
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from sklearn.svm import SVC, SVR

from skmeta.exceptions import LoadError, SaveError
from skmeta.saving import plain
from skmeta.saving.archives import _check_array, check_archive, check_built

rng = np.random.default_rng(0)
X = np.c_[rng.normal(size=(60, 3)), rng.integers(0, 5, 60)]
Y = X[:, 0] + 5 * np.isin(X[:, 3], (1, 4))


def boosting():
    model = HistGradientBoostingRegressor(
        max_iter=3, min_samples_leaf=5, categorical_features=[3], random_state=0
    )
    return model.fit(X, Y)


def rewritten(data, change=None, compression=zipfile.ZIP_STORED, files=()):
    """Write an archive anew, with another schema or other files."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content["schema.json"])
    if change is not None:
        change(schema)
    content["schema.json"] = json.dumps(schema).encode()
    content |= dict(files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return buffer.getvalue()


def nodes(value):
    if isinstance(value, dict):
        yield value
        value = value.values()
    elif not isinstance(value, list):
        return
    for each in value:
        yield from nodes(each)


def made_by(schema, loader):
    return [each for each in nodes(schema) if each.get("__loader__") == loader]


@pytest.mark.parametrize(
    "model",
    [
        boosting(),
        SVC().fit(X, Y > 0),
        SVC(kernel="precomputed").fit(X @ X.T, Y > 0),
        SVR().fit(X, Y),
        KNeighborsRegressor(3, algorithm="brute").fit(X, Y),
        BaggingRegressor(Ridge(), 3, random_state=np.random.RandomState(0)).fit(X, Y),
    ],
    ids=lambda model: str(model)[:20],
)
def test_what_is_whole_comes_back(model):
    again = plain._load(plain._dump(model, [], "model"), [])
    rows = X @ X.T if getattr(model, "kernel", None) == "precomputed" else X
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))


@pytest.mark.parametrize(
    ("field", "value"),
    [("left", 0), ("right", 10**6), ("feature_idx", 4), ("feature_idx", -1)],
)
def test_a_tree_that_leads_nowhere_is_refused(field, value):
    """Such a prediction reads beyond an array, or never ends."""
    model = boosting()
    tree = model._predictors[1][0]
    check_built(model)
    tree.nodes[field][np.flatnonzero(tree.nodes["is_leaf"] == 0)[0]] = value
    with pytest.raises(LoadError, match="tree that leads nowhere"):
        check_built(make_pipeline(StandardScaler(), model))


def test_a_category_without_a_set_is_refused():
    model = boosting()
    tree = model._predictors[0][0]
    assert tree.nodes["is_categorical"].any()
    tree.nodes["bitset_idx"] = 7
    with pytest.raises(LoadError, match="tree that leads nowhere"):
        check_built(model)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_n_support", np.array([2**20, 2**20], dtype=np.int32)),
        ("_dual_coef_", np.zeros((1, 2))),
        ("_intercept_", np.zeros(0)),
        ("support_vectors_", np.zeros((2, 2))),
        ("_probA", np.zeros(2)),
    ],
)
def test_support_vectors_that_are_not_there_are_refused(name, value):
    model = SVC().fit(X, Y > 0)
    check_built(model)
    setattr(model, name, value)
    with pytest.raises(LoadError, match="support vectors"):
        check_built(model)


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), np.zeros((60, 3)), np.zeros(4)])
def test_neighbours_that_are_not_there_are_refused(rows):
    """The process would divide by their number."""
    model = KNeighborsRegressor(3, algorithm="brute").fit(X, Y)
    check_built(model)
    model._fit_X = rows
    with pytest.raises(LoadError, match="neighbours"):
        check_built(model)


def seeded(position=None, name=None):
    """Return an archive whose RandomState is in another state."""

    def change(schema):
        (state,) = made_by(schema, "RandomStateNode")
        own = state["content"]["content"]
        if position is not None:
            own["state"]["content"]["pos"]["content"] = json.dumps(position)
        if name is not None:
            own["bit_generator"]["content"] = json.dumps(name)

    model = Ridge(random_state=np.random.RandomState(0)).fit(X, Y)
    return rewritten(skops.io.dumps(model), change)


@pytest.mark.parametrize("position", [-1, 625, 2**30, 1.5, "1"])
def test_a_position_beyond_the_random_numbers_is_refused(position):
    """The process would crash with the first number that is drawn."""
    check_archive(seeded(624))
    with pytest.raises(LoadError, match="RandomState"):
        check_archive(seeded(position))


def test_no_other_node_takes_the_place_of_a_position_that_was_checked():
    def change(schema):
        (state,) = made_by(schema, "RandomStateNode")
        position = state["content"]["content"]["state"]["content"]["pos"]
        position["__id__"] = 1
        far = {**position, "content": "1073741824"}
        schema["content"]["content"] = {"far": far, **schema["content"]["content"]}
        types = schema["content"]["key_types"]["content"]
        types.append(types[0])

    model = Ridge(random_state=np.random.RandomState(0)).fit(X, Y)
    data = rewritten(skops.io.dumps(model), change)
    again = skops.io.loads(check_archive(data))
    assert again.far == 2**30
    assert again.random_state.get_state(legacy=False)["state"]["pos"] == 624


def test_random_numbers_of_another_sort_are_refused():
    with pytest.raises(LoadError, match="RandomState"):
        check_archive(seeded(name="Philox"))

    def change(schema):
        (drawn,) = made_by(schema, "RandomGeneratorNode")
        drawn["content"]["seed_seq"]["content"]["pool_size"]["content"] = "1000000000"

    data = skops.io.dumps(boosting())
    check_archive(data)
    with pytest.raises(LoadError, match="random numbers"):
        check_archive(rewritten(data, change))


@pytest.mark.parametrize("module", ["_loss", "sklearn._loss._loss"])
def test_losses_are_read_by_the_name_they_have_in_another_scikit_learn(module):
    model = boosting()

    def change(schema, name="CyHalfSquaredError"):
        for node in made_by(schema, "LossNode"):
            node.update({"__module__": module, "__class__": name})

    data = skops.io.dumps(model)
    again = plain._load(np.frombuffer(rewritten(data, change), dtype=np.uint8), [])
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if module == "_loss":  # and nothing else comes from a module of that name
        foreign = rewritten(data, lambda schema: change(schema, "system"))
        with pytest.raises(LoadError, match=r"_loss\.system"):
            check_archive(foreign)


def test_an_archive_that_unpacks_to_more_than_itself_is_refused():
    data = skops.io.dumps(Ridge().fit(X, Y))
    packed = rewritten(data, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(LoadError, match="larger than the file"):
        check_archive(packed)


def test_an_array_that_says_it_is_huge_is_refused():
    data = skops.io.dumps(Ridge().fit(X, Y))
    head = io.BytesIO()
    huge = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(head, huge)
    schema = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("schema.json"))
    name = made_by(schema, "NdArrayNode")[0]["file"]
    with pytest.raises(LoadError, match="larger than itself"):
        check_archive(rewritten(data, files={name: head.getvalue()}))


def test_an_array_of_many_owners_is_refused():
    wide = Ridge().fit(rng.normal(size=(9, 1000)), np.arange(9.0))

    def change(schema):
        (own, *_) = made_by(schema, "NdArrayNode")
        own.pop("__id__")
        schema["content"]["content"]["again"] = own

    data = skops.io.dumps(wide)
    check_archive(data)
    with pytest.raises(LoadError, match="twice"):
        check_archive(rewritten(data, change))


def test_a_pipeline_does_not_cache_where_a_file_says(tmp_path):
    """A cache is a folder of pickles, which the next fit would read."""
    pipe = make_pipeline(StandardScaler(), Ridge(), memory=str(tmp_path))
    pipe.fit(X, Y)
    again = plain._load(plain._dump(pipe, [], "pipe"), [])
    assert again.memory is None
    np.testing.assert_array_equal(again.predict(X), pipe.predict(X))


def test_estimators_that_are_not_listed_are_refused():
    model = KMeans(2, n_init=1).fit(X)
    with pytest.raises(LoadError, match=r"not trusted: sklearn\.cluster"):
        check_archive(skops.io.dumps(model))
    with pytest.raises(SaveError, match="cannot bring"):
        plain._dump(model, [], "model")


def test_nothing_calls_a_method():
    def change(schema):
        schema["__loader__"] = "MethodNode"

    with pytest.raises(LoadError, match="not trusted"):
        check_archive(rewritten(skops.io.dumps(Ridge()), change))


@pytest.mark.parametrize(
    "estimator",
    [
        CalibratedClassifierCV(Ridge()),
        ColumnTransformer([("scaled", StandardScaler(), [0])]),
        DummyClassifier(),
        EmpiricalCovariance(),
        FrozenEstimator(Ridge()),
        GaussianNB(),
        GaussianProcessRegressor(),
        GaussianRandomProjection(),
        GridSearchCV(Ridge(), {"alpha": [1.0]}),
        HistGradientBoostingRegressor(),
        IsotonicRegression(),
        KernelRidge(),
        KNeighborsRegressor(),
        LinearDiscriminantAnalysis(),
        MLPRegressor(),
        MultiOutputRegressor(Ridge()),
        Nystroem(),
        OneVsRestClassifier(Ridge()),
        PCA(),
        PLSRegression(),
        make_pipeline(Ridge()),
        SelectKBest(),
        SimpleImputer(),
        SVR(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimators_of_every_listed_room_are_taken(estimator):
    again = skops.io.loads(
        check_archive(data := skops.io.dumps(estimator)),
        trusted=skops.io.get_untrusted_types(data=data),
    )
    assert repr(again) == repr(estimator)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("array", [np.ones((2, 3)), np.empty((0, 4)), np.array(1)])
def test_an_array_is_as_large_as_its_header_says(version, array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    data = buffer.getvalue()
    _check_array(data)
    if array.size:
        with pytest.raises(LoadError, match="larger than itself"):
            _check_array(data[:-1])
