"""Any history of an alert, in any order: people, processes, servers and clocks at their worst.

Hypothesis draws what happens next; after each event the promises of docs/state-diagrams.md and
of the ladder are checked against what the mail server and the provider have kept, not against
what the rows say of themselves. `GLIDEPATH_HISTORIES=300` looks longer.
"""

import json
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from apps.alerts.act_actions import (
    HandOverError,
    document_act,
    hand_over_alert,
    hand_over_shift,
    reopen_alert,
)
from apps.alerts.actions import (
    AlertTakenError,
    LinkError,
    OutcomeError,
    acknowledge_alert,
    note_correction,
    open_alert,
    resolve_alert,
    take_by_link,
)
from apps.alerts.contact_actions import end_quiet_hours, set_quiet_hours
from apps.alerts.delivery import claim_all, deliver, settle
from apps.alerts.gateway_actions import switch_off_gateway
from apps.alerts.health import unreached_alerts
from apps.alerts.models import ALERT_ROLES, Alert, Delivery, Mute, QuietHours, Shift
from apps.alerts.mute_actions import end_mute, mute_rule
from apps.alerts.receipts import Report, ReportError, signature, take_report
from apps.alerts.rota_actions import set_ladder
from apps.alerts.smtp import Answer as Said
from apps.alerts.smtp import Result
from apps.alerts.states import TransitionError
from apps.alerts.sweep import deliver_due, sweep
from apps.dashboard.staff_actions import change_role, deactivate_member, reactivate_member
from apps.patients.models import Role, StaffMember
from tests.alerts.clocks import MINUTE, SECOND
from tests.factories import (
    NOW,
    REPORT_SECRET,
    make_clinic,
    make_gateway,
    make_member,
    make_patient,
    make_way,
    put_on_call,
)
from tests.harness.gateway import GatewayServer
from tests.harness.smtp import Answer, SmtpServer

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HISTORIES = int(os.environ.get("GLIDEPATH_HISTORIES", "6"))
# Years ahead of the machine's own clock: no bound against that one can help.
BEGIN = NOW + timedelta(days=3660)
REFERENCE = re.compile(r"A-[A-Z0-9]{6}")
MUTED_RULE = "U12_SCORE_HIGH"
REFUSALS = (
    AlertTakenError, HandOverError, LinkError, OutcomeError, ReportError, TransitionError,
)  # fmt: skip
ANSWERS = [
    Answer.ACCEPT, Answer.TEMPORARY_AT_RCPT, Answer.PERMANENT_AT_RCPT, Answer.TEMPORARY_AFTER_DATA,
    Answer.PERMANENT_AFTER_DATA, Answer.DROP_BEFORE_DATA, Answer.DROP_AFTER_DATA,
]  # fmt: skip
SETTLED = [
    Said(Result.SENT, "accepted"), Said(Result.TEMPORARY, "451 later"),
    Said(Result.PERMANENT, "550 no"), Said(Result.UNCLEAR, "gone", of_server=True),
]  # fmt: skip
SPANS = [SECOND, 9 * SECOND, MINUTE, 5 * MINUTE, 31 * MINUTE, 300 * MINUTE]
LONGEST_STEP = 36 * MINUTE  # an emergency's ack clock and the round after it
WHICH = st.integers(0, 99)


@pytest.fixture
def smtp(settings) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT, settings.ALERT_ATTEMPT_SECONDS = 2, 5
        settings.ALERT_GATEWAY_HOSTS = ["127.0.0.1"]
        settings.DRILL_DAYS = 0
        yield server


class Troubles(logging.Handler):
    """Keeps what the sweep could not move: nothing may be among it, ever."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "could not move" in record.msg and record.exc_info:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class Cast:
    """One clinic, two patients, four people who handle alerts: the same in every history."""

    def __init__(self, provider: GatewayServer) -> None:
        self.clinic = clinic = make_clinic()
        self.admin = make_member(clinic, Role.CLINIC_ADMIN)
        make_member(clinic, Role.CLINIC_ADMIN)
        roles = [Role.NURSE, Role.NURSE, Role.PRESCRIBER, Role.CLINICAL_LEAD]
        self.people = [make_member(clinic, role) for role in roles]
        for member, rung in zip(self.people, ["on_call", "backup", "backup", "lead"], strict=True):
            put_on_call(member, rung, now=BEGIN)
        self.gateway = make_gateway(clinic, self.admin.user, provider.url, now=BEGIN)
        make_way(self.people[0], "+15555550100", self.gateway, now=BEGIN)
        make_way(self.people[2], "p@home.example", now=BEGIN)
        make_way(self.people[2], "+15555550102", self.gateway, now=BEGIN)
        self.patients = [make_patient(clinic, now=BEGIN) for _ in range(2)]


class Histories(RuleBasedStateMachine):
    """What may happen to the alerts of one clinic, its mail server and its provider of texts."""

    smtp: SmtpServer
    provider: GatewayServer
    cast: Cast

    @initialize()
    def begin(self) -> None:
        self.world = transaction.atomic()
        self.world.__enter__()
        self.smtp.accept_all()
        self.smtp.messages.clear()
        self.provider.messages.clear()
        self.provider.answer = 200
        self.now, self.held = BEGIN, []
        self.reached: Counter[str] = Counter()
        self.troubles = Troubles()
        logging.getLogger("apps.alerts").addHandler(self.troubles)
        self.clinic, self.admin, self.people = self.cast.clinic, self.cast.admin, self.cast.people
        self.gateway, self.patients = self.cast.gateway, self.cast.patients

    # --- Patients ----------------------------------------------------------------------------

    @rule(level=st.sampled_from([*2 * ["emergency", "urgent"], "watch"]), which=WHICH)
    def report(self, level: str, which: int) -> None:
        mutable = level != "emergency" and which % 2
        open_alert(
            patient=self.patients[which % 2], level=level, source_type="check_in",
            response_minutes={"emergency": 5, "urgent": 60, "watch": 1440}[level],
            rules=[MUTED_RULE] if mutable else ["E01_SEIZURE"], source_id=uuid4(), now=self.now,
        )  # fmt: skip

    @rule(which=WHICH)
    def correct(self, which: int) -> None:
        if alert := self.one(which):
            note_correction(source_id=alert.source_id, now=self.now)

    # --- People ------------------------------------------------------------------------------

    @rule(which=WHICH, who=WHICH)
    def take(self, which: int, who: int) -> None:
        if alert := self.one(which):
            self.act(acknowledge_alert, alert=alert, by=self.worker(who).user)

    @rule(which=WHICH)
    def press_the_link(self, which: int) -> None:
        rows = list(Delivery.objects.order_by("created_at", "pk"))
        if rows:
            self.act(take_by_link, delivery=rows[which % len(rows)], reader=None)

    @rule(which=WHICH, who=WHICH, kind=st.sampled_from(["no_answer", "welfare_check"]))
    def document(self, which: int, who: int, kind: str) -> None:
        if alert := self.one(which):
            by = alert.owner or self.worker(who).user
            self.act(document_act, alert=alert, kind=kind, note=f"{self.now}", by=by)

    @rule(which=WHICH, who=WHICH, outcome=st.sampled_from(["spoke", "no_answer", "false_alarm"]))
    def close(self, which: int, who: int, outcome: str) -> None:
        if alert := self.one(which):
            by = self.worker(who).user
            self.act(resolve_alert, alert=alert, by=by, outcome=outcome, note="Done.")

    @rule(which=WHICH, who=WHICH)
    def open_closed(self, which: int, who: int) -> None:
        if alert := self.one(which):
            self.act(reopen_alert, alert=alert, reason="More to do.", by=self.worker(who).user)

    @rule(which=WHICH, who=WHICH, to=WHICH)
    def pass_on(self, which: int, who: int, to: int) -> None:
        if alert := self.one(which):
            by, to = self.worker(who).user, self.people[to % 4]
            self.act(hand_over_alert, alert=alert, to=to, note="Yours.", by=by)

    @rule(who=WHICH, to=WHICH)
    def end_the_shift(self, who: int, to: int) -> None:
        leaving = self.worker(who)
        self.act(hand_over_shift, leaving=leaving, to=self.people[to % 4], note="Yours.")

    @rule(which=WHICH, hours=st.sampled_from([1, 26, 24 * 13]))
    def mute(self, which: int, hours: int) -> None:
        mute_rule(
            patient=self.patients[which % 2], rule=MUTED_RULE, reason="Known.", now=self.now,
            ends_at=self.now + timedelta(hours=hours), by=self.people[2].user,
        )  # fmt: skip

    @rule(which=WHICH)
    def hear_again(self, which: int) -> None:
        rows = list(Mute.objects.order_by("starts_at", "pk"))
        if rows:
            end_mute(mute=rows[which % len(rows)], by=self.people[2].user, now=self.now)

    # --- Who is there --------------------------------------------------------------------------

    @rule(who=WHICH)
    def leave(self, who: int) -> None:
        deactivate_member(member=self.people[who % 4], by=self.admin.user, now=self.now)

    @rule(who=WHICH)
    def come_back(self, who: int) -> None:
        reactivate_member(member=self.people[who % 4], by=self.admin.user, now=self.now)

    @rule(who=WHICH, role=st.sampled_from([Role.CLINIC_ADMIN, Role.NURSE]))
    def change_work(self, who: int, role: str) -> None:
        change_role(
            member=self.people[who % 4], role=role, by=self.admin.user, now=self.now,
            agreement="The director.",
        )  # fmt: skip

    @rule(who=WHICH, begins=st.integers(0, 23), length=st.integers(1, 22))
    def want_quiet(self, who: int, begins: int, length: int) -> None:
        member = self.people[who % 4]
        set_quiet_hours(
            member=member, begins=time(begins), ends=time((begins + length) % 24),
            time_zone="America/New_York", by=member.user, now=self.now,
        )  # fmt: skip

    @rule(who=WHICH)
    def want_no_quiet(self, who: int) -> None:
        member = self.people[who % 4]
        end_quiet_hours(member=member, by=member.user, now=self.now)

    @rule(who=WHICH, rung=st.sampled_from(["on_call", "backup", "lead"]))
    def change_the_rota(self, who: int, rung: str) -> None:
        Shift.objects.filter(rung=rung).delete()
        if who % 5:
            put_on_call(self.people[who % 4], rung, now=self.now)

    @rule(level=st.sampled_from(["emergency", "urgent", "watch"]), data=st.data())
    def change_the_ladder(self, level: str, data: st.DataObject) -> None:
        longest = 5 if level == "emergency" else 50
        gap = st.integers(1, longest)
        remind = None if level == "emergency" else data.draw(gap)
        backup = (remind or 0) + data.draw(gap)
        lead = backup + data.draw(st.integers(0, longest))
        everyone = lead + data.draw(st.integers(0, longest))
        times = {"remind": remind, "backup": backup, "lead": lead, "everyone": everyone}
        set_ladder(
            clinic=self.clinic, level=level, times=times, by=self.admin.user, now=self.now
        )  # fmt: skip

    # --- Processes, servers, clocks --------------------------------------------------------------

    @rule(span=st.sampled_from(SPANS))
    def pass_time(self, span: timedelta) -> None:
        self.now += span

    @rule(span=st.sampled_from(SPANS))
    def work_on(self, span: timedelta) -> None:
        self.go_on(span, max(span / 6, 5 * SECOND))

    @rule(hours=st.sampled_from([-1, 1]))
    def step_the_clock(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.sweep()  # within seconds it is noticed

    @rule()
    def sweep(self) -> None:
        sweep(self.now)
        self.check_swept()

    @rule()
    def send(self) -> None:
        with self.watching_what_leaves():
            deliver_due(lambda: self.now)

    @rule(which=WHICH)
    def send_by_the_worker(self, which: int) -> None:
        rows = list(Delivery.objects.filter(status="pending").order_by("created_at", "pk"))
        if rows:
            with self.watching_what_leaves():
                deliver(lambda: self.now, delivery_id=rows[which % len(rows)].pk)

    @rule()
    def begin_to_send(self) -> None:
        self.held += claim_all(self.now)

    @rule(which=WHICH, said=st.sampled_from(SETTLED))
    def come_back_late(self, which: int, said: Said) -> None:
        if self.held:
            delivery = self.held.pop(which % len(self.held))
            if said.result == Result.SENT:
                self.reached[delivery.alert.reference] += 1
            settle(delivery, said, self.now)

    @rule(answer=st.sampled_from(ANSWERS), who=WHICH)
    def trouble_the_mail_server(self, answer: Answer, who: int) -> None:
        to = None if who % 2 else self.people[who % 4].user.email
        self.smtp.behave(answer, to=to)

    @rule(answer=st.sampled_from([200, 400, 503, "drop"]))
    def trouble_the_provider(self, answer: int | str) -> None:
        self.provider.answer = answer

    @rule()
    def mend_the_servers(self) -> None:
        self.smtp.accept_all()
        self.provider.answer = 200

    @rule(which=WHICH, status=st.sampled_from(["delivered", "undelivered", "failed"]))
    def hear_from_the_provider(self, which: int, status: str) -> None:
        rows = list(Delivery.objects.exclude(gateway=None).order_by("created_at", "pk"))
        if rows:
            body = json.dumps({"ref": str(rows[which % len(rows)].pk), "status": status}).encode()
            key, seconds = str(uuid4()), str(int(self.now.timestamp()))
            signed = signature(REPORT_SECRET, key, seconds, body)
            report = Report(key, seconds, signed, body)
            self.act(take_report, gateway_id=self.gateway.pk, report=report)

    @rule(which=WHICH)
    def switch_the_gateway_off(self, which: int) -> None:
        if which > 80:
            switch_off_gateway(gateway=self.gateway, by=self.admin.user, now=self.now)

    # --- What must hold --------------------------------------------------------------------------

    @invariant()
    def nothing_was_in_the_way_of_the_sweep(self) -> None:
        assert not self.troubles.found, self.troubles.found

    @invariant()
    def an_alert_is_somebodys_or_has_a_next_step(self) -> None:
        for alert in Alert.objects.unresolved():
            if alert.status == "open":
                assert alert.next_rung_at is not None
                assert alert.owner is None
            else:
                assert alert.owner is not None
                assert alert.ack_due_at is not None

    def check_swept(self) -> None:
        """Nothing that is due is left behind, and who was not reached stands on the banner."""
        may_act = {member.user for member in self.able()}
        shouted = set(unreached_alerts(self.clinic.pk, self.now))
        silent = []
        for alert in Alert.objects.unresolved().select_related("owner"):
            if alert.status == "acknowledged":
                assert alert.ack_due_at > self.now, "the ack clock ran out"
                assert alert.owner in may_act, "its owner cannot act any more"
                continue
            assert alert.next_rung_at > self.now, "a rung is due"
            late = alert.opened_at <= self.now - MINUTE and alert.next_rung > 0
            if late and not self.reached[alert.reference]:
                silent.append(alert)
        assert len(shouted) == 5 or set(silent) <= shouted, "reached nobody, and no banner"
        waiting = Delivery.objects.filter(status="pending", alert__status="open")
        for delivery in waiting.select_related("recipient__user"):
            assert delivery.recipient.user in may_act, "waits for somebody who has left"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.check_that_nobody_is_forgotten()
        finally:
            logging.getLogger("apps.alerts").removeHandler(self.troubles)
            transaction.set_rollback(True)
            self.world.__exit__(None, None, None)

    def check_that_nobody_is_forgotten(self) -> None:
        """With servers that work and one person there, whatever is open is told again."""
        self.mend_the_servers()
        self.smtp.accept_all()
        member = self.people[1]
        self.come_back(1)
        self.change_work(1, Role.NURSE)
        QuietHours.objects.filter(member=member).delete()
        waiting = [
            alert for alert in Alert.objects.unresolved().exclude(level="watch")
            if alert.level == "emergency" or (alert.status == "open" and not alert.muted_until)
        ]  # fmt: skip
        before = self.reached.copy()
        self.go_on(LONGEST_STEP, 2 * MINUTE)
        for alert in waiting:
            again = self.reached[alert.reference] - before[alert.reference]
            lines = [f"{event.at:%H:%M:%S} {event.text}" for event in alert.events.all()]
            assert again, "\n".join(["nobody was told again", f"{self.now:%H:%M:%S}", *lines])
        self.nothing_was_in_the_way_of_the_sweep()

    # --- How -------------------------------------------------------------------------------------

    def go_on(self, span: timedelta, step: timedelta) -> None:
        end = self.now + span
        while self.now < end:
            self.now = min(self.now + step, end)
            self.sweep()
            self.send()

    def act(self, action: Callable[..., object], **values: object) -> None:
        """Do it; an act that is refused with a sentence has changed nothing."""
        try:
            action(now=self.now, **values)
        except REFUSALS:
            return

    def one(self, which: int) -> Alert | None:
        rows = list(Alert.objects.order_by("opened_at", "pk"))
        return rows[which % len(rows)] if rows else None

    def worker(self, who: int) -> StaffMember:
        """Return somebody who may act; with none somebody whom every page would refuse."""
        able = self.able() or self.people
        return able[who % len(able)]

    def able(self) -> list[StaffMember]:
        rows = StaffMember.objects.active().filter(clinic=self.clinic, role__in=ALERT_ROLES)
        return list(rows.select_related("user").order_by("pk"))

    @contextmanager
    def watching_what_leaves(self) -> Iterator[None]:
        """Count what leaves, and fail when its recipient need not hear of it."""
        mails, texts = len(self.smtp.messages), len(self.provider.texts)
        yield
        for mail in self.smtp.messages[mails:]:
            for reference in set(REFERENCE.findall(mail.text)):
                self.reached[reference] += 1
                self.check_wanted(Alert.objects.get(reference=reference), mail.recipients[0])
        for text in self.provider.texts[texts:]:
            self.reached.update(REFERENCE.findall(text))

    def check_wanted(self, alert: Alert, address: str) -> None:
        told = alert.deliveries.select_related("recipient__user").exclude(status="cancelled")
        people = {row.recipient for row in told if row.goes_to == address}
        assert people & set(self.able()), "told somebody who has left"
        given = alert.status == "acknowledged" and alert.owner in {each.user for each in people}
        assert alert.status == "open" or given, "told of an alert that somebody has"


def test_no_history_loses_an_alert(db, smtp, provider) -> None:
    Histories.smtp, Histories.provider, Histories.cast = smtp, provider, Cast(provider)
    drawn = settings(
        max_examples=HISTORIES, stateful_step_count=25, database=None,
        derandomize="GLIDEPATH_HISTORIES" not in os.environ, print_blob=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Histories, settings=drawn)
