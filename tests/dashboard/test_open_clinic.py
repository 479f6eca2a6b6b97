"""The operator opens a clinic; its first admin can sign in."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.dashboard import clinic_actions
from apps.patients.models import Clinic

pytestmark = pytest.mark.django_db
WORDS = "correct horse battery staple 7"
GIVEN = {
    "time_zone": "America/Chicago", "phone": "555-0100", "after_hours_phone": "555-0199",
    "admin_email": "Ada@clinic.example", "admin_name": "Ada Admin",
}  # fmt: skip


def create(monkeypatch: pytest.MonkeyPatch, password: str = WORDS, **more: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    call_command("create_clinic", "Larkspur Clinic", **(GIVEN | more), stdout=io.StringIO())


def test_a_clinic_is_opened_once_with_its_admin(monkeypatch, client) -> None:
    create(monkeypatch)
    clinic = Clinic.objects.get()
    (member,) = clinic.staff.all()
    assert (member.role, member.user.email) == ("clinic_admin", "ada@clinic.example")
    assert member.user.check_password(WORDS)
    assert AuditEvent.objects.filter(event="clinic.opened", clinic_id=clinic.pk).count() == 1
    with pytest.raises(CommandError, match="already"):
        create(monkeypatch)


@pytest.mark.parametrize(
    ("password", "more", "says"),
    [
        ("short", {}, "too short"),
        (WORDS, {"time_zone": "Mars/Base"}, "no time zone"),
        (WORDS, {"admin_email": "nobody"}, "valid email"),
    ],
)
def test_what_cannot_be_changes_nothing(monkeypatch, password, more, says) -> None:
    with pytest.raises(CommandError, match=says):
        create(monkeypatch, password, **more)
    assert not Clinic.objects.exists()
    assert not User.objects.exists()


def test_without_an_audit_row_nothing_is_stored(monkeypatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr(clinic_actions, "record", fail)
    with pytest.raises(RuntimeError, match="no audit"):
        create(monkeypatch)
    assert not Clinic.objects.exists()
