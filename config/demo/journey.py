"""One invented patient's way through the clinic, told through the real actions."""

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.drugs import get_drug
from apps.patients.actions import register_patient
from apps.patients.models import RISK_FLAGS, Clinic, Patient
from apps.patients.review_actions import record_review
from apps.portal.actions import give_consent
from apps.portal.research_actions import record_research_paper
from apps.portal.trusted_actions import invite_trusted
from apps.tapers.actions import create_plan
from apps.tapers.actions_signing import sign_plan
from apps.tapers.approvals import Approvals
from apps.tapers.models import TaperPlan
from apps.tapers.signable import Seen, Signing
from apps.tapers.today import midnight
from config.demo.care import ORDINARY, look_after
from config.demo.history import History
from config.demo.people import address
from config.demo.story import Event, Story
from config.demo.supply import hand_out
from config.demo.symptoms import Symptoms
from config.demo.units import answer_level

SEED: Final = "glidepath demo 1"
WEEKLY_LATER: Final = timedelta(minutes=9)
REVIEWED_EARLIER: Final = timedelta(days=3)
REASONS: Final = ("panic", "gad", "insomnia", "gad")
REVIEW_NOTE: Final = (
    "Sleep and panic are better than at the start; unsteady in the morning. Goes on with the "
    "taper, agreed together."
)
AREA_CODES: Final = {"America/New_York": "212", "America/Denver": "303"}


class Journey:
    """Tell one story from registration to `now`."""

    def __init__(self, story: Story, clinic: Clinic, prescriber: User, now: datetime) -> None:
        """Prepare a generator of this story's own, so that one story never changes another."""
        self.story, self.clinic, self.prescriber, self.now = story, clinic, prescriber, now
        self.rng = random.Random(f"{SEED} {story.full_name}")
        self.today = now.astimezone(clinic.tz).date()
        self.plan: TaperPlan | None = None

    def tell(self) -> int:
        """Store everything about this patient; return how many check-ins that is."""
        self.patient = self.register()
        self.enrol()
        self.history = History(self.patient, self.rng)
        clock = self.patient.review_clock
        self.history.review = (clock.due_on, clock.interval_days)
        half_life = get_drug(self.story.drug).half_life_class
        self.symptoms = Symptoms(self.story, half_life, self.rng)
        for ago in range(self.story.registered, -1, -1):
            self.live(ago)
        for event in self.story.events:
            if event.minutes_ago is not None:
                self.check_in(event, self.now - timedelta(minutes=event.minutes_ago))
        self.history.save()
        if self.patient.status == Patient.Status.ACTIVE:
            hand_out(self.patient, self.prescriber, self.morning(self.handed_out))
        return self.history.count

    def live(self, ago: int) -> None:
        """Let one day pass: decisions in the morning, the check-in at the patient's hour."""
        if ago == self.plan_day:
            self.make_plan(ago)
        if self.patient.status == Patient.Status.ACTIVE:
            self.review(ago)
        self.history.let_time_pass(midnight(self.day(ago), self.patient.tz))
        if ago == self.story.plan_ended:
            self.end_plan(ago)
        if ago == self.story.status_since:
            self.change_status(ago)
        event = next((e for e in self.story.events if e.is_on(ago)), None)
        if event is not None:
            self.check_in(event, self.moment(ago, self.story.hour))
        elif self.is_kept(ago):
            self.check_in(ORDINARY, self.moment(ago, self.story.hour))

    @property
    def plan_day(self) -> int | None:
        """How many days ago the plan was made: on its first day, or just before today."""
        return None if self.story.planned is None else max(self.story.planned, 1)

    def is_kept(self, ago: int) -> bool:
        """Answer whether an ordinary check-in was sent on this day."""
        chance = self.rng.random() < self.story.keeps
        written_by_hand = any(event.minutes_ago is not None for event in self.story.events)
        return (
            chance
            and self.story.last <= ago < self.story.registered
            and not (written_by_hand and ago == 0)
        )

    def moment(self, ago: int, hour: int) -> datetime:
        """Return a moment near this hour of the patient's clock."""
        near = datetime.combine(self.day(ago), time(hour), tzinfo=self.clinic.tz)
        return near + timedelta(seconds=self.rng.randint(0, 2400))

    def day(self, ago: int) -> date:
        """Return the patient's calendar day so many days ago."""
        return self.today - timedelta(days=ago)

    def morning(self, ago: int) -> datetime:
        """Return office time on that day, never in the future."""
        office = datetime.combine(self.day(ago), time(9, 40), tzinfo=self.clinic.tz)
        return min(office, self.now - timedelta(minutes=90))

    def register(self) -> Patient:
        """Register the patient with what they take and what is known of their risk."""
        story, year = self.story, self.story.born[:4]
        answers = story.method is not None
        asked: dict[str, bool | None] = dict.fromkeys(RISK_FLAGS, False) if answers else {}
        asked["other_medicines_asked"] = answers
        number = f"({AREA_CODES[self.clinic.time_zone]}) 555-01{self.rng.randint(0, 99):02d}"
        return register_patient(
            clinic=self.clinic,
            person={
                "given_name": story.given,
                "family_name": story.family,
                "birth_date": date.fromisoformat(story.born),
                "email": address(f"{story.full_name} {year}", "patients.example"),
                "phone": number,
                "emergency_contact": f"Sam {story.family}, {number}" if answers else "",
                "language": story.language,
                "time_zone": self.clinic.time_zone,
            },
            medication={
                "drug_id": story.drug,
                "taken_months": story.months,
                "dose_confirmed": True,
                "reason": REASONS[len(story.full_name) % len(REASONS)] if answers else "",
                **{f"{slot}_mg": Decimal(mg) for slot, mg in story.slots.items()},
            },
            risk=asked | dict.fromkeys(story.risk, True),
            by=self.prescriber,
            now=self.morning(story.registered),
        )

    def enrol(self) -> None:
        """Let whoever answers agree on the day of registration, and trust somebody."""
        at = self.morning(self.story.registered) + timedelta(minutes=30)
        if len(self.story.full_name) % 4:  # three of four; the others were not asked or said no
            record_research_paper(
                patient=self.patient, signed_on=at.astimezone(self.clinic.tz).date(),
                by=self.prescriber, now=at,
            )  # fmt: skip
        if self.story.method is not None or self.story.entry_note:
            give_consent(patient=self.patient, language=self.patient.language, now=at)
        if self.story.entry_note and self.story.trusts:
            invite_trusted(
                patient=self.patient, name=self.story.trusts, language=self.patient.language,
                email=address(f"{self.story.trusts} {self.story.family}", "family.example"),
                sees_dose=True, now=at,
            )  # fmt: skip

    @property
    def handed_out(self) -> int:
        """How many days ago the pharmacy handed out what the plan needs."""
        return 1 + len(self.story.full_name) % 20

    def review(self, ago: int) -> None:
        """Weigh risks and benefits when the clock says so; in a few stories somebody forgot."""
        clock = self.patient.review_clock
        is_due = ago == self.handed_out or self.day(ago) >= clock.due_on - REVIEWED_EARLIER
        if ago < self.story.review_forgotten or not is_due:
            return
        at = self.morning(ago)
        record_review(
            patient=self.patient, reviewed_on=at.astimezone(self.patient.tz).date(),
            outcome="taper", note=REVIEW_NOTE, next_due_on=None, pdmp_checked=True,
            by=self.prescriber, now=at,
        )  # fmt: skip
        clock.refresh_from_db()
        self.history.review = (clock.due_on, clock.interval_days)

    def make_plan(self, ago: int) -> None:
        """Draft the plan and, where the story says so, put it in force."""
        story, at = self.story, self.morning(ago)
        request: dict[str, Any] = {
            "drug": story.drug,
            "slots": dict(story.slots),
            "start_on": self.day(story.planned or 0).isoformat(),
            "confirmed": True,
            **(story.method or {}),
        }
        self.plan = create_plan(
            patient=self.patient, request=request, reason="First plan", by=self.prescriber, now=at
        )
        if story.activated:
            answer_level(self.patient, story.care_level_note, self.prescriber, at)
            approvals = Approvals(
                agreed_on=self.day(ago), agreed_how="visit", care_level_note=story.care_level_note
            )
            draft = self.plan.latest
            self.plan = sign_plan(
                plan=self.plan, seen=Seen(draft.number, draft.content_hash),
                signing=Signing("demo"), approvals=approvals, by=self.prescriber,
                now=at + timedelta(minutes=12),
            )  # fmt: skip
            self.history.follow(self.plan)

    def end_plan(self, ago: int) -> None:
        """End a plan that has reached its goal."""
        if self.plan is None:
            return
        self.plan.status = TaperPlan.Status.ENDED
        self.plan.save(update_fields=["status"])
        self.write_down("plan.ended", self.plan, ago)

    def change_status(self, ago: int) -> None:
        """Pause the patient, or whatever the story says happened on that day."""
        self.patient.status = self.story.status
        self.patient.save(update_fields=["status"])
        self.write_down("patient.status_changed", self.patient, ago, status=self.story.status)

    def write_down(self, event: str, obj: Any, ago: int, **details: Any) -> None:
        """Append the audit row of an act that has no action of its own yet."""
        record(
            event, by=self.prescriber, now=self.morning(ago), clinic_id=self.clinic.pk,
            patient_id=self.patient.pk, obj=obj, **details,
        )  # fmt: skip

    def check_in(self, event: Event, at: datetime) -> None:
        """Send a daily check-in, on Sundays a weekly one too, and let the staff act on it."""
        if at >= self.now:
            return
        day = at.astimezone(self.clinic.tz).date()
        step = self.history.step_on(day)
        since = (day - step.start_on).days if step else None
        answers = self.symptoms.daily(since, float(step.cut_pct) if step else 0.0)
        self.send("daily", answers | dict(event.answers), event, at)
        if event is ORDINARY and day.weekday() == 6 and at + WEEKLY_LATER < self.now:
            self.send("weekly", self.symptoms.weekly(), event, at + WEEKLY_LATER)

    def send(self, kind: str, raw: dict[str, Any], event: Event, at: datetime) -> None:
        """Store one check-in and bring its alert, if it opened one, to where it stands now."""
        step = self.history.step_on(at.astimezone(self.clinic.tz).date())
        alert = self.history.take(kind, raw, step, at)
        if alert is not None:
            look_after(alert, event, self.rng, self.now)
            self.history.read_plan()
