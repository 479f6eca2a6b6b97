"""Stopping without a taper: refused, a short taper, or the documented path."""

import pytest

from apps.clinical.dependence import DependenceRisk
from apps.clinical.risk import tier_from_factors
from apps.clinical.stopping import StopPath, stop_verdict


@pytest.mark.parametrize(
    ("risk", "path"),
    [
        (DependenceRisk.YES, StopPath.REFUSED),
        (DependenceRisk.LOWER, StopPath.SHORT_TAPER),
        (DependenceRisk.RARE, StopPath.STOP_OR_SHORT_TAPER),
    ],
)
def test_the_path_follows_the_dependence_table(risk, path):
    verdict = stop_verdict(risk, (), ())
    assert verdict.path is path
    assert verdict.because
    assert "ASAM-05" in verdict.source


def test_an_absolute_factor_closes_the_path():
    reasons = tier_from_factors(["prior_wd_seizure", "age_65_plus"]).reasons
    verdict = stop_verdict(DependenceRisk.RARE, reasons, ())
    assert verdict.path is StopPath.REFUSED
    assert verdict.because == (
        "A factor of high seizure risk is present: seizure during an earlier benzodiazepine or "
        "alcohol withdrawal.",
    )


def test_a_factor_with_points_does_not():
    reasons = tier_from_factors(["age_65_plus"]).reasons
    assert stop_verdict(DependenceRisk.RARE, reasons, ()).path is StopPath.STOP_OR_SHORT_TAPER


def test_what_was_not_asked_is_never_a_no():
    verdict = stop_verdict(DependenceRisk.RARE, (), ["epilepsy or any other seizure"])
    assert verdict.path is StopPath.REFUSED
    assert verdict.because == ("Not asked yet: epilepsy or any other seizure.",)
