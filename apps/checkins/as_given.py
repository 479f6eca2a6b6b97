"""A check-in as staff read it: question and answer in words, as they were given."""

from typing import Any

from apps.checkins.evidence import in_words, option_label
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import get_questionnaire, missing_mandatory
from apps.clinical.triage import Level


def answer_rows(check_in: CheckIn) -> list[dict[str, Any]]:
    """Return question and answer in words, in page order, the ones that fired rules marked."""
    questionnaire = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    red = {name for finding in check_in.triage.fired for name in finding["evidence"]}
    rows = []
    for item in questionnaire.items:
        if item.key in check_in.answers:
            given = check_in.answers[item.key]
            values = given if isinstance(given, list) else [given]
            rows.append(
                {
                    "key": item.key,
                    "label": item.wording["en"],
                    "value": ", ".join(option_label(item, value) for value in values),
                    "red": item.key in red or any(str(value) in red for value in values),
                }
            )
    return rows


def unanswered(check_in: CheckIn) -> list[str]:
    """Return the mandatory questions that have no answer, in words."""
    if check_in.is_complete:  # some were not asked of somebody who takes none any more
        return []
    questionnaire = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    missing = missing_mandatory(questionnaire, check_in.answers)
    return [questionnaire.item(key).wording["en"] for key in missing]


def fired_rows(check_in: CheckIn) -> list[dict[str, Any]]:
    """Return every fired rule, most severe first, with its evidence in words."""
    order = [level.value for level in reversed(Level)]
    questionnaire = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    return [
        {**finding, "evidence": in_words(finding["evidence"], questionnaire)}
        for finding in sorted(check_in.triage.fired, key=lambda f: order.index(f["level"]))
    ]
