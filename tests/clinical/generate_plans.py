"""Generate plans in bulk and audit each one: the proof behind "no printed dose is wrong".

``python -m tests.clinical.generate_plans --plans 100000`` prints how many were
built, how many had a wrong sum or an unflagged breach, and how fast it went.
Drugs, doses, stocks, methods, intervals, goals, the drug switched to, short use
and the clinic's low-dose floor are drawn at random from a seed, so a run can be
repeated.
"""

import argparse
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from multiprocessing import Pool
from typing import Any

from apps.clinical.drugs import all_drugs
from apps.clinical.errors import ClinicalError
from apps.clinical.products import Form, Product, marketed_products
from apps.clinical.requests import parse_request
from apps.clinical.taper import build_plan
from tests.clinical.plan_audit import broken_promises, wrong_sums

SLOTS = ("morning", "midday", "evening", "night")
CHUNK = 500
EXAMPLES_SHOWN = 5


def random_request(draw: random.Random) -> dict[str, Any]:
    """Return a request as JSON values; now and then one that must be refused."""
    drug = draw.choice(all_drugs())
    stock = _stock(draw, drug.id)
    products = stock or list(marketed_products(drug.id))
    names = sorted(draw.sample(SLOTS, draw.randint(1, 4)), key=SLOTS.index)
    slots = {name: _dose(draw, products) for name in names}
    daily = sum(map(Decimal, slots.values()), Decimal(0))
    request: dict[str, Any] = {
        "drug": drug.id,
        "slots": slots,
        "method": _method(draw, drug.id, daily, slots),
        "interval_days": draw.choice([7, 10, 14, 14, 14, 21, 28]),
        "start_on": "2026-12-01",
        "confirmed": True,
    }
    if draw.random() < 0.2 and request["method"]["kind"] != "custom":
        request["goal_mg"] = _text(daily * draw.randint(1, 90) / 100)
    if draw.random() < 0.2:
        request["short_use"] = True
    if draw.random() < 0.2:
        request["low_dose_floor_mg"] = draw.choice(["0", "1", "2.5", "4", "7.5", "10"])
    if stock:
        request["products"] = [_product_json(product) for product in stock]
    return request


def _stock(draw: random.Random, drug_id: str) -> list[Product]:
    """Return a clinic's own stock, or nothing for whatever is marketed."""
    if draw.random() < 0.4:
        return []
    listed = list(marketed_products(drug_id))
    chosen = draw.sample(listed, draw.randint(1, len(listed)))
    if draw.random() < 0.3:
        chosen.append(
            Product(
                drug_id,
                Decimal(draw.choice(["0.1", "0.5", "1", "2", "2.5"])),
                Form.LIQUID,
                Decimal(draw.choice(["0.1", "0.2", "0.5", "1"])),
            )
        )
    return [_recut(draw, product) for product in chosen]


def _recut(draw: random.Random, product: Product) -> Product:
    if product.form is not Form.TABLET:
        return product
    part = Decimal(draw.choice(["1", "0.5", "0.25"]))
    try:
        return Product(product.drug_id, product.strength_mg, product.form, part)
    except ClinicalError:
        return product


def _dose(draw: random.Random, products: Sequence[Product]) -> str:
    """Return a dose a few pieces make, or rarely one that nothing makes."""
    if draw.random() < 0.02:
        return _text(Decimal(draw.randint(1, 9999)) / 1000)
    total = Decimal(0)
    for _ in range(draw.randint(1, 3)):
        product = draw.choice(products)
        most = 40 if product.is_liquid else 4
        total += product.smallest_mg * draw.randint(1, most)
    return _text(total)


def _typed_slots(draw: random.Random, slots: Iterable[str]) -> dict[str, Any]:
    """Return doses typed for a switch, now and then for the wrong times of day."""
    if draw.random() < 0.6:
        return {}
    typed = {name: str(draw.randint(1, 40)) for name in slots}
    if draw.random() < 0.1:
        typed.pop(draw.choice(list(typed)))
    return {"to_slots": typed}


def _method(
    draw: random.Random, drug_id: str, daily: Decimal, slots: Iterable[str]
) -> dict[str, Any]:
    if draw.random() < 0.15:
        # Mostly what is done, now and then another drug, and rarely the very same.
        to_drug = "diazepam" if draw.random() < 0.6 else draw.choice(all_drugs()).id
        return {
            "kind": "switch",
            "to_drug": to_drug,
            "source": draw.choice(["vadod", "ashton", "ashton_low", "ashton_high"]),
            "swap_days": draw.randint(1, 14),
            "then": _taper(draw, to_drug, daily),
            **_typed_slots(draw, slots),
        }
    return _taper(draw, drug_id, daily)


def _taper(draw: random.Random, drug_id: str, daily: Decimal) -> dict[str, Any]:
    kind = draw.choice(
        ["percent_of_current", "percent_of_start", "fixed_mg", "hyperbolic", "custom", "preset"]
    )
    if kind in ("percent_of_current", "percent_of_start"):
        return {"kind": kind, "percent": str(draw.choice([2, 5, 5, 10, 10, 10, 12, 15, 25, 40]))}
    if kind == "fixed_mg":
        return {"kind": kind, "mg": _text(max(daily / draw.randint(5, 60), Decimal("0.01")))}
    if kind == "hyperbolic":
        return {"kind": kind, "steps": draw.randint(4, 60)}
    if kind == "preset":
        names = ["asam_default", "asam_slow", "maudsley_a", "maudsley_b", "maudsley_c"]
        if drug_id == "diazepam":
            names += ["ashton", "cks", "cks_faster"]
        return {"kind": kind, "name": draw.choice(names)}
    shares = sorted((draw.randint(0, 99) for _ in range(draw.randint(2, 20))), reverse=True)
    return {"kind": "custom", "daily_mg": [_text(daily * share / 100) for share in shares]}


def _product_json(product: Product) -> dict[str, str]:
    part = {"0.5": "1/2", "0.25": "1/4"}.get(str(product.smallest_part), str(product.smallest_part))
    return {
        "strength_mg": str(product.strength_mg),
        "form": product.form.value,
        "smallest_part": str(product.smallest_part) if product.is_liquid else part,
    }


def _text(mg: Decimal) -> str:
    return format(mg.quantize(Decimal("0.001")).normalize(), "f")


def run_chunk(seed: int) -> Counter[str]:
    """Build and audit one chunk of requests; return the counts and any complaints."""
    draw = random.Random(seed)
    counts: Counter[str] = Counter()
    for _ in range(CHUNK):
        request = random_request(draw)
        try:
            plan = build_plan(parse_request(request))
        except ClinicalError as error:
            counts["refused"] += 1
            if not str(error).endswith("."):
                counts[f"example: refusal without a sentence: {error}"] += 1
            continue
        counts["plans"] += 1
        counts["steps"] += len(plan.steps)
        sums, promises = wrong_sums(plan), broken_promises(plan)
        counts["wrong"] += bool(sums)
        counts["breaches"] += bool(promises)
        for line in sums + promises:
            counts[f"example: {line} in {request}"] += 1
    return counts


def measure_plans_per_second(chunks: int = 2) -> dict[str, float]:
    """Return how many random plans a second are read, built and checked for pace, without audit.

    One process; ``refused`` requests count in the time but not as plans.
    """
    requests = [
        random_request(draw) for draw in map(random.Random, range(chunks)) for _ in range(CHUNK)
    ]
    steps = plans = 0
    begun = time.perf_counter()
    for request in requests:
        try:
            plan = build_plan(parse_request(request))
        except ClinicalError:
            continue
        plans, steps = plans + 1, steps + len(plan.steps)
    seconds = time.perf_counter() - begun
    return {
        "plans": plans,
        "refused": len(requests) - plans,
        "steps_per_plan": steps / plans,
        "per_second": plans / seconds,
    }


def measure_two_year_plan(plans: int = 200) -> dict[str, float]:
    """Return the milliseconds of one two-year plan: 53 steps, tablets solved, pace checked.

    Every plan has doses of its own, so none is answered from memory; the stock
    has been used before, as in a running clinic. ``cpu_p95_ms`` leaves out the
    time other programs took, for a machine that is busy.
    """
    build_plan(parse_request(_two_years(0)))
    times, cpu_times = [], []
    for number in range(1, plans + 1):
        request = parse_request(_two_years(number))
        begun, cpu_begun = time.perf_counter(), time.process_time()
        plan = build_plan(request)
        times.append((time.perf_counter() - begun) * 1000)
        cpu_times.append((time.process_time() - cpu_begun) * 1000)
        days = (plan.steps[-1].start_on - plan.steps[0].start_on).days
        assert days >= 700, days
    cuts = statistics.quantiles(times, n=100)
    cpu_p95 = statistics.quantiles(cpu_times, n=100)[94]
    return {"plans": plans, "p50_ms": cuts[49], "p95_ms": cuts[94], "cpu_p95_ms": cpu_p95}


def _two_years(number: int) -> dict[str, Any]:
    draw = random.Random(number)
    names = SLOTS[: draw.randint(1, 4)]
    each = Decimal(draw.randint(60, 120)) / len(names)
    return {
        "drug": "diazepam",
        "slots": {name: _text(each.to_integral_value() / 2 + 10) for name in names},
        "method": {"kind": "hyperbolic", "steps": 52},
        "start_on": "2026-12-01",
        "confirmed": True,
    }


def main(arguments: Sequence[str]) -> int:
    """Run the generator and print its figures; 1 when any plan broke a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    counts: Counter[str] = Counter()
    with Pool(options.processes) as pool:
        seeds = (options.seed * 1_000_003 + number for number in range(10**9))
        for found in pool.imap_unordered(run_chunk, _until(seeds, options.plans)):
            counts += found
    seconds = time.perf_counter() - begun
    two_years = measure_two_year_plan()
    print(f"plans            {counts['plans']}")
    print(f"refused requests {counts['refused']}")
    print(f"steps            {counts['steps']}")
    print(f"wrong sums       {counts['wrong']}")
    print(f"broken promises  {counts['breaches']}")
    print(f"plans per second {counts['plans'] / seconds:.0f}")
    print(
        f"two-year plan    p50 {two_years['p50_ms']:.2f} ms, p95 {two_years['p95_ms']:.2f} ms "
        f"(CPU p95 {two_years['cpu_p95_ms']:.2f} ms)"
    )
    examples = [line for line in counts if line.startswith("example")]
    print("\n".join(examples[:EXAMPLES_SHOWN]))
    return 1 if counts["wrong"] or counts["breaches"] or examples else 0


def _until(seeds: Any, plans: int) -> Any:
    # Some requests are refused on purpose; a sixth more chunks covers them amply.
    for _, seed in zip(range(-(-plans * 7 // (CHUNK * 6)) + 1), seeds, strict=False):
        yield seed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
