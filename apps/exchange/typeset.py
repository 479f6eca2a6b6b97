"""Typst documents to PDF: tagged (PDF/UA-1), offline, with the fonts of the wheel.

Data go in as JSON and come out as text: a document never runs what a person typed.
"""

import json
from pathlib import Path
from typing import Any, Final

import typst

FOLDER: Final = Path(__file__).resolve().parent / "typst"


# A name in a script the wheel has no letters for must not stop a paper: then the machine's
# own fonts are asked, and at last it is printed with boxes for the letters nobody has.
WAYS: Final[tuple[dict[str, Any], ...]] = (
    {"pdf_standards": ["ua-1"], "ignore_system_fonts": True},
    {"pdf_standards": ["ua-1"], "ignore_system_fonts": False},
    {"ignore_system_fonts": False},
)


def pdf(name: str, data: dict[str, Any]) -> bytes:
    """Return the document `name`.typ filled with `data`; some tens of milliseconds.

    Raises `typst.TypstError` only when the document itself is wrong.
    """
    for way in WAYS[:-1]:
        try:
            return compiled(name, data, way)
        except typst.TypstError as error:
            if "could not be displayed" not in str(error):
                raise
    return compiled(name, data, WAYS[-1])


def compiled(name: str, data: dict[str, Any], way: dict[str, Any]) -> bytes:
    """Return the document, typeset in one of the ways above."""
    made = typst.compile(
        str(FOLDER / f"{name}.typ"),
        root=str(FOLDER),
        format="pdf",
        sys_inputs={"data": json.dumps(data)},
        **way,
    )
    return bytes(made)
