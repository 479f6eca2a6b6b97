"""What another threshold would have made of a check-in. Pure: nothing is stored or changed.

Only rules that count something of the score can be tried. Red flags are not among them:
they fire on a single answer, and no number can make them fire later. The numbers in force
are those of triage_rules.csv; a changed one is for trying only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from apps.clinical.scoring import dws, items_at
from apps.clinical.triage import RULES_BY_ID, Level

WORST: Final = 4


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number in a rule that can be tried with another value.

    ``fires`` takes the sum of the answered items, None when none was answered, how many
    items are rated 4, and the number.
    """

    rule_id: str
    label: str
    present: int
    lowest: int
    highest: int
    fires: Callable[[int | None, int, int], bool]


THRESHOLDS: Final[Mapping[str, Threshold]] = {
    each.rule_id: each
    for each in (
        Threshold(
            "U12_SCORE_HIGH", "Score of at least", 28, 1, 40,
            lambda total, worst, number: total is not None and total >= number,
        ),
        Threshold(
            "U15_TWO_ITEMS_4", "Items rated 4, at least", 2, 1, 10,
            lambda total, worst, number: worst >= number,
        ),
        # Its upper end, 28, is where U12 begins in the table.
        Threshold(
            "W18_SCORE_MID", "Score of at least", 16, 1, 27,
            lambda total, worst, number: total is not None and number <= total < 28,
        ),
    )
}  # fmt: skip


def level_with(
    rule_id: str,
    number: int,
    *,
    answers: Mapping[str, object],
    fired: Iterable[str],
) -> Level:
    """Return the level a check-in would have had with another number in one rule.

    Every other rule stays as it fired. Raises `KeyError` for a rule that cannot be tried.
    """
    threshold = THRESHOLDS[rule_id]
    rules = {each for each in fired if each != rule_id}
    score = dws(answers)
    # What was answered counts although an item is missing, as it does in triage.
    if threshold.fires(score.total if score else None, items_at(answers, WORST) or 0, number):
        rules.add(rule_id)
    levels = [RULES_BY_ID[each].level for each in rules if each in RULES_BY_ID]
    return max(levels, default=Level.NONE)
