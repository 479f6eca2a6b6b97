"""Two hosts deliver; one is cut off in the middle of a red flag's mail, and comes back."""

import time
from collections import Counter

import pytest
from django.utils import timezone

from apps.alerts.models import Alert, Delivery
from apps.patients.models import Role
from tests.factories import SEIZURE, check_in, make_clinic, make_member, make_patient, put_on_call
from tests.harness.hosts import Host
from tests.harness.smtp import Answer, Mail
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow, pytest.mark.slow]


def all_told(count: int) -> bool:
    """Return whether so many messages are all known to be sent."""
    return list(Delivery.objects.values_list("status", flat=True)) == ["sent"] * count


def repeats_without_a_label(mails: list[Mail]) -> list[str]:
    """Return the subjects of what a person read twice without being told that it is a repeat."""
    seen: Counter[str] = Counter()
    found = []
    for mail in mails:
        key, subject = mail.message["Message-ID"], mail.message["Subject"]
        if seen[key] and "(repeat)" not in subject:
            found.append(subject)
        seen[key] += 1
    return found


def test_a_host_cut_off_in_the_middle_of_a_mail_loses_nothing(parts, smtp, live_broker) -> None:
    clinic, now = make_clinic("Larkspur Clinic"), timezone.now()
    nurse = make_member(clinic, Role.NURSE)
    put_on_call(nurse, now=now)

    def red_flag() -> None:
        check_in(make_patient(clinic, now=now), SEIZURE, now=timezone.now())

    smtp.behave(Answer.HANG_AFTER_DATA, times=1)
    with (
        Host("127.0.0.2", parts, live_broker, smtp) as one,
        Host("127.0.0.3", parts, live_broker, smtp) as two,
    ):
        red_flag()
        smtp.wait_for(1)  # the mail server has it, and the host that sent it does not know
        (lost,) = [host for host in (one, two) if host.mail.in_use]
        other = two if lost is one else one
        lost.cut()
        held = Delivery.objects.get()
        assert held.status == "sending"
        for _ in range(3):
            red_flag()
        wait_until(lambda: all_told(4), 20, parts.logs)
        assert [each.result for each in held.tries.order_by("number")] == ["unknown", "sent"]
        assert not any(process.process.poll() for process in lost.owned), "cut off, not dead"
        lost.mend()
        other.end()
        red_flag()
        wait_until(lambda: all_told(5), 15, parts.logs)
        time.sleep(1.5)  # whatever the lost host still had in hand
        assert all_told(5)
        assert [each.result for each in held.tries.order_by("number")] == ["unknown", "sent"]
    mails = list(smtp.messages)
    assert repeats_without_a_label(mails) == []
    copies = Counter(mail.message["Subject"].removesuffix(" (repeat)") for mail in mails)
    assert sorted(copies.values()) == [1, 1, 1, 1, 2], "only the mail that was held came twice"
    told = " ".join(copies)
    assert all(alert.reference in told for alert in Alert.objects.all())
