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
    Kind.NEW_PLAN: (
        "Put a plan for the rest in force, or record under “Care” which doctor gives it on: that "
        "closes this task. Closed otherwise it is asked again after a week, for as long as some "
        "is taken that no plan gives."
    ),
    Kind.SECOND: "A second prescriber signs the discharge: that closes this task.",
}
# Tasks of the year after have one kind and are told apart by their words.
SILENT: Final = "Two check-ins in a row were missed after the last dose: get in touch"
SILENT_AGAIN: Final = "Two check-ins in a row were missed while some is taken again: get in touch"
SILENCE: Final = (SILENT, SILENT_AGAIN)
TOLD_OFF: Final = "Another benzodiazepine or Z-drug was told off the intake: ask how it was stopped"
BESIDE: Final = (
    "Another benzodiazepine or Z-drug is still taken, by the intake: plan it, or correct the intake"
)
# Of another drug than the plan's: these wait beside what else aftercare calls for.
OF_ANOTHER_DRUG: Final = (BESIDE, TOLD_OFF)
NO_PLAN: Final = "Some is taken that no plan gives: make a plan, or record which doctor gives it on"
NEW_TAPER: Final = "Make the new plan to taper that was agreed"
ENDS_BY_WORDS: Final[dict[str, str]] = {
    BESIDE: (
        "A plan for this drug, or an intake that tells it off, closes this task; closed otherwise "
        "it is asked again after a week, for as long as the intake tells of the drug."
    ),
    NEW_TAPER: (
        "Put the new plan in force: that closes this task. Closed otherwise it is asked again "
        "after a week, for as long as some is taken."
    ),
    TOLD_OFF: "A prescriber writes how the drug was stopped: that closes this task.",
}
OR_OTHERWISE: Final = (
    "Without that, only a prescriber or a clinical lead ends it: choose “Other” and write why."
)
# The patient has to be reached: reading or arranging something is no contact (INP-09).
REACHES: Final = (Kind.CONTACT, Kind.DAY_MISSED)
REACHED_OR_NOT: Final[list[CareTask.Outcome]] = [Outcome.SPOKE, Outcome.NO_ANSWER]
CONTACT_STAYS: Final = (
    "A try without an answer is noted, and the task stays open until somebody was reached."
)
SAY_WHETHER: Final = (
    f"Say whether the patient was reached. {CONTACT_STAYS} Otherwise only a prescriber or a "
    "clinical lead ends it: choose “Other” and write why."
)


def needs_reaching(kind: str, title: str = "") -> bool:
    """Answer whether only somebody who was reached ends a task of this kind with these words."""
    return kind in REACHES or (kind == Kind.AFTERCARE and title in SILENCE)


def act_that_ends(kind: str, title: str = "") -> str:
    """Return the act that alone ends a task, empty where an outcome does."""
    words = ENDS_BY_WORDS.get(title, "") if kind == Kind.AFTERCARE else ""
    return ENDS_BY.get(kind, words)


def choices_for(kind: str, title: str = "", *, may_decide: bool) -> list[tuple[str, str]]:
    """Return the outcomes that a person may choose for a task; none where only an act ends it.

    `title` is the task's own words, `may_decide` says whether the person is a prescriber or a
    clinical lead.
    """
    reaches = needs_reaching(kind, title)
    if not act_that_ends(kind, title) and not reaches:
        return Outcome.for_people()
    found = REACHED_OR_NOT if reaches else []
    more = [Outcome.OTHER] if may_decide and kind != Kind.REVIEW else []
    return [(each.value, each.label) for each in (*found, *more)]


def how_it_ends(kind: str, title: str = "") -> str:
    """Return the sentence that stands beside the field, empty where every outcome ends a task."""
    if needs_reaching(kind, title):
        return SAY_WHETHER
    by_act = act_that_ends(kind, title)
    return f"{by_act} {OR_OTHERWISE}" if by_act and kind != Kind.REVIEW else by_act


def stays_open(kind: str, outcome: str, title: str = "") -> bool:
    """Answer whether this outcome is only a try: a contact is made when the patient answers."""
    return needs_reaching(kind, title) and outcome == Outcome.NO_ANSWER
