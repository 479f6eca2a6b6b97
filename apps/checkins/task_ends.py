"""What may end a task: for most any outcome, for some of the clocks' own only their act."""

from typing import Final

from apps.checkins.models import CareTask

Kind, Outcome = CareTask.Kind, CareTask.Outcome
# Closed by hand these would end a clock while what it waits for never came.
ENDS_BY: Final[dict[str, str]] = {
    Kind.REVIEW: "Record the review: that closes this task.",
    Kind.REFERRAL: "Write the unit's answer on the referral: that closes this task.",
    Kind.ARRIVAL: "Write on the referral whether the patient arrived: that closes this task.",
    Kind.CARE_LEVEL: "Answer the level-of-care questions: that closes this task.",
    Kind.NEW_PLAN: "Put a plan for the rest in force: that closes this task.",
    Kind.SECOND: "A second prescriber signs the discharge: that closes this task.",
}
OR_OTHERWISE: Final = (
    "Without that, only a prescriber or a clinical lead ends it: choose “Other” and write why."
)
CONTACT_STAYS: Final = (
    "A try without an answer is noted, and the task stays open until somebody was reached."
)


def choices_for(kind: str, *, may_decide: bool) -> list[tuple[str, str]]:
    """Return the outcomes that a person may choose for a task; none where only an act ends it.

    `may_decide` says whether the person is a prescriber or a clinical lead.
    """
    if kind not in ENDS_BY:
        return Outcome.for_people()
    if kind != Kind.REVIEW and may_decide:
        return [(Outcome.OTHER.value, Outcome.OTHER.label)]
    return []


def how_it_ends(kind: str) -> str:
    """Return the sentence that stands beside the field, empty where every outcome ends a task."""
    if kind == Kind.CONTACT:
        return CONTACT_STAYS
    by_act = ENDS_BY.get(kind, "")
    return f"{by_act} {OR_OTHERWISE}" if by_act and kind != Kind.REVIEW else by_act


def stays_open(kind: str, outcome: str) -> bool:
    """Answer whether this outcome is only a try: the first contact is made when one answers."""
    return kind == Kind.CONTACT and outcome == Outcome.NO_ANSWER
