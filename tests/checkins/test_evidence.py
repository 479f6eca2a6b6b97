"""Why a rule fired is told in words: no name of the program's own, no endless number."""

from decimal import Decimal

import pytest

from apps.checkins.evidence import FACT_WORDS, in_words
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.clinical.triage import RULES_BY_ID

DAILY = get_questionnaire("daily", LATEST["daily"])
WEEKLY = get_questionnaire("weekly", LATEST["weekly"])


@pytest.mark.parametrize("name", sorted({n for r in RULES_BY_ID.values() for n in r.reads}))
def test_every_fact_that_a_rule_reads_has_words(name) -> None:
    asked = {item.key for form in (DAILY, WEEKLY) for item in form.items}
    offered = {option.value for item in DAILY.items for option in item.options}
    assert name in asked | offered | FACT_WORDS.keys()
    (said,) = in_words({name: 1}, DAILY)
    assert "_" not in said


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({"seizure": "yes"}, "Did you have a seizure, or pass out and shake? yes"),
        ({"dose_taken_pct": str(Decimal(500) / 9)}, "Taken, per cent of the plan: 55.6"),
        ({"rf_confused": True}, "Very mixed up, not sure where I am or what day it is"),
        ({"fall": False}, "Fell down: no"),
        ({"s_jerks": 3}, "Muscle jerks, twitches, or cramps? 3 bad"),
        ({"epilepsy": True}, "Epilepsy: yes"),
        ({"recent_scores": [12, 20, 30]}, "Scores, the newest last: 12, 20, 30"),
        ({"tier": "high"}, "Seizure risk: high"),
        ({"pregnancy": "not_sure"}, "pregnancy: not sure"),
    ],
)
def test_a_fact_in_words(evidence, words) -> None:
    assert in_words(evidence, DAILY) == [words]
