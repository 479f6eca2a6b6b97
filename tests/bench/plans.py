"""How long a two-year plan takes."""

from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage
from tests.clinical.generate_plans import measure_two_year_plan


@measures("plan_two_years")
def plan_two_years(stage: Stage) -> list[Figure]:
    """Measure one schedule of two years, tablets solved and pace checked."""
    times = measure_two_year_plan()
    return [
        Figure(
            "plan_two_years", times["p95_ms"], "ms", 20, 3, False,
            f"{times['plans']:.0f} plans of 53 steps, each of its own doses; p50 "
            f"{times['p50_ms']:.2f} ms, value is p95; {machine()}",
        )
    ]  # fmt: skip
