"""Everything a patient takes, judged together."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from apps.clinical.dependence import DependenceRisk, DoseBand
from apps.clinical.regimen import (
    HIGHEST,
    PRINTED,
    Taken,
    regimen_dependence,
    risk_value_mg,
    source_bands,
    whole_months,
)


def taken(drug_id="clonazepam", mg="1", months=24, days=7):
    return Taken(drug_id, Decimal(mg), months, days)


def test_one_drug_with_printed_limits_is_decided_by_them():
    rows = source_bands([taken()])
    assert rows[0].source == PRINTED
    assert (rows[0].band, rows[0].dze_mg) == (DoseBand.MODERATE, None)
    by_source = {row.source: (row.dze_mg, row.band) for row in rows[1:]}
    assert by_source["vadod"] == (Fraction(10), DoseBand.LOW)
    assert by_source["ashton_high"] == (Fraction(20), DoseBand.HIGH)


def test_another_drug_is_decided_by_the_highest_source():
    rows = source_bands([taken("temazepam", "30")])
    assert rows[0].source == HIGHEST
    assert rows[0].dze_mg == max(row.dze_mg for row in rows[1:])


def test_several_drugs_add_up_under_each_source():
    both = [taken("clonazepam", "0.5"), taken("diazepam", "5")]
    rows = {row.source: row for row in source_bands(both)}
    assert PRINTED not in rows
    assert rows["vadod"].dze_mg == 10
    assert rows["ashton_low"].dze_mg == 15
    assert rows[HIGHEST].dze_mg == risk_value_mg(both) == 15


def test_a_source_without_a_value_for_one_drug_is_left_out():
    alone = {row.source for row in source_bands([taken("zolpidem_er", "6.25")])}
    assert "vadod" not in alone
    assert "ashton_high" in alone


def test_rarely_is_not_daily():
    assert regimen_dependence([taken(days=3)]).risk is DependenceRisk.RARE
    assert regimen_dependence([taken(days=4)]).risk is DependenceRisk.YES
    assert regimen_dependence([taken(months=0)]).risk is DependenceRisk.LOWER


def test_two_drugs_taken_rarely_may_cover_the_week():
    both = [taken(days=3), taken("temazepam", "15", months=1, days=2)]
    assert regimen_dependence(both).risk is DependenceRisk.YES


def test_the_printed_band_of_one_drug_is_never_watered_down_by_the_sum():
    both = [taken("alprazolam_ir", "2.5"), taken("diazepam", "1")]
    assert regimen_dependence(both).dose_band is DoseBand.HIGH


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2026, 1, 31), date(2026, 2, 28), 0),
        (date(2026, 1, 15), date(2026, 2, 15), 1),
        (date(2025, 11, 23), date(2026, 11, 22), 11),
        (date(2026, 2, 1), date(2026, 1, 1), 0),
    ],
)
def test_months_are_whole_ones(start, end, months) -> None:
    assert whole_months(start, end) == months
