"""What the rules have to say about a plan, each under the id of its rule.

A finding never changes a dose. It names the step, the size, the rule and where
the rule comes from, so that a reader can check it without this program.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType


class Level(StrEnum):
    """How much a finding asks of the reader, from reading it to a second signature."""

    NOTE = "note"
    CONFIRM = "confirm"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the taper engine: what it says and where that is written."""

    id: str
    statement: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a reader of the plan must know.

    ``step`` is the step it is about, or None for the whole plan. ``days`` is the
    window it looked at and ``percentage`` the fall in it, where there is one.
    """

    rule: str
    level: Level
    step: int | None
    message: str
    source: str
    days: int | None = None
    percentage: Decimal | None = None


def finding(
    rule: str,
    level: Level,
    message: str,
    *,
    step: int | None = None,
    days: int | None = None,
    percentage: Decimal | None = None,
) -> Finding:
    """Return a finding with the source of its rule filled in."""
    return Finding(rule, level, step, message, RULES[rule].source, days, percentage)


def _rules(*rules: Rule) -> Mapping[str, Rule]:
    return MappingProxyType({rule.id: rule for rule in rules})


_ASAM = "Joint Clinical Practice Guideline (ASAM) 2025"
_ASHTON = "Ashton Manual 2002, ch. II"
_PROPOSAL = "clinic setting proposed by this program, to be signed by a clinician"

RULES = _rules(
    Rule(
        "ASAM-08",
        "A step or 14-day fall over 10 % is above the usual 5 to 10 % every 2 to 4 weeks.",
        f"{_ASAM}, key takeaway 5; recommendation 6",
    ),
    Rule(
        "ASAM-09",
        "A fall over 25 % in any 14 days is blocked until a second prescriber agrees in writing.",
        f"{_ASAM}, key takeaway 5; recommendation 6",
    ),
    Rule(
        "ASAM-10",
        "After less than 3 months of use the usual pace may be passed, the 25 % limit never.",
        f"{_ASAM}, key takeaway 5a",
    ),
    Rule(
        "ASAM-13",
        "A switch works better over one to two weeks than over one to two days.",
        f"{_ASAM}, table 7 notes",
    ),
    Rule(
        "ASAM-17",
        "Going back to the dose before is rare and needs a reason.",
        f"{_ASAM} patient guide, p. 20; conflict C-08",
    ),
    Rule(
        "C-01",
        "At 5 mg diazepam-equivalent or less, a step of 1 mg or less may pass the 25 % limit.",
        f"conflict C-01 of the rule list, {_PROPOSAL}; {_ASHTON}; Maudsley 2024, regimen A",
    ),
    Rule(
        "C-03",
        "Steps under 14 days apart are faster than the usual pace.",
        f"conflict C-03 of the rule list; {_ASAM}, key takeaway 5",
    ),
    Rule(
        "C-05",
        "Sources of equivalence disagree; a person decides the dose.",
        f"conflict C-05 of the rule list; {_ASAM}, table 7",
    ),
    Rule(
        "C-09",
        "Where the products are too coarse for a legal step, the plan says so and names ways on.",
        "conflict C-09 of the rule list",
    ),
    Rule(
        "ASH-02",
        "A switch goes one dose at a time and holds the diazepam-equivalent total.",
        f"{_ASHTON}, schedules",
    ),
    Rule(
        "MAU-01",
        "Occupancy is a shape that makes late steps small, not a measured quantity.",
        "Maudsley Deprescribing Guidelines 2024, ch. 3; doubt in section E2 of the rule list",
    ),
    Rule(
        "GOAL",
        "A plan ends at its goal or says why not.",
        "design, section 4",
    ),
    Rule(
        "ROUNDED",
        "A dose a person typed that cannot be made moves down to the nearest that can.",
        "design, section 4",
    ),
    Rule(
        "STOCK",
        "A product that is not on the list, or not scored for its part, is pointed out.",
        "product list (RxNorm; drug list, column divisible_note)",
    ),
    Rule(
        "TENFOLD",
        "A daily dose ten times the usual asks to be confirmed.",
        _PROPOSAL,
    ),
)
