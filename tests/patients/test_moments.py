"""A day and a time as typed, on the days on which clocks are put back or forward."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.utils import timezone

from apps.alerts.rota_forms import ShiftChangeForm
from apps.detox.forms import DischargeForm, MoveForm, ReferForm
from apps.detox.stay_forms import BeginStayForm, DoseForm, RoundForm
from apps.patients.moments import NO_SUCH_HOUR, MomentField, settled

NEW_YORK = ZoneInfo("America/New_York")
FORMS = [
    (ReferForm, "last_dose_at"), (MoveForm, "admitted_at"), (DischargeForm, "discharged_at"),
    (BeginStayForm, "began_at"), (RoundForm, "at"), (DoseForm, "at"),
    (ShiftChangeForm, "starts_at"), (ShiftChangeForm, "ends_at"),
]  # fmt: skip


def utc(day, hour, minute=0, month=11):
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "meant"),
    [
        (utc(1, 4), utc(1, 5, 30)),  # both are to come: the first
        (utc(1, 5, 29), utc(1, 5, 30)),
        (utc(1, 5, 30), utc(1, 5, 30)),  # the first time round
        (utc(1, 6, 29), utc(1, 5, 30)),  # the second is to come in a minute
        (utc(1, 6, 30), utc(1, 6, 30)),  # the second time round
        (utc(2, 6), utc(1, 6, 30)),
    ],
)
def test_an_hour_that_comes_twice_is_the_last_one_that_has_come(now, meant):
    with timezone.override(NEW_YORK):
        found = settled(utc(1, 1, 30).replace(tzinfo=None), now)
    assert found.astimezone(UTC) == meant


def test_what_is_shown_of_that_hour_is_taken_back_and_only_what_is_left_out_is_refused():
    field = MomentField(label="When")
    with timezone.override(NEW_YORK):
        assert field.clean("2026-11-01T01:30").astimezone(NEW_YORK).hour == 1
        assert field.clean("2026-11-01T00:59").astimezone(UTC) == utc(1, 4, 59)
        assert field.clean("2026-11-01T02:00").astimezone(UTC) == utc(1, 7)
        assert field.clean("2026-03-08T03:00").astimezone(UTC) == utc(8, 7, month=3)
        with pytest.raises(forms.ValidationError) as error:
            field.clean("2026-03-08T02:30")
        assert error.value.messages == [NO_SUCH_HOUR]
        with pytest.raises(forms.ValidationError) as error:
            field.clean("soon")
        assert error.value.messages == ["Takes a day and a time, such as 2026-11-23 14:30."]


@pytest.mark.parametrize(("form", "name"), FORMS)
def test_every_form_takes_a_moment_by_it(form, name):
    assert isinstance(form.base_fields[name], MomentField)
