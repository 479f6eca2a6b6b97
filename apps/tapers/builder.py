"""The builder's page between typing and saving: one plan, or two side by side. Stores nothing.

What was typed for the plan put aside travels with the page in hidden fields of its own
prefix, so that comparing needs neither a script nor a row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.http import QueryDict
from django.utils import timezone

from apps.clinical.errors import ClinicalError
from apps.clinical.requests import parse_request
from apps.patients.models import Patient
from apps.tapers.actions import preview_plan, steps_hash
from apps.tapers.charts import DoseChart, dose_charts
from apps.tapers.forms import PlanForm
from apps.tapers.forms_method import method_typed, tell
from apps.tapers.methods_words import method_words
from apps.tapers.models import TaperPlan
from apps.tapers.step_rows import StepRow, day_words, step_rows, weeks_of
from apps.tapers.stopping import AbruptStopError
from apps.tapers.tablets import dose_words

ASIDE: Final = "a"  # prefix of the fields of the plan put aside
# What the table on the page was made of; doses typed into it mean nothing with another drug.
TABLE_FIELDS: Final = ("interval_days", "method", "to_drug", "source", "swap_days")
FEW: Final = 3  # so many steps are named in a cell
BLANK: Final = "?"  # what a step without a dose becomes in the list: it is refused, never skipped


@dataclass
class Candidate:
    """What was typed for one plan and, when it can be made, its steps."""

    form: PlanForm
    preview: dict[str, Any] | None = None
    rows: list[StepRow] = field(default_factory=list)
    is_abrupt: bool = False

    @property
    def seen(self) -> str:
        """What stands for the steps on this page: saved is what was seen."""
        return steps_hash(self.preview) if self.preview else ""

    @property
    def table(self) -> list[tuple[str, str]]:
        """What the page remembers of its table, to tell which doses were typed over."""
        request = self.form.engine_request()
        doses = [row.typed or BLANK for row in self.rows if row.number in self.editable]
        made_of = {
            "interval_days": str(self.interval_days),
            **{name: str(self.form[name].value() or "") for name in TABLE_FIELDS[2:]},
            "method": "switch" if request["method"]["kind"] == "switch" else "custom",
        }
        return [("table_doses", " ".join(doses)),
                *((f"table_{name}", value) for name, value in made_of.items())]  # fmt: skip

    @property
    def needs_second(self) -> bool:
        """Whether a second prescriber would have to sign it."""
        return any(row.verdict == "block" for row in self.rows)

    @property
    def words(self) -> str:
        """What was asked for, in a sentence, so that a slip of typing is seen."""
        request = self.form.engine_request()
        goal = f", to {request['goal_mg']} mg a day" if "goal_mg" in request else ""
        return method_words({"interval_days": self.interval_days, **request}) + goal

    @property
    def interval_days(self) -> int:
        """The days between cuts, a published method's own where none were typed."""
        return parse_request(self.form.engine_request()).interval_days

    @property
    def editable(self) -> set[int]:
        """Numbers of the steps whose dose may be typed over: those after the present dose.

        While two drugs are taken, steps follow from the equivalence and not from a number.
        """
        drugs = [set(row.by_drug) for row in self.rows]
        final = next((names for names in reversed(drugs) if names), set())
        alone = [row.number for row, names in zip(self.rows, drugs, strict=True) if names == final]
        return {row.number for row in self.rows if alone and row.number > alone[0]}

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What two plans are compared by."""
        rows, named = self.rows, len({drug for row in self.rows for drug in row.by_drug}) > 1
        ends_at = dose_words(rows[-1].by_drug, named=named)
        taken = [row for row in rows if row.by_drug]  # the end is a cut of 100 % in every plan
        return [
            ("Method", self.words),
            ("Cuts", str(sum(row.cut_pct != "–" for row in rows))),
            ("Last step", f"{day_words(rows[-1].start_on)}, after {weeks_of(rows)} weeks"),
            ("Ends at", f"{ends_at} a day"),
            ("Largest cut above 0 mg", largest(row.cut_pct for row in taken)),
            ("Largest fall in 14 days above 0 mg", largest(row.fall_14d_pct for row in taken)),
            ("Too fast at", steps_at(rows)),
            ("Second prescriber", "must sign too" if self.needs_second else "not needed"),
        ]

    def charts(self, other: "Candidate | None" = None) -> list[DoseChart]:
        """Return a chart per drug, with the other plan's line where there is one."""
        return dose_charts(self.rows, other.rows if other and other.preview else ())


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """A day on which one of two plans begins a dose."""

    day: date
    one: str
    other: str

    @property
    def is_changed(self) -> bool:
        """Whether the plans differ from this day on."""
        return self.one != self.other


def candidate(data: QueryDict | None, patient: Patient, prefix: str | None = None) -> Candidate:
    """Return what was typed and its preview; a wrong value is told beside its field."""
    form = PlanForm(data, patient=patient, prefix=prefix)
    found = Candidate(form)
    if data is None or not form.is_valid():
        return found
    try:
        today = timezone.localdate(timezone=patient.tz)
        found.preview = preview_plan(patient, form.engine_request(), today)
    except ClinicalError as error:
        tell(form, error)
        found.is_abrupt = isinstance(error, AbruptStopError)
    else:
        found.rows = step_rows(found.preview["steps"], found.preview["findings"])
    return found


def aside(data: QueryDict, patient: Patient) -> Candidate | None:
    """Return the plan put aside, None when there is none."""
    return candidate(data, patient, ASIDE) if f"{ASIDE}-method" in data else None


def as_asked(data: QueryDict, patient: Patient) -> QueryDict:
    """Return what was posted as the plan it asks for: the one place that reads it.

    Doses typed over in the table count whichever button was pressed, except the one that
    drops them. Then the plans change places where the button says so.
    """
    if "untype" not in data and ("edit" in data or is_typed_over(data)):
        data = with_typed_doses(data)
    data = data.copy()
    names = [*PlanForm(patient=patient).fields, "seen"]
    kept = {name: data.get(f"{ASIDE}-{name}", "") for name in names}
    shown = {name: data.get(name, "") for name in names}
    if {"keep", "swap", "choose_aside"} & set(data):
        for name, value in shown.items():
            data[f"{ASIDE}-{name}"] = value
    if {"swap", "choose_aside"} & set(data) and kept["method"]:
        for name, value in kept.items():
            data[name] = value
    if "drop" in data:
        for name in names:
            data.pop(f"{ASIDE}-{name}", None)
    return data


def typed_before(draft: TaperPlan, patient: Patient) -> QueryDict:
    """Return what was typed for a draft, as its page would post it again."""
    version = draft.latest
    request, typed = version.request, QueryDict(mutable=True)
    typed.update(
        {
            **{
                name: str(field.initial or "")
                for name, field in PlanForm(patient=patient).fields.items()
            },
            **method_typed(request["method"]),
            "start_on": request["start_on"],
            "interval_days": str(request.get("interval_days", "")),
            "goal_mg": request.get("goal_mg", ""),
            "reason": version.reason,
            "based_on": str(version.number),
        }
    )
    return typed


def typed_steps(data: QueryDict) -> dict[int, str]:
    """Return what stands in the table's fields, by the number of the step."""
    numbers = [int(name[5:]) for name in data if name[:5] == "edit_" and name[5:].isdecimal()]
    return {number: str(data[f"edit_{number}"]).strip() for number in sorted(numbers)}


def is_typed_over(data: QueryDict) -> bool:
    """Answer whether a dose in the table differs from the one that was printed there."""
    typed = typed_steps(data)
    return bool(typed) and list(typed.values()) != data.get("table_doses", "").split()


def with_typed_doses(data: QueryDict) -> QueryDict:
    """Return the post as a plan of typed doses: every step's as it stands in the table.

    Nothing is guessed: all doses come from the table that was typed over, with the drug,
    the equivalence and the days it was made of, and a blank one is refused by its step.
    """
    data = data.copy()
    doses = [dose or BLANK for dose in typed_steps(data).values()]
    for name in TABLE_FIELDS:
        if f"table_{name}" in data:
            data[name] = str(data[f"table_{name}"])
    data["then" if data.get("method") == "switch" else "method"] = "custom"
    data["daily_mg"] = "\n".join(doses)
    return data


def facts_of_both(one: Candidate, other: Candidate) -> list[tuple[str, str, str]]:
    """Return what two plans are compared by, side by side; a dash where there is no plan."""
    first = dict(one.facts if one.preview else ())
    second = dict(other.facts if other.preview else ())
    return [
        (label, first.get(label, "–"), second.get(label, "–"))
        for label in dict.fromkeys((*first, *second))
    ]


def compared(one: Sequence[StepRow], other: Sequence[StepRow]) -> list[ComparedDay]:
    """Return both plans by day, one row per day on which either begins a step."""
    days = sorted({row.start_on for row in (*one, *other)})
    return [ComparedDay(day, dose_on(one, day), dose_on(other, day)) for day in days]


def dose_on(rows: Sequence[StepRow], day: date) -> str:
    """Return the dose of a day in words, a dash before the first step."""
    begun = [row.dose for row in rows if row.start_on <= day]
    return begun[-1] if begun else "–"


def steps_at(rows: Sequence[StepRow]) -> str:
    """Return the steps that fall above the limit, with their days."""
    found = [f"step {row.number}, {row.start}" for row in rows if row.verdict == "block"]
    more = f" and {len(found) - FEW} more" if len(found) > FEW else ""
    return "; ".join(found[:FEW]) + more if found else "no step"


def largest(percents: Iterable[str]) -> str:
    """Return the highest of printed percentages."""
    return max(percents, key=lambda text: Decimal(text.removesuffix(" %").replace("–", "0")))
