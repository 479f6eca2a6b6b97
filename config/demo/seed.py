"""Load the whole fictional installation: all of it or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.models import Alert
from apps.dashboard.count_actions import count_due
from apps.dashboard.state_actions import rebuild_states
from apps.patients.models import Clinic, Patient, Role, StaffMember
from apps.tapers.models import TaperPlan
from config.demo.journey import Journey
from config.demo.people import CLINICS, DemoClinic, address
from config.demo.rota import store_reach, store_rota
from config.demo.supply import stock_clinic
from config.demo.units import store_units, tell_stays
from config.demo.windows import store_windows
from config.demo.work import store_work

Say = Callable[[str], None]
LONGEST_DAYS = 2_000  # of history that the overview counts at once


class AlreadyLoadedError(Exception):
    """There is a clinic in the database; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How much there is now."""

    clinics: int
    staff: int
    shifts: int
    patients: int
    active_plans: int
    check_ins: int
    alerts: int
    unresolved: int

    def __str__(self) -> str:
        return (
            f"{self.clinics} clinics, {self.staff} staff, {self.patients} patients "
            f"({self.active_plans} on an active plan), {self.check_ins:,} check-ins, "
            f"{self.alerts} alerts ({self.unresolved} still need somebody)"
        )


@transaction.atomic
def load_demo(*, now: datetime, say: Say, clinics: Sequence[DemoClinic] = CLINICS) -> Summary:
    """Store the clinics with their people, plans, check-ins and alerts as of `now`.

    Everything or nothing. The same `now` gives the same people, doses, answers and
    levels. Raises `AlreadyLoadedError` and changes nothing when any clinic exists.
    """
    if Clinic.objects.exists():
        raise AlreadyLoadedError("There is a clinic already. Nothing was changed.")
    shifts = check_ins = 0
    for plan in clinics:
        clinic, staff = open_clinic(plan)
        first = now - timedelta(days=max(story.registered for story in plan.patients) + 1)
        shifts += store_rota(clinic, staff, first=first.date(), now=now)
        store_reach(clinic, staff, now)
        stock_clinic(clinic, staff[0].user, first)
        store_units(clinic, staff[0].user, first)
        say(f"{clinic.name}: {len(staff)} staff, on call around the clock")
        check_ins += tell_stories(plan, clinic, staff, now)
        tell_stays(clinic, staff, now)
        store_windows(clinic)
        store_work(clinic, staff, now)
        say(f"{clinic.name}: {len(plan.patients)} patients with their plans and check-ins")
    rebuild_states(now)
    count_due(now, at_once=LONGEST_DAYS)
    return Summary(
        clinics=len(clinics),
        staff=StaffMember.objects.count(),
        shifts=shifts,
        patients=Patient.objects.count(),
        active_plans=TaperPlan.objects.active().count(),
        check_ins=check_ins,
        alerts=Alert.objects.count(),
        unresolved=Alert.objects.unresolved().count(),
    )


def open_clinic(plan: DemoClinic) -> tuple[Clinic, list[StaffMember]]:
    """Create one clinic and its staff. Nobody has a password: the entry page lets them in."""
    clinic = Clinic.objects.create(
        name=plan.name,
        time_zone=plan.time_zone,
        phone=plan.phone,
        after_hours_phone=plan.after_hours_phone,
    )
    staff = []
    for person in plan.staff:
        user = User.objects.create_user(
            email=address(person.full_name, plan.domain), full_name=person.full_name
        )
        staff.append(StaffMember.objects.create(clinic=clinic, user=user, role=person.role))
    return clinic, staff


def tell_stories(plan: DemoClinic, clinic: Clinic, staff: list[StaffMember], now: datetime) -> int:
    """Let every patient of a clinic live their story; return how many check-ins they sent."""
    prescribers = cycle(m.user for m in staff if m.role in (Role.PRESCRIBER, Role.CLINICAL_LEAD))
    return sum(Journey(story, clinic, next(prescribers), now).tell() for story in plan.patients)
