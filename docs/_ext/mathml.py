"""Formulae as MathML, which browsers draw by themselves: no script, no network."""

from html import escape

from latex2mathml.converter import convert


def _inline(translator, node):
    translator.body.append(convert(node.astext()))
    raise _skip()


def _block(translator, node):
    formula = convert(_without_line_ends(node.astext()), display="block")
    label = f' id="{escape(node["ids"][0])}"' if node.get("ids") else ""
    translator.body.append(f'<div class="math-block"{label}>{formula}</div>\n')
    raise _skip()


def _without_line_ends(latex):
    return " ".join(latex.split())


def _skip():
    from docutils.nodes import SkipNode

    return SkipNode()


def setup(app):
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
