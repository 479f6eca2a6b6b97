"""Requests and plans as JSON: the shapes of design, section 3.

Reading is strict. Doses are text, unknown fields are refused, and whatever
could be meant in two ways is answered with one sentence that names the field.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from apps.clinical.doses import parse_dose_mg, parse_number, plain
from apps.clinical.drugs import get_drug
from apps.clinical.equivalence import SOURCES, diazepam_equivalents
from apps.clinical.errors import ProductError, RequestError, UnknownDrugError, shown
from apps.clinical.findings import Finding
from apps.clinical.lowering import MAX_STEPS, shown_mg
from apps.clinical.methods import (
    PRESETS,
    Custom,
    FixedMg,
    Hyperbolic,
    Method,
    PercentOfCurrent,
    PercentOfStart,
    Preset,
    Switch,
    Taper,
)
from apps.clinical.plan import (
    DEFAULT_INTERVAL_DAYS,
    MAX_INTERVAL_DAYS,
    MAX_SLOTS,
    MIN_INTERVAL_DAYS,
    SLOT_ORDER,
    Plan,
    PlanRequest,
    Step,
    TakenBefore,
    Total,
    check_whole,
)
from apps.clinical.products import Form, Product
from apps.clinical.solver import Piece

# ASAM-13 and ASH-02 speak of days to two weeks; more is a hold, not a swap [proposal].
MIN_SWAP_DAYS, MAX_SWAP_DAYS = 1, 28
DEFAULT_SWAP_DAYS = 7  # ASH-02: about a week per swap.
MAX_HYPERBOLIC_STEPS = 104  # [proposal] Two years of weekly steps; Maudsley C has 86.
MAX_PRODUCTS = 100  # [proposal] More than any pharmacy stocks of two drugs.
MIN_START, MAX_START = date(2000, 1, 1), date(2100, 1, 1)
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
PARTS = {"1": "1", "1/2": "0.5", "0.5": "0.5", "1/4": "0.25", "0.25": "0.25"}
FIELDS = (
    "drug", "slots", "method", "interval_days", "start_on", "goal_mg", "products", "confirmed",
    "short_use", "low_dose_floor_mg", "before",
)  # fmt: skip

Json = Mapping[str, Any]


def parse_request(data: object) -> PlanRequest:
    """Return the plan request written in JSON values (design, section 3).

    Doses are text in milligrams, days whole numbers, dates ISO. ``goal_mg`` is
    "0" and ``interval_days`` 14 (or the preset's own) when left out. Raises
    ClinicalError: one sentence that names the field and what it takes.
    """
    body = _object(data, "the request", FIELDS, required=("drug", "slots", "method", "start_on"))
    drug_id = get_drug(_text(body["drug"], "drug")).id
    method, interval = _method(body["method"], "method", drug_id)
    days = check_whole(
        "interval_days", body.get("interval_days", interval), MIN_INTERVAL_DAYS, MAX_INTERVAL_DAYS
    )
    return PlanRequest(
        drug_id=drug_id,
        slots=_slots(body["slots"], "slots"),
        method=method,
        start_on=_date(body["start_on"], "start_on"),
        interval_days=days,
        goal_mg=_goal(body, method),
        products=_products(body.get("products", []), drug_id, method),
        confirmed=_flag(body, "confirmed"),
        short_use=_flag(body, "short_use"),
        low_dose_floor_mg=parse_dose_mg(
            body.get("low_dose_floor_mg", "5"), field="low_dose_floor_mg", allow_zero=True
        ),
        before=_before(body.get("before", [])),
    )


def _before(value: object) -> tuple[TakenBefore, ...]:
    if not isinstance(value, list):
        raise RequestError("before: takes a list of what was taken before.")
    return tuple(_taken(item, f"before[{place}]") for place, item in enumerate(value))


def _taken(value: object, field: str) -> TakenBefore:
    where = f"{field}.doses"
    body = _object(value, field, ("doses", "last_on"), required=("doses", "last_on"))
    if not isinstance(body["doses"], dict):
        raise RequestError(f"{where}: takes milligrams by drug.")
    doses = ((get_drug(d).id, parse_dose_mg(mg, field=where)) for d, mg in body["doses"].items())
    return TakenBefore(tuple(doses), _date(body["last_on"], f"{field}.last_on"))


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan in JSON values (design, section 3); every number of a dose is text.

    In a switch ``daily_mg`` adds milligrams of two drugs, which is no
    drug's dose: ``by_drug`` has each drug's own, and every step of such a plan
    has ``as_diazepam_mg`` too, its total by every source (invariant 5 of the
    rule list), rounded down to a thousandth.
    """
    drugs = {drug for step in plan.steps for drug in step.by_drug}
    steps = [_step_json(step) for step in plan.steps]
    if len(drugs) > 1:
        for written, step in zip(steps, plan.steps, strict=True):
            written["as_diazepam_mg"] = _as_diazepam(step)
    return {
        "steps": steps,
        "findings": [_finding_json(item) for item in plan.findings],
        "totals": [_total_json(total) for total in plan.totals],
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "start_on": step.start_on.isoformat(),
        "end_on": step.end_on.isoformat() if step.end_on else None,
        "daily_mg": plain(step.daily_mg),
        "by_drug": {drug: plain(mg) for drug, mg in step.by_drug.items()},
        "slots": {
            slot: [_piece_json(piece) for piece in pieces] for slot, pieces in step.slots.items()
        },
        "cut_pct": str(step.cut_pct),
        "fall_14d_pct": str(step.fall_14d_pct),
        "verdict": step.verdict.value,
    }


def _as_diazepam(step: Step) -> dict[str, str]:
    each = [diazepam_equivalents(drug, mg).by_source for drug, mg in step.by_drug.items()]
    return {
        source: shown_mg(sum((by_source[source] for by_source in each), Fraction(0)))
        for source in SOURCES
        if all(source in by_source for by_source in each)
    }


def _piece_json(piece: Piece) -> dict[str, Any]:
    return {
        **_product_json(piece.product),
        "quantity": plain(piece.quantity),
        "mg": plain(piece.mg),
    }


def _product_json(product: Product) -> dict[str, Any]:
    return {
        "product": product.name,
        "drug": product.drug_id,
        "form": product.form.value,
        "strength_mg": plain(product.strength_mg),
        "unit": product.unit,
    }


def _finding_json(item: Finding) -> dict[str, Any]:
    return {
        "rule": item.rule,
        "level": item.level.value,
        "step": item.step,
        "message": item.message,
        "source": item.source,
        "days": item.days,
        "percentage": None if item.percentage is None else str(item.percentage),
    }


def _total_json(total: Total) -> dict[str, Any]:
    return {
        **_product_json(total.product),
        "quantity": plain(total.quantity),
        "mg": plain(total.mg),
    }


def _method(value: object, field: str, drug_id: str) -> tuple[Method, int]:
    """Return a method and the days between its steps when the request names none."""
    kind = _kind(value, field)
    if kind == "switch":
        return _switch(value, field, drug_id)
    return _taper(value, field, drug_id)


def _taper(value: object, field: str, drug_id: str) -> tuple[Taper, int]:
    kind = _kind(value, field)
    if kind == "switch":
        raise RequestError(f"{field}.kind: a switch is not followed by another switch.")
    if kind == "preset":
        body = _object(value, field, ("kind", "name"), required=("kind", "name"))
        preset = _preset(body["name"], field, drug_id)
        return preset.method, preset.interval_days
    name, read, method = _TAPERS[kind]
    body = _object(value, field, ("kind", name), required=("kind", name))
    typed = read(body[name], f"{field}.{name}")
    try:
        return method(typed), DEFAULT_INTERVAL_DAYS
    except RequestError as error:
        raise RequestError(f"{field}.{error}") from None


def _kind(value: object, field: str) -> str:
    kind = _object(value, field, None, required=("kind",))["kind"]
    if kind not in KINDS:
        raise RequestError(f"{field}.kind: takes one of {', '.join(KINDS)}, not {shown(kind)}.")
    return str(kind)


def _preset(value: object, field: str, drug_id: str) -> Preset:
    if not isinstance(value, str) or value not in PRESETS:
        raise RequestError(f"{field}.name: takes one of {', '.join(PRESETS)}, not {shown(value)}.")
    preset = PRESETS[value]
    if preset.only_drug not in (None, drug_id):
        raise RequestError(
            f"{field}.name: {preset.label} is printed for {preset.only_drug} only; "
            f"switch to {preset.only_drug} first, or choose another method."
        )
    return preset


def _percent(value: object, field: str) -> Decimal:
    return parse_number(value, field=field, what="a percentage")


def _typed_doses(value: object, field: str) -> tuple[Decimal, ...]:
    if not isinstance(value, list) or not value:
        raise RequestError(f'{field}: takes a list of daily doses such as ["9", "8"].')
    if len(value) > MAX_STEPS:
        raise RequestError(f"{field}: takes at most {MAX_STEPS} daily doses.")
    return tuple(
        parse_dose_mg(item, field=f"{field}[{index}]", allow_zero=True)
        for index, item in enumerate(value)
    )


# The name of the one value a method takes, how it is read, and what is made of it.
_TAPERS: Mapping[str, tuple[str, Callable[[object, str], Any], Callable[[Any], Taper]]] = {
    "percent_of_current": ("percent", _percent, PercentOfCurrent),
    "percent_of_start": ("percent", _percent, PercentOfStart),
    "fixed_mg": ("mg", lambda value, field: parse_dose_mg(value, field=field), FixedMg),
    "hyperbolic": (
        "steps",
        lambda value, field: check_whole(field, value, 1, MAX_HYPERBOLIC_STEPS),
        Hyperbolic,
    ),
    "custom": ("daily_mg", _typed_doses, Custom),
}
KINDS = (*_TAPERS, "preset", "switch")


def _switch(value: object, field: str, drug_id: str) -> tuple[Switch, int]:
    fields = ("kind", "to_drug", "source", "swap_days", "then", "to_slots")
    body = _object(value, field, fields, required=("to_drug", "source", "then"))
    named = _text(body["to_drug"], f"{field}.to_drug")
    try:
        to_drug = get_drug(named).id
    except UnknownDrugError as error:
        raise UnknownDrugError(f"{field}.to_{error}") from None
    then, interval = _taper(body["then"], f"{field}.then", to_drug)
    switch = Switch(
        to_drug=to_drug,
        source=_text(body["source"], f"{field}.source"),
        swap_days=check_whole(
            f"{field}.swap_days",
            body.get("swap_days", DEFAULT_SWAP_DAYS),
            MIN_SWAP_DAYS,
            MAX_SWAP_DAYS,
        ),
        then=then,
        to_slots=_slots(body["to_slots"], f"{field}.to_slots") if "to_slots" in body else (),
    )
    return switch, interval


def _goal(body: Json, method: Method) -> Decimal:
    """Return the goal; a typed list without one ends where the list ends."""
    taper = method.then if isinstance(method, Switch) else method
    if "goal_mg" not in body:
        return taper.daily_mg[-1] if isinstance(taper, Custom) else Decimal(0)
    return parse_dose_mg(body["goal_mg"], field="goal_mg", allow_zero=True)


def _slots(value: object, field: str) -> tuple[tuple[str, Decimal], ...]:
    body = _object(value, field, SLOT_ORDER)
    if not 1 <= len(body) <= MAX_SLOTS:
        raise RequestError(f"{field}: takes 1 to {MAX_SLOTS} times of day with their doses.")
    return tuple(
        (name, parse_dose_mg(body[name], field=f"{field}.{name}"))
        for name in SLOT_ORDER
        if name in body
    )


def _products(value: object, drug_id: str, method: Method) -> tuple[Product, ...]:
    if not isinstance(value, list):
        raise RequestError("products: takes a list of products.")
    if len(value) > MAX_PRODUCTS:
        raise RequestError(f"products: takes at most {MAX_PRODUCTS} products.")
    drugs = {drug_id, method.to_drug} if isinstance(method, Switch) else {drug_id}
    return tuple(
        _product(item, f"products[{index}]", drug_id, drugs) for index, item in enumerate(value)
    )


def _product(value: object, field: str, drug_id: str, drugs: Collection[str]) -> Product:
    fields = ("drug", "strength_mg", "form", "smallest_part")
    body = _object(value, field, fields, required=fields[1:])
    own_drug = _text(body.get("drug", drug_id), f"{field}.drug")
    if own_drug not in drugs:
        raise RequestError(
            f"{field}.drug: takes {' or '.join(sorted(drugs))}, not {shown(own_drug)}."
        )
    forms = [form.value for form in Form]
    if body["form"] not in forms:
        raise RequestError(
            f"{field}.form: takes one of {', '.join(forms)}, not {shown(body['form'])}."
        )
    form = Form(body["form"])
    strength_mg = parse_dose_mg(body["strength_mg"], field=f"{field}.strength_mg")
    part = _part(body["smallest_part"], f"{field}.smallest_part", form)
    try:
        return Product(own_drug, strength_mg, form, part)
    except ProductError as error:
        raise ProductError(f"{field}.{error}") from None


def _part(value: object, field: str, form: Form) -> Decimal:
    if form is Form.LIQUID:
        text = value.removesuffix("mL").rstrip(" ") if isinstance(value, str) else value
        return parse_dose_mg(text, field=field, what="millilitres")
    if not isinstance(value, str) or value not in PARTS:
        raise RequestError(f'{field}: takes "1", "1/2" or "1/4", not {shown(value)}.')
    return Decimal(PARTS[value])


def _object(
    value: object, field: str, allowed: Collection[str] | None, required: Collection[str] = ()
) -> Json:
    if not isinstance(value, dict):
        raise RequestError(f"{field}: takes a JSON object, not {shown(value)}.")
    unknown = [] if allowed is None else [name for name in value if name not in allowed]
    if unknown and allowed is not None:
        raise RequestError(
            f"{field}: {shown(unknown[0])} is not a field; it takes {', '.join(allowed)}."
        )
    missing = [name for name in required if name not in value]
    if missing:
        raise RequestError(f"{field}: {missing[0]} is missing.")
    return value


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise RequestError(f"{field}: takes text, not {shown(value)}.")
    return value


def _date(value: object, field: str) -> date:
    wrong = RequestError(
        f"{field}: takes a date such as 2026-12-01, from {MIN_START} to {MAX_START}, "
        f"not {shown(value)}."
    )
    if not isinstance(value, str) or not ISO_DATE.fullmatch(value):
        raise wrong
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise wrong from None
    if not MIN_START <= day <= MAX_START:
        raise wrong
    return day


def _flag(body: Json, field: str) -> bool:
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise RequestError(f"{field}: takes true or false, not {shown(value)}.")
    return value
