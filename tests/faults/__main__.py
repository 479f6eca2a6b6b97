"""`python -m tests.faults --trials 200`: break every part in turn and count lost alerts.

Exit code 1 when an alert that a patient saw as saved was lost or doubled, or a copy came
without its label. The seed is printed; the same seed gives the same faults at the same
instants, as far as the machine's own timing allows.
"""

import argparse
import random
import sys
import time
from typing import Any

from tests.faults.rig import Rig

DRAIN_SECONDS = 150


def main() -> int:
    """Run the trials and print the counts."""
    parser = argparse.ArgumentParser(prog="tests.faults")
    parser.add_argument("--trials", type=int, default=21)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {options.trials} trials", flush=True)
    rig = Rig()
    try:
        rig.start_servers()
        return run(rig, random.Random(seed), options.trials)
    finally:
        rig.stop()


def run(rig: Rig, rng: random.Random, trials: int) -> int:
    """Set the clinic up, break it, wait until all is quiet, count."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    # Imported here: models need Django set up, and Django the servers' addresses.
    from tests.faults import trials as suite

    cast = suite.hire(trials * suite.PER_TRIAL, rig.gateway.url)
    rig.start_parts()
    staff = suite.Staff(rig, cast.nurse)
    staff.start()
    submissions = suite.run_trials(rig, cast, rng, trials)
    connection.close()
    quiet_at = time.monotonic() + DRAIN_SECONDS
    result = suite.count(rig, cast, submissions)
    while (result.lost or result.not_one_alert or result.no_text) and time.monotonic() < quiet_at:
        time.sleep(0.5)
        result = suite.count(rig, cast, submissions)
    staff.going = False
    staff.join()
    return report(result, trials)


def report(result: Any, trials: int) -> int:
    """Print what came of it; return the exit code."""
    slowest = sorted(result.recoveries, reverse=True)[:5]
    times = sorted(seconds for seconds, _ in result.recoveries) or [0.0]
    print(
        f"\ntrials {trials}, check-ins saved {result.saved}, not saved {result.unsaved}\n"
        f"lost {len(result.lost)}, without exactly one alert {len(result.not_one_alert)}\n"
        f"repeats {result.repeats} (unlabelled {result.unlabelled}, "
        f"most copies of one mail {result.most_copies})\n"
        f"text messages {result.texts}, repeats {result.text_repeats}, "
        f"alerts without a text or the mail in its place {len(result.no_text)}\n"
        f"saved -> somebody reached: median {times[len(times) // 2]:.2f} s, "
        f"p95 {times[int(len(times) * 0.95)]:.1f} s, slowest recovery {times[-1]:.1f} s"
    )
    print("slowest: " + ", ".join(f"{name} {seconds:.1f} s" for seconds, name in slowest))
    kinds = {"lost": result.lost, "not one alert": result.not_one_alert, "no text": result.no_text}
    for kind, names in kinds.items():
        for name in names:
            print(f"  {kind}: {name}")
    return 1 if any(kinds.values()) or result.unlabelled else 0


if __name__ == "__main__":
    sys.exit(main())
