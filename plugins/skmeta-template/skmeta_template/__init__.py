"""A plugin of skmeta: the hooks, by which names get their classes.

>>> from skmeta import MetaClassifier
>>> MetaClassifier("template", backbone="template-net")
MetaClassifier(algorithm='template', backbone='template-net')
"""

from skmeta import hookimpl

# Version of the hooks that this module is written for: skmeta.API_VERSION of that day.
skmeta_api_version = (1, 0)


@hookimpl
def skmeta_algorithms() -> dict[str, type]:
    """Offer algorithms; imported here, so that nobody pays for what is not used."""
    from skmeta_template.algorithm import Template

    return {"template": Template}


@hookimpl
def skmeta_backbones() -> dict[str, type]:
    """Offer backbones."""
    from skmeta_template.backbone import TemplateNet

    return {"template-net": TemplateNet}


@hookimpl
def skmeta_distances() -> dict[str, type]:
    """Offer distances."""
    from skmeta_template.distance import TemplateDistance

    return {"template-distance": TemplateDistance}
