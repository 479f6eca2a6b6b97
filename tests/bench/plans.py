"""How many plans are built in a second, and how long a two-year plan takes."""

from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage
from tests.clinical.generate_plans import measure_plans_per_second, measure_two_year_plan


@measures("plan_two_years", "plans_per_second")
def plan_speed(stage: Stage) -> list[Figure]:
    """Measure schedules of two years one by one, and random ones in a row, on one core.

    No rate was promised: what it must and may reach follows from the time of one plan.
    """
    times = measure_two_year_plan()
    bulk = measure_plans_per_second()
    return [
        Figure(
            "plan_two_years", times["p95_ms"], "ms", 20, 3, False,
            f"{times['plans']:.0f} plans of 53 steps, each of its own doses; p50 "
            f"{times['p50_ms']:.2f} ms, value is p95; {machine()}",
        ),
        Figure(
            "plans_per_second", bulk["per_second"], "plans/s", 1000 / 20, 1000 / 3, True,
            f"{bulk['plans']:.0f} random plans of all drugs, stocks and methods, "
            f"{bulk['steps_per_plan']:.0f} steps on average, read, built and pace-checked in one "
            f"process; {bulk['refused']:.0f} refused requests count in the time; {machine()}",
        ),
    ]  # fmt: skip
