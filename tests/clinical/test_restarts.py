"""What a check-in after the last dose says of a sedative that is taken again."""

import pytest

from apps.clinical.restarts import tells_of_taking


@pytest.mark.parametrize(
    ("answers", "tells"),
    [
        ({"other_drugs": "other_sedative"}, True),
        ({"other_drugs": "street"}, True),
        ({"other_drugs": "opioid"}, False),
        ({"other_drugs": "none", "dose_taken": "took_extra"}, True),
        ({"dose_taken": "stopped"}, False),
        ({"new_meds_list": "Ambien 10 mg"}, True),
        ({"new_meds_list": "ibuprofen\nsome Xanax"}, True),
        ({"new_meds_list": "ibuprofen"}, False),
        ({}, False),
    ],
)
def test_each_question_that_tells_of_taking_counts(answers, tells) -> None:
    assert tells_of_taking(answers) is tells
