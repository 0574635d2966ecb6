"""Where the pages of public classes are, for the "?" of their diagrams."""

from sklearn.base import BaseEstimator

__all__ = ["SITE", "DocLinkMixin"]

SITE = "https://skmeta.readthedocs.io/en/stable"


class DocLinkMixin(BaseEstimator):
    """Lets the "?" of an estimator's HTML repr lead to its page of the reference.

    A class of skmeta has its page under the room that lists it: those of
    ``skmeta.estimators`` under ``skmeta`` itself. A class of a plugin has no link.
    """

    _doc_link_module = "skmeta"
    _doc_link_template = SITE + "/api/{page}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        _, room, *_ = type(self).__module__.split(".")
        home = "skmeta" if room == "estimators" else f"skmeta.{room}"
        return {"page": f"{home}.{type(self).__name__}"}
