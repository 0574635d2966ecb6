"""Files as those of Omniglot, of few drawings and small enough to serve in a test."""

import io
from zipfile import ZipFile

from PIL import Image

CELL = 15  # a made-up character inks one cell of 15 x 15 pixels, of 7 x 7 cells
ALPHABETS = {"Elvish": 0, "Klingon_(pIqaD)": 10}  # and the cell of its first character


def png(cell):
    """Draw a character as the official files have it: one bit, black ink on white."""
    paper = Image.new("1", (105, 105), 1)
    row, column = divmod(cell, 7)
    x, y = CELL * column, CELL * row
    paper.paste(0, (x, y, x + CELL, y + CELL))
    file = io.BytesIO()
    paper.save(file, "PNG")
    return file.getvalue()


def drawings(alphabet):
    """Return three drawings, in no order, of each of an alphabet's two characters."""
    return {
        f"images/{alphabet}/character{c + 1:02}/{c:04}_{d:02}.png": png(
            ALPHABETS[alphabet] + c
        )
        for c in (1, 0)
        for d in (2, 10, 1)
    }


def write_zip(path, members):
    with ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def two_runs():
    """Return the members of the archive of the one-shot test, of two runs."""
    members = {}
    for run in (1, 2):
        sheet = []
        for item in range(20):
            cls = (7 * item + run) % 20
            query = f"run0{run}/test/item{item + 1:02}.png"
            support = f"run0{run}/training/class{cls + 1:02}.png"
            members[query] = members[support] = png(cls + 5 * run)
            sheet.append(f"{query} {support}\n")
        members[f"run0{run}/class_labels.txt"] = "".join(sheet)
    return members
