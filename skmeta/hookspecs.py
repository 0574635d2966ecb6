"""What a plugin may offer: one hook per kind of thing that has a name.

A plugin is a module (or any object) whose functions carry the mark
``hookimpl``. It becomes known through an entry point in the group
``skmeta`` of its distribution:

.. code-block:: toml

    [project.entry-points.skmeta]
    acme = "skmeta_acme"

The entry point's own name is free. The names that users write,
``MetaClassifier("acme")``, are the keys of the dictionaries that the hooks
return. A hook takes no argument; a plugin writes those it needs, and it says which
version of this page it was written for::

    from skmeta import hookimpl

    skmeta_api_version = (1, 0)


    @hookimpl
    def skmeta_algorithms():
        from skmeta_acme.algorithm import Acme

        return {"acme": Acme}

Nothing of a plugin is imported until a look-up needs it, and a hook is called once, at
the first look-up of its kind: import what is slow inside it.

Except for datasets, a name stands for a *class* that must be usable without arguments:
the name means an instance with the default hyperparameters. Each is a
:class:`sklearn.base.BaseEstimator` as far as hyperparameters go: ``__init__`` takes
each by name with a default, stores it under that name as it is given, and does no more,
so that ``get_params``, ``clone`` and grids work. Check values where they are used, in
``build`` or ``augment``, and raise a ValueError that names the parameter. Classes stand
at the top of a module, for a fitted learner must survive a pickle. The first line of
the docstring is what ``python -m skmeta plugins`` shows.

A name is any text without a colon. Choose one that no built-in has: a built-in wins,
and yours is then reached as ``"skmeta-acme:name"`` only.

:mod:`skmeta.testing` checks each contract, and so does ``python -m skmeta plugins
--check NAME``; ``python -m skmeta new-plugin NAME`` writes a package to begin with.
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

PROJECT = "skmeta"
"""The name of the entry point group and of the pluggy project."""

API_VERSION = (1, 0)
"""Version of the contracts below, (major, minor).

The major number grows when a plugin has to be changed, the minor one when something is
added that it may use. A plugin says what it was written for by an attribute
``skmeta_api_version`` beside its hooks, (1, 0) if it has none, and is loaded where the
major number is the same and its minor number is not above this one. Else it is left out
with a message that says which of the two needs a newer release.
"""

KINDS = {
    "algorithm": "skmeta_algorithms",
    "backbone": "skmeta_backbones",
    "distance": "skmeta_distances",
    "augmentation": "skmeta_augmentations",
    "dataset": "skmeta_datasets",
}
"""The kinds of names and, for each, the hook that offers them."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def skmeta_algorithms() -> dict[str, type]:
    """Offer meta-learning algorithms.

    Returns
    -------
    algorithms : dict of str to type
        Subclasses of :class:`skmeta.algorithms.Algorithm` by the name that
        users give as ``algorithm``. An algorithm holds no state of its own and treats
        a whole batch of tasks at once, without a loop over them:

        - ``build(backbone, spec)`` returns the :class:`torch.nn.Module` that is
          meta-learnt; its network, ``backbone.build(spec.n_features)``, is its
          ``backbone``. ``spec`` has ``n_features``, ``n_outputs`` (0 where labels are
          per task), ``kind``, ``label_space`` and ``n_train_classes``;
        - ``adapt(module, support)`` returns the state of every task, a pytree
          of tensors whose leading axis is the task, and leaves the module's
          parameters as they were;
        - ``predict(module, state, X)`` returns logits or regression values,
          shape (tasks, rows, outputs), ``-inf`` for a class that a task lacks; it
          reads the values of the state alone, which may have been laid out anew;
        - ``meta_loss(module, episode)`` and ``meta_backward(module, episode)``
          have defaults that suit most methods.

        A support is a padded batch: ``X`` (tasks, rows, features), ``y`` (tasks, rows)
        class codes or values, ``mask`` (tasks, rows), False on padding, and
        ``n_classes`` (tasks,). The class attributes ``kinds`` and ``label_spaces`` say
        what it learns, ``uses_row_order`` and ``has_prior`` what it cannot do without.
        Of several targets it gets one at a time, and ``build`` is called once for each
        with a backbone that hands out the same network, unless its attribute
        ``several_targets`` is False.

    See Also
    --------
    skmeta.testing.check_algorithm : The laws that it must keep.

    Examples
    --------
    In a plugin::

        @hookimpl
        def skmeta_algorithms():
            from skmeta_acme.algorithm import Acme

            return {"acme": Acme}
    """


@hookspec
def skmeta_backbones() -> dict[str, type]:
    """Offer networks that turn features into an embedding.

    Returns
    -------
    backbones : dict of str to type
        Subclasses of :class:`skmeta.backbones.Backbone` by the name that users give as
        ``backbone``. ``build(n_features)`` returns a new :class:`torch.nn.Module` that
        maps (rows, n_features) to (rows, out_features) and says that width in its
        attribute ``out_features``. Where it can be built for one number of features
        alone, as for images of a size, the class has ``takes_any_width = False``.

        The network treats every row by itself and draws at random in training mode
        only. It is called with weights of its own for every task as well, through
        :func:`torch.func.vmap` unless all its layers are of :mod:`skmeta.nn`: no
        ``.item()``, no branch on a value, nothing changed in place. A layer from
        :mod:`skmeta.nn` takes a leading task axis as it is.

    See Also
    --------
    skmeta.testing.check_backbone : The laws that it must keep.

    Examples
    --------
    In a plugin::

        class AcmeNet(Backbone):
            def __init__(self, width=32):
                self.width = width

            def build(self, n_features):
                network = nn.Sequential(Linear(n_features, self.width), nn.SiLU())
                network.out_features = self.width
                return network


        @hookimpl
        def skmeta_backbones():
            return {"acme-net": AcmeNet}
    """


@hookspec
def skmeta_distances() -> dict[str, type]:
    """Offer distances between embeddings.

    Returns
    -------
    distances : dict of str to type
        Subclasses of :class:`skmeta.distances.Distance` by the name that users give as
        ``distance``. ``build(n_features)`` returns a callable that maps ``a`` of shape
        (..., n, n_features) and ``b`` of shape (..., m, n_features) to the distances
        (..., n, m): not negative, smaller meaning more alike, the smallest of a row to
        itself. It is a module where it has parameters to learn, a function at the top
        of a file else. Its gradient is finite everywhere, also where ``a`` and ``b``
        coincide: clamp before a root. ``is_squared = True`` says that the square root
        of what it returns is a distance.

    See Also
    --------
    skmeta.testing.check_distance : The laws that it must keep.

    Examples
    --------
    In a plugin::

        class Chebyshev(Distance):
            def build(self, n_features):
                return _largest_difference


        def _largest_difference(a, b):
            return (a.unsqueeze(-2) - b.unsqueeze(-3)).abs().amax(-1)


        @hookimpl
        def skmeta_distances():
            return {"chebyshev": Chebyshev}
    """


@hookspec
def skmeta_augmentations() -> dict[str, type]:
    """Offer task augmentations.

    Returns
    -------
    augmentations : dict of str to type
        Subclasses of :class:`skmeta.augmentations.Augmentation` by the name that users
        give as ``augment``. ``augment(episode, spec, rng)`` returns a changed
        episode and leaves the given one as it is; it keeps the shapes, the masks and
        the zeros on padding, changes support and query of a task alike, and draws from
        ``rng`` alone. Where it makes new training classes, ``n_train_classes`` says how
        many there are then. The class attributes ``kinds`` and ``label_spaces`` say
        what it suits, ``several_targets`` whether targets may have an axis more.

    See Also
    --------
    skmeta.testing.check_augmentation : The laws that it must keep.

    Examples
    --------
    In a plugin::

        class SignFlip(Augmentation):
            def augment(self, episode, spec, rng):
                shape = (len(episode.support.X), 1, spec.n_features)
                sign = torch.randint(2, shape, generator=rng) * 2.0 - 1.0
                return Episode(*(part._replace(X=sign * part.X) for part in episode))


        @hookimpl
        def skmeta_augmentations():
            return {"sign-flip": SignFlip}
    """


@hookspec
def skmeta_datasets() -> dict[str, Callable]:
    """Offer meta-datasets.

    Returns
    -------
    datasets : dict of str to callable
        Functions by the name that users give to :func:`skmeta.datasets.load`. A
        function takes keyword arguments, all with defaults, and returns ``X`` (array,
        sparse matrix or DataFrame of shape (rows, features)), ``y`` (rows,) and
        ``groups`` (rows,), the task of each row. The same arguments give the same
        data; where they are drawn at random, by ``random_state``. What it downloads it
        keeps, checked by a checksum, in the folder that the environment variable
        SKMETA_DATA names, by default ``~/skmeta_data``.

    See Also
    --------
    skmeta.testing.check_dataset : The laws that it must keep.

    Examples
    --------
    In a plugin::

        def load_acme(*, random_state=0):
            ...
            return X, y, groups


        @hookimpl
        def skmeta_datasets():
            return {"acme-sales": load_acme}
    """
