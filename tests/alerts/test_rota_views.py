"""The pages of the rota: a clinic admin works on them and sees no patient."""

from datetime import time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import ClinicLadder, ClosedDay, OpeningHours, RotaChange, Shift, WeeklyTurn
from apps.alerts.rota_actions import add_turns
from tests.conftest import signed_in
from tests.factories import make_alert, make_rota

pytestmark = pytest.mark.django_db


def url(name: str, *args: object) -> str:
    return reverse(f"alerts:{name}", args=args)


def test_the_admin_makes_a_week_and_no_gap_is_left(clinic_admin, nurse, backup, lead) -> None:
    client = signed_in(clinic_admin)
    assert "nobody from" in client.get(url("rota")).text
    for rung, member in (("on_call", nurse), ("backup", backup)):
        client.post(
            url("rota_edit"),
            {
                "member": str(member.pk), "rung": rung, "weekdays": list("0123456"),
                "starts": "08:00", "ends": "08:00",
            },
        )  # fmt: skip
    page = client.get(url("rota"))
    assert nurse.user.full_name in page.text
    assert not page.context["coverage"].gaps


def test_a_turn_without_a_day_comes_back_with_what_was_typed(clinic_admin, nurse) -> None:
    page = signed_in(clinic_admin).post(
        url("rota_edit"),
        {"member": str(nurse.pk), "rung": "lead", "starts": "20:15", "ends": "08:00"},
    )
    assert page.status_code == 422
    assert 'value="20:15"' in page.text
    assert "This field is required." in page.text
    assert not WeeklyTurn.objects.exists()


def test_nobody_of_another_clinic_gets_on_the_rota(clinic_admin, outsider) -> None:
    page = signed_in(clinic_admin).post(
        url("rota_edit"),
        {
            "member": str(outsider.pk), "rung": "lead", "weekdays": ["1"], "starts": "20:15",
            "ends": "08:00",
        },
    )  # fmt: skip
    assert page.status_code == 422
    assert not WeeklyTurn.objects.exists()


def test_the_admin_sees_no_patient_on_any_page_of_the_rota(clinic_admin, patient, lead) -> None:
    make_alert(patient)
    make_rota(lead)
    for name in ("rota", "rota_edit", "hours", "ladders"):
        page = signed_in(clinic_admin).get(url(name)).text
        assert patient.family_name not in page
        assert patient.reference not in page


def test_a_shift_is_given_away_and_the_change_undone(clinic_admin, nurse, backup) -> None:
    now = timezone.now()
    add_turns(
        member=nurse, rung="on_call", weekdays=range(7), starts=time(0), ends=time(0),
        by=clinic_admin.user, now=now,
    )  # fmt: skip
    shift = Shift.objects.order_by("starts_at")[3]
    client, path = signed_in(clinic_admin), url("shift_change", shift.pk)
    page = client.get(path)
    starts = page.context["form"]["starts_at"].value()
    assert "T" in str(page.context["form"]["starts_at"])
    answer = {
        "member": str(backup.pk), "starts_at": f"{starts:%Y-%m-%dT%H:%M}", "reason": "swap",
        "ends_at": f"{starts + timedelta(hours=6):%Y-%m-%dT%H:%M}",
    }  # fmt: skip
    bad = client.post(path, answer | {"ends_at": f"{starts - timedelta(hours=6):%Y-%m-%dT%H:%M}"})
    assert bad.status_code == 422
    assert "This is before the change begins." in bad.text
    gap = answer | {"member": ""}  # the page as it opens leaves nobody on call by mistake
    assert "or tick that nobody does" in client.post(path, gap).text
    both = client.post(path, answer | {"leave_gap": "on"})
    assert both.status_code == 422
    assert not RotaChange.objects.exists()
    client.post(path, answer)
    given = Shift.objects.get(member=backup)
    assert (given.ends_at - given.starts_at) == timedelta(hours=6)
    change = RotaChange.objects.get()
    assert "instead of" in client.get(url("rota")).text
    client.post(url("change_cancel", change.pk))
    assert not Shift.objects.filter(member=backup).exists()


def hours_form(**changes: str) -> dict[str, str]:
    values = {"cover": "open_hours"}
    for day in range(7):
        values[f"open_{day}"] = "8-12, 13:00 to 17:00"
    return values | changes


def test_hours_are_saved_and_shown_again(clinic_admin) -> None:
    client = signed_in(clinic_admin)
    client.post(url("hours"), hours_form(open_5="20:00-24:00", open_6=""))
    assert OpeningHours.objects.count() == 11
    page = client.get(url("hours")).text
    assert 'value="08:00 to 12:00, 13:00 to 17:00"' in page
    assert 'value="20:00 to 24:00"' in page


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("open_2", "9:00 to 8:00", "closes before it opens. Write a night as two days"),
        ("open_2", "9:00 to 12:00, 11:00 to 17:00", "Two of these times overlap."),
        ("open_3", "20:00 to 24:00, 21:00 to 22:00", "Two of these times overlap."),
        ("open_3", "noon", "Write “noon” like this: 8:00 to 12:00."),
        ("open_3", "8:00 to 25:00", "is no time of a day."),
    ],
)
def test_wrong_hours_are_told_beside_the_field(field, value, says, clinic_admin) -> None:
    page = signed_in(clinic_admin).post(url("hours"), hours_form(**{field: value}))
    assert page.status_code == 422
    assert says in page.text
    assert f'value="{value}"' in page.text
    assert not OpeningHours.objects.exists()


def test_a_holiday_is_added_and_removed(clinic_admin) -> None:
    client, day = signed_in(clinic_admin), (timezone.now() + timedelta(days=30)).date()
    bad = client.post(url("closed_day_add"), {"day": "", "name": "Winter day"})
    assert bad.status_code == 422
    assert "Winter day" in bad.text
    for _ in range(2):
        client.post(url("closed_day_add"), {"day": day.isoformat(), "name": "Winter day"})
    closed = ClosedDay.objects.get()
    assert "Winter day" in client.get(url("hours")).text
    client.post(url("closed_day_remove", closed.pk))
    assert not ClosedDay.objects.exists()


def test_a_ladder_is_made_faster(clinic_admin) -> None:
    client = signed_in(clinic_admin)
    answer = {"level": "emergency", "emergency-backup": "2", "emergency-lead": "4"}
    client.post(url("ladders"), answer | {"emergency-everyone": "8"})
    assert ClinicLadder.objects.get().times == (None, 2, 4, 8)
    assert 'value="8"' in client.get(url("ladders")).text


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (("6", "8", "10"), "At most 5 minutes"),
        (("4", "3", "10"), "This is before the rung below it (4 minutes)."),
        (("4", "10", "12"), "At most 9 minutes: 5 after the rung below it."),
        (("0", "3", "10"), "greater than or equal to 1"),
        (("soon", "3", "10"), "Enter a whole number."),
    ],
)
def test_a_slower_ladder_is_told_beside_its_field(times, says, clinic_admin) -> None:
    names = ("emergency-backup", "emergency-lead", "emergency-everyone")
    page = signed_in(clinic_admin).post(
        url("ladders"), {"level": "emergency", **dict(zip(names, times, strict=True))}
    )
    assert page.status_code == 422
    assert says in page.text
    assert not ClinicLadder.objects.exists()


def test_pages_cost_the_same_for_a_long_rota(
    clinic_admin, nurse, lead, django_assert_max_num_queries
) -> None:
    make_rota(nurse)
    make_rota(lead)
    client = signed_in(clinic_admin)
    for name, most in (("rota", 22), ("rota_edit", 18), ("hours", 18)):
        with django_assert_max_num_queries(most):
            client.get(url(name))
