"""Writes of decisions on a live plan: each makes a new immutable version, or ends it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.breaches import Breach, breaches, not_agreed
from apps.clinical.errors import ClinicalError, NotDispensableError
from apps.clinical.plan import Plan
from apps.clinical.products import Product
from apps.clinical.requests import plan_to_json
from apps.patients.actions import StatusError, change_status
from apps.patients.models import Patient
from apps.tapers.actions import NotSeenError, content_hash, steps_hash, store_version
from apps.tapers.actions_clock import settle_locked
from apps.tapers.actions_signing import add_signature, locked, put_in_force, release_holds
from apps.tapers.approvals import Approvals, check_agreed, check_specialist, keep_approvals
from apps.tapers.changes import LEAVING, Change, DiffRow, changed, was_and_now
from apps.tapers.engine import plan_of, request_json, request_of, restocked
from apps.tapers.formulary_actions import stocked_products
from apps.tapers.leaving import why_not_end
from apps.tapers.models import SOURCE_CLOCK, PlanHold, PlanVersion, TaperPlan
from apps.tapers.outdated import gone_from, intake_since, stock_words
from apps.tapers.signable import (
    ActivationError,
    Meaning,
    Signing,
    check_breach_reason,
    check_intake_asked,
)
from apps.tapers.specialist_holds import hold_unsigned
from apps.tapers.stopping import check_no_abrupt_stop, why_refused
from apps.tapers.today import Today, today_of

NOTHING_SAID: Final = Approvals()
Kind = PlanVersion.Kind
Status = TaperPlan.Status


class ConflictError(ValueError):
    """Somebody else saved a version since this one was opened."""

    def __init__(self, based_on: int, latest: PlanVersion) -> None:
        """Say who saved what, and keep both numbers for the page that shows the difference."""
        super().__init__(
            f"{latest.created_by} saved version {latest.number} while you worked on "
            f"version {based_on}. Nothing of yours is lost: compare, then save again."
        )
        self.based_on, self.latest = based_on, latest


class EndError(ClinicalError):
    """Why a plan may not end; the text is for the prescriber."""


# What a decision makes of a plan that is left by it.
LEFT_AS: Final = {Kind.END: Status.ENDED, Kind.INPATIENT: Status.INPATIENT}
EVENTS: Final[dict[str, str]] = {Kind.END: "plan.ended", Kind.INPATIENT: "plan.moved_to_inpatient"}


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a decision would make of a plan."""

    plan: Plan
    rows: list[DiffRow]
    new_breaches: tuple[Breach, ...]
    since_step: int
    gone: tuple[str, ...] = ()
    holds: tuple[PlanHold, ...] = ()

    @property
    def seen(self) -> str:
        """What stands for steps and holds on this page: saved is what was seen.

        A decision releases the holds it was made in view of, and no other. The clock's own
        is left out: it says only that no check-in came, and is stored when somebody looks.
        """
        told = sorted(str(hold.pk) for hold in self.holds if hold.source_type != SOURCE_CLOCK)
        return content_hash({"steps": steps_hash(plan_to_json(self.plan)), "holds": told})

    @property
    def needs_second(self) -> bool:
        """Whether it falls too fast in a way that nobody has agreed to yet."""
        return bool(self.new_breaches)

    @property
    def gives_less(self) -> bool:
        """Whether less is taken on a day to come than by the version in force."""
        return any(row.is_less for row in self.rows)


def preview_change(plan: TaperPlan, change: Change, now: datetime) -> ChangePreview:
    """Return the plan after a decision, beside the one in force. Stores nothing.

    Raises `apps.clinical.errors.ClinicalError` with one sentence.
    """
    return previewed(today_of(plan, now, pieces=True), change)


def previewed(state: Today, change: Change) -> ChangePreview:
    """Return the same from a plan's state at hand.

    Steps to come are made of what the clinic stocks now. Where the dose of today cannot
    be made of that, the plan goes on with its own products and says which are gone.
    """
    if change.kind == Kind.END:
        check_can_end(state)
    before = plan_of(state.version)
    number = state.step.number if state.step else 1
    try:
        after = changed(restocked(before, stock_of(state, change)), number, state.day, change)
    except NotDispensableError:
        after = changed(before, number, state.day, change)
    check_no_abrupt_stop(state.plan.patient, after.steps, state.day, after=number)
    asked, agreed = breaches(after.steps, after=number), breaches(before.steps)
    return ChangePreview(
        plan=after,
        rows=was_and_now(state.steps, () if change.kind in LEAVING else after.steps, state.day),
        new_breaches=not_agreed(asked, agreed),
        since_step=number,
        gone=gone_from(after.steps[number:], state.plan.clinic_id),
        holds=tuple(state.holds),
    )


def stock_of(state: Today, change: Change) -> list[Product]:
    """Return what the clinic stocks now of every drug that a decision may give."""
    request = request_of(state.version)
    typed = change.values.get("method") or {}
    drugs = dict.fromkeys([request.drug_id, request.final_drug_id, typed.get("to_drug")])
    clinic_id = state.plan.clinic_id
    return [each for drug in drugs if drug for each in stocked_products(clinic_id, drug)]


@transaction.atomic
def change_plan(
    *, plan: TaperPlan, change: Change, based_on: int, signing: Signing, by: User, now: datetime,
    approvals: Approvals = NOTHING_SAID, seen: str | None = None,
) -> PlanVersion:  # fmt: skip
    """Save a decision as a new signed version and let the plan follow it, or leave it.

    Version, steps, signature, approvals, released holds and audit row are saved together
    or not at all. A version that falls too fast waits for a second prescriber; until then
    the one in force goes on. Saving the same decision twice returns the first version.
    `seen` is `ChangePreview.seen` of the page a person looked at; None where none was shown.
    Raises `ConflictError` when somebody else saved since version `based_on`,
    `NotSeenError` for other steps or a hold that came since, ClinicalError or
    `ActivationError` with the reason otherwise.
    """
    plan = locked(plan)
    latest = plan.latest
    is_same = latest.change == change.as_json() and latest.created_by_id == by.pk
    if latest.number == based_on + 1 and is_same:
        return latest
    check_open_to(plan, change.kind)
    if latest.number != based_on:
        raise ConflictError(based_on, latest)
    settle_locked(plan, now)
    state = today_of(plan, now, pieces=True)
    preview = previewed(state, change)
    if seen is not None and seen != preview.seen:
        raise NotSeenError(seen)
    check_approvals(state, preview, change, approvals, by)
    version = store_version(
        plan,
        preview.plan,
        request=request_json(state.version.request, preview.plan, change.values.get("method")),
        reason=change.reason,
        needs_second=preview.needs_second,
        by=by,
        now=now,
        kind=change.kind,
        change=change.as_json(),
        number=latest.number + 1,
    )
    check_breach_reason(version, signing)
    keep_approvals(version, approvals, state.day, by, now)
    add_signature(version, Meaning.PRESCRIBE, signing, by, now)
    released = follow(plan, version, by, now)
    write_down(EVENTS.get(change.kind, "plan.changed"), plan, by, now, version=version.number,
               kind=str(change.kind), released_holds=released,
               content_hash=version.content_hash)  # fmt: skip
    return version


def check_approvals(
    state: Today, preview: ChangePreview, change: Change, approvals: Approvals, by: User
) -> None:
    """Raise `ActivationError` for what has to be on record before a decision.

    What keeps, raises or slows the dose waits for nobody: a hold in an emergency is never
    refused for a paper. What gives less than the version in force, or lets a held cut
    come, needs the patient's agreement, an intake that agrees, and a specialist's word on
    whatever the intake says since the last one.
    """
    plan, patient = state.plan, state.plan.patient
    check_agreed(
        approvals, state.version.created_at, patient, state.day, is_needed=preview.gives_less
    )
    if preview.gives_less or change.kind == PlanVersion.Kind.GO_ON:
        check_intake_asked(patient)
        found = intake_since(plan, state.version)
        if preview.gone:
            found.append(stock_words(preview.gone, is_live=True))
        if found:
            raise ActivationError(" ".join(found))
        check_specialist(plan, approvals.specialist, [by], state.day)


def check_open_to(plan: TaperPlan, kind: str) -> None:
    """Raise `ActivationError` unless the plan can still be decided on: after a hospital, ended."""
    open_to = {Status.ACTIVE, Status.INPATIENT} if kind == Kind.END else {Status.ACTIVE}
    if plan.status not in open_to:
        raise ActivationError(f"This plan is {plan.get_status_display().lower()}, not active.")


def follow(plan: TaperPlan, version: PlanVersion, by: User, now: datetime) -> int:
    """Put a signed version in force, and leave the plan where it says so; count released holds.

    Part of the caller's transaction. Nothing happens while a second signature is missing.
    """
    if version.needs_second:
        return 0
    if version.kind not in LEFT_AS:
        put_in_force(plan, version, by, now)
        released = release_holds(plan, version.reason, by, now)
        settle_locked(plan, now)
        # A hold that waits for a specialist outlives every decision but theirs.
        hold_unsigned(plan, version.pk, by, now)
        return released
    plan.status = LEFT_AS[Kind(version.kind)]
    # One that ends after a hospital was left for it: its dose was taken until then, not until now.
    if plan.left_at is None:
        plan.left_at, plan.left_by, plan.left_reason = now, by, version.reason
    put_in_force(plan, version, by, now, "status", "left_at", "left_by", "left_reason")
    if version.kind == Kind.INPATIENT:
        try:
            change_status(patient=plan.patient, status=Patient.Status.IN_HOSPITAL, by=by, now=now)
        except StatusError as error:
            raise ActivationError(str(error)) from error
    return release_holds(plan, version.reason, by, now)


def check_can_end(state: Today) -> None:
    """Raise `EndError` when ending would leave the patient without the dose they take.

    A plan that has come to its goal, or was stopped at a dose that goes on, may end; so
    may one that has not begun. An open hold is neither. Otherwise ending is a stop at
    once, which only a documented path of ASAM-05 allows (ASAM-03). A plan left for a
    hospital ends when the hospital has said what is still taken.
    """
    step, version = state.step, state.version
    if state.plan.status == Status.INPATIENT:
        said = why_not_end(state.plan)
        if said:
            raise EndError(said)
        return
    if step is None or not step.by_drug or version.course.get("stopped"):
        return
    if state.next is None and not version.course.get("held"):
        return
    why = why_refused(state.plan.patient, state.day)
    if why:
        raise EndError(
            f"The patient takes {step.dose} a day, and this plan is to go lower. Ending it now "
            f"would stop the medicine at once. {why}"
        )


def write_down(event: str, plan: TaperPlan, by: User, now: datetime, **details: object) -> None:
    """Append the audit row of a decision."""
    record(
        event, by=by, now=now, clinic_id=plan.clinic_id, patient_id=plan.patient_id, obj=plan,
        **details,
    )  # fmt: skip
