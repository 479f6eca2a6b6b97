"""The pace check: a sliding 14-day window on what the patient really takes."""

from fractions import Fraction

import pytest

from apps.clinical.findings import Level
from apps.clinical.pace import PacePoint, Verdict, check_pace, is_legal, pace_finding


def verdicts(*doses, per_mg=1, **options):
    points = [
        PacePoint(day, Fraction(mg), None if per_mg is None else Fraction(mg) * per_mg)
        for day, mg in doses
    ]
    return [pace.verdict for pace in check_pace(points, **options)]


@pytest.mark.parametrize(
    ("doses", "expected"),
    [
        ([(0, 40), (14, 36)], "ok"),
        ([(0, 40), (14, 35)], "warn"),
        ([(0, 40), (14, 30)], "warn"),
        ([(0, 40), (14, 29)], "block"),
        ([(0, 40), (7, 34), (14, 29)], "block"),
        ([(0, 40), (7, 34), (21, 29)], "warn"),
        ([(0, 40), (1, 38), (2, 36), (3, 34), (4, 32), (5, 30), (6, 28)], "block"),
        ([(0, 5), (14, 4), (28, 3), (42, 2)], "low_dose_exception"),
        ([(0, 4), (14, 2)], "block"),
        ([(0, "5.01"), (14, "3.01")], "block"),
        ([(0, 6), (7, 5), (14, 4)], "block"),
        ([(0, 1), (14, 0)], "low_dose_exception"),
        ([(0, 20), (14, 10), (20, 10)], "ok"),
        ([(0, 20), (14, 10), (20, 15)], "ok"),
        ([(0, 20), (14, 10), (20, 15), (27, 11)], "block"),
    ],
    ids=str,
)
def test_the_last_step_is_judged_against_the_highest_dose_of_14_days(doses, expected):
    assert verdicts(*doses)[-1].value == expected


def test_a_dose_that_ended_exactly_14_days_before_no_longer_counts():
    assert verdicts((0, 40), (7, 34), (21, 29))[-1] is Verdict.WARN
    assert verdicts((0, 40), (7, 34), (20, 29))[-1] is Verdict.BLOCK


def test_the_low_dose_floor_is_the_clinics_setting():
    assert verdicts((0, 3), (14, 2)) == [Verdict.LOW_DOSE_EXCEPTION]
    assert verdicts((0, 3), (14, 2), low_dose_floor_mg=Fraction(2)) == [Verdict.BLOCK]


def test_a_drug_without_an_equivalent_has_no_low_dose_exception():
    assert verdicts((0, 3), (14, 2), per_mg=None) == [Verdict.BLOCK]


def test_short_use_lifts_the_warning_but_never_the_block():
    assert verdicts((0, 40), (14, 30), short_use=True) == [Verdict.OK]
    assert verdicts((0, 40), (14, 29), short_use=True) == [Verdict.BLOCK]


def test_one_dose_alone_has_nothing_to_judge():
    assert check_pace([PacePoint(0, 40, Fraction(40))]) == ()


def test_percentages_are_shown_to_one_decimal_and_a_rise_as_negative():
    points = [PacePoint(day, mg, None) for day, mg in ((0, 32), (14, 30), (28, 36), (42, 0))]
    paces = check_pace(points)
    assert [str(pace.cut_pct) for pace in paces] == ["6.2", "-20.0", "100.0"]
    assert [str(pace.fall_14d_pct) for pace in paces] == ["6.2", "-20.0", "100.0"]


def test_percentages_of_nothing_are_zero():
    paces = check_pace([PacePoint(0, 0, Fraction(0)), PacePoint(14, 0, Fraction(0))])
    assert (str(paces[0].cut_pct), paces[0].verdict) == ("0.0", Verdict.OK)


@pytest.mark.parametrize(
    ("doses", "rule", "level"),
    [
        ([(0, 40), (14, 35)], "ASAM-08", Level.WARN),
        ([(0, 40), (14, 20)], "ASAM-09", Level.BLOCK),
        ([(0, 3), (14, 2)], "C-01", Level.NOTE),
    ],
)
def test_every_breach_has_a_finding_with_rule_days_percentage_and_source(doses, rule, level):
    points = [PacePoint(day, mg, Fraction(mg)) for day, mg in doses]
    pace = check_pace(points)[0]
    found = pace_finding(pace, 2)
    assert (found.rule, found.level, found.step, found.days) == (rule, level, 2, 14)
    assert found.percentage == pace.fall_14d_pct
    assert found.source
    assert str(pace.fall_14d_pct) in found.message


def test_an_ok_step_has_no_finding():
    assert pace_finding(check_pace([PacePoint(0, 40, None), PacePoint(14, 36, None)])[0], 2) is None


@pytest.mark.parametrize("dose", range(41))
@pytest.mark.parametrize("reference", [40, 5, 4])
def test_choosing_a_dose_and_checking_it_follow_the_same_rule(dose, reference):
    if dose >= reference:
        return
    legal = is_legal(dose, reference, reference, Fraction(1))
    assert legal == (verdicts((0, reference), (14, dose)) != [Verdict.BLOCK])
    without = is_legal(dose, reference, reference, None)
    assert without == (verdicts((0, reference), (14, dose), per_mg=None) != [Verdict.BLOCK])
