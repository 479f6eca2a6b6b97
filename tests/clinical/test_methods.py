"""The methods: the next dose each one asks for, before tablets and pace have their say."""

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.clinical.errors import RequestError
from apps.clinical.methods import (
    ASHTON_BANDS,
    CKS_BANDS,
    CKS_FASTER_BANDS,
    MAUDSLEY_A_MG,
    MAUDSLEY_B_POINTS,
    MAUDSLEY_C_POINTS,
    PRESETS,
    Custom,
    DoseTable,
    FixedMg,
    Hyperbolic,
    OccupancyPoints,
    PercentOfCurrent,
    PercentOfStart,
    Position,
    dose_for_occupancy,
    micro_taper,
    occupancy,
)


def next_mg(method, current, start=40, goal=0, dze_per_mg=1, asked=None):
    per_mg = None if dze_per_mg is None else Fraction(dze_per_mg)
    now, last = Fraction(str(current)), Fraction(str(asked or current))
    return method.next_mg(Position(now, last, Fraction(str(start)), Fraction(str(goal)), per_mg))


TEN = PercentOfCurrent(Decimal(10))


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (40, 36),
        (36, Fraction(162, 5)),
        (5, Fraction(9, 2)),
        (4, Fraction(7, 2)),
        (2, Fraction(3, 2)),
        (1, 0),
        ("0.5", 0),
    ],
)
def test_percent_of_current_shrinks_with_the_dose_but_not_to_crumbs(current, expected):
    assert next_mg(TEN, current) == expected


def test_percent_of_current_measures_crumbs_in_diazepam():
    assert next_mg(TEN, "0.25", dze_per_mg=20) == Fraction("0.225")
    assert next_mg(TEN, "0.05", dze_per_mg=20) == 0


def test_percent_of_current_of_a_drug_without_equivalent_is_plain_percent():
    assert next_mg(TEN, 1, dze_per_mg=None) == Fraction("0.9")


def test_the_final_jump_goes_to_the_goal():
    assert next_mg(TEN, 1, goal="0.5") == Fraction(1, 2)


def test_percent_of_start_cuts_the_same_each_time():
    assert next_mg(PercentOfStart(Decimal(10)), 36) == 32
    assert next_mg(PercentOfStart(Decimal(10)), 32) == 28


def test_fixed_milligrams_cut_the_same_each_time():
    assert next_mg(FixedMg(Decimal("0.5")), 3) == Fraction("2.5")


def test_hyperbolic_steps_are_equal_in_occupancy_and_end_at_the_goal():
    doses = [Fraction(40)]
    while doses[-1] > 5:
        doses.append(next_mg(Hyperbolic(8), doses[-1], goal=5))
    falls = [occupancy(a) - occupancy(b) for a, b in itertools.pairwise(doses)]
    assert len(doses) == 9
    assert doses[-1] == 5
    assert len(set(falls)) == 1


def test_hyperbolic_cuts_get_smaller_in_milligrams():
    doses = [Fraction(40)]
    while doses[-1] > 0:
        doses.append(next_mg(Hyperbolic(10), doses[-1]))
    cuts = [a - b for a, b in itertools.pairwise(doses)]
    assert cuts == sorted(cuts, reverse=True)


@pytest.mark.parametrize("method", [Hyperbolic(8), DoseTable((Decimal(1),)), OccupancyPoints(1)])
def test_occupancy_needs_an_equivalent(method):
    with pytest.raises(RequestError, match="must not be converted"):
        next_mg(method, 3, dze_per_mg=None)


def test_occupancy_goes_through_the_equivalent_for_other_drugs():
    assert next_mg(DoseTable(MAUDSLEY_A_MG), 3, dze_per_mg=20) == Fraction(55, 20)


def test_a_table_is_taken_up_from_wherever_the_patient_stands():
    assert next_mg(DoseTable(MAUDSLEY_A_MG), 42) == 40
    assert next_mg(DoseTable(MAUDSLEY_A_MG), 40) == 36
    assert next_mg(DoseTable(MAUDSLEY_A_MG), "0.5") == 0


def test_a_dose_asked_for_but_rounded_up_is_not_asked_for_again():
    assert next_mg(DoseTable(MAUDSLEY_A_MG), "36.5", asked=36) == 32


def test_maudsley_a_has_the_printed_rows_and_largest_fall():
    falls = [
        occupancy(Fraction(a)) - occupancy(Fraction(b))
        for a, b in itertools.pairwise(MAUDSLEY_A_MG)
    ]
    assert len(MAUDSLEY_A_MG) == 24
    assert max(falls) <= 5


@pytest.mark.parametrize(
    ("points", "largest", "rows"), [(MAUDSLEY_B_POINTS, "2.5", 44), (MAUDSLEY_C_POINTS, "1.3", 86)]
)
def test_maudsley_b_and_c_keep_their_largest_fall_and_number_of_rows_from_60_mg(
    points, largest, rows
):
    assert points <= Fraction(largest)
    doses = [Fraction(60)]
    while doses[-1] > 0:
        doses.append(next_mg(OccupancyPoints(points), doses[-1], start=60))
    assert len(doses) == rows


@pytest.mark.parametrize(
    ("bands", "current", "expected"),
    [
        (ASHTON_BANDS, 60, 54),
        (ASHTON_BANDS, 40, 38),
        (ASHTON_BANDS, 21, 19),
        (ASHTON_BANDS, 20, 19),
        (ASHTON_BANDS, 1, 0),
        (CKS_BANDS, 40, 38),
        (CKS_BANDS, 20, 19),
        (CKS_BANDS, 10, 9),
        (CKS_BANDS, 5, Fraction(9, 2)),
        (CKS_FASTER_BANDS, 40, 36),
        (CKS_FASTER_BANDS, 20, 18),
        (CKS_FASTER_BANDS, 5, 4),
    ],
)
def test_bands_cut_by_where_the_dose_stands(bands, current, expected):
    assert next_mg(bands, current) == expected


def test_typed_doses_go_on_below_the_present_one():
    typed = Custom((Decimal(30), Decimal(20), Decimal(20), Decimal(5)))
    assert next_mg(typed, 25) == 20
    assert next_mg(typed, 20) == 5
    assert next_mg(typed, 5, goal=2) == 2


def test_occupancy_and_its_inverse_agree_with_the_fitted_curve():
    assert occupancy(Fraction("24.7")) == 50
    assert dose_for_occupancy(Fraction(50)) == Fraction("24.7")
    assert dose_for_occupancy(occupancy(Fraction(17))) == 17


def test_the_micro_taper_rounds_as_the_book_does():
    assert micro_taper(Decimal(60), Decimal(56), 14) == (Decimal("0.3"), Decimal("0.15"))


def test_every_preset_names_its_source():
    assert set(PRESETS) == {
        "asam_default",
        "asam_slow",
        "ashton",
        "cks",
        "cks_faster",
        "maudsley_a",
        "maudsley_b",
        "maudsley_c",
    }
    assert all(preset.source and preset.label for preset in PRESETS.values())
    assert PRESETS["asam_slow"].interval_days == 28


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: PercentOfCurrent(Decimal(0)), "percent: takes a percentage from above 0 to 100"),
        (lambda: PercentOfCurrent(Decimal(101)), "percent: takes a percentage"),
        (lambda: PercentOfStart(Decimal(-5)), "percent: takes a percentage"),
        (lambda: FixedMg(Decimal(0)), "mg: takes milligrams above zero"),
        (lambda: FixedMg(Decimal(-1)), "mg: takes milligrams above zero"),
        (lambda: Hyperbolic(0), "steps: takes a whole number above zero"),
        (lambda: Custom(()), "daily_mg: takes at least one"),
        (lambda: Custom((Decimal(1), Decimal(-1))), "daily_mg: takes doses of zero or more"),
        (
            lambda: Custom((Decimal(10), Decimal(15), Decimal(5))),
            r"daily_mg\[1\]: 15 mg is above the 10 mg",
        ),
    ],
)
def test_a_method_that_lowers_nothing_or_rises_cannot_be_made_anywhere(build, words):
    with pytest.raises(RequestError, match=f"^{words}"):
        build()
