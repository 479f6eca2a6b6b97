"""Equivalents printed by sources that no switch may be made by (drugs.csv, ``eq10_other``).

They are shown beside the sources a person can choose, so that a reader sees who
disagrees. Only what is plainly written as a number is read as one; every other
remark is carried as its own words.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

OTHER_SOURCES = ("WHO 2009", "NHS Scotland", "ClinCalc")
EVIDENCE = re.compile(r"\s*\[[^\]]*\]")
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
PRINTED = re.compile(
    rf"(?P<source>{'|'.join(OTHER_SOURCES)}):? (?P<mg>{NUMBER})"
    rf"(?: \((?P<low>{NUMBER})-(?P<high>{NUMBER})\))?(?: as quoted by [a-z.]+)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class OtherValue:
    """The milligrams one further source calls equal to 10 mg diazepam, with its range.

    ``low`` and ``high`` equal ``mg`` where the source prints one number.
    """

    source: str
    mg: Decimal
    low: Decimal
    high: Decimal


def other_values(text: str) -> tuple[tuple[OtherValue, ...], tuple[str, ...]]:
    """Return the values written in a cell of ``eq10_other``, and its remarks in words."""
    values, remarks = [], []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        printed = PRINTED.fullmatch(EVIDENCE.sub("", part))
        if printed is None:
            remarks.append(part)
            continue
        mg = printed["mg"]
        low, high = printed["low"] or mg, printed["high"] or mg
        values.append(OtherValue(printed["source"], Decimal(mg), Decimal(low), Decimal(high)))
    return tuple(values), tuple(remarks)
