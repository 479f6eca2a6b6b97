"""`python -m tests.faults --trials 200`: break every part in turn and count lost alerts.

Exit code 1 when a patient never saw "saved", when an alert that one saw as saved was lost or
doubled, or a copy came without its label or without a crash that explains it. What counts is
what the patients saw and what the mail server and the gateway kept; crashes are counted where
they are done. The seed is printed; the same seed
gives the same faults at the same instants, as far as the machine's own timing allows.
"""

import argparse
import random
import sys
import time
from typing import Any

from tests.faults.rig import Rig
from tests.harness.template import copy_tables

DRAIN_SECONDS = 150
SHOWN = 12


def main() -> int:
    """Run the trials and print the counts."""
    parser = argparse.ArgumentParser(prog="tests.faults")
    parser.add_argument("--trials", type=int, default=21)
    parser.add_argument(
        "--short", action="store_true", help="every fault once, one of each lane at a time"
    )
    parser.add_argument(
        "--at-once", action="store_true", help="one of each lane at a time, in whole rounds"
    )
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--explain", type=float, default=30.0, metavar="SECONDS",
        help="print the timeline of every recovery that took longer (30)",
    )  # fmt: skip
    parser.add_argument(
        "--rungs", type=int, default=6, metavar="NUMBER",
        help="rungs of the night in which nobody acts, after the trials (6)",
    )  # fmt: skip
    parser.add_argument(
        "--tables-of", metavar="URL", help="begin with a copy of this migrated database's tables"
    )
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    form = "every fault once" if options.short else f"{options.trials} trials"
    form += ", a fault of each lane at a time" if options.short or options.at_once else ""
    print(f"seed {seed}, {form}", flush=True)
    rig = Rig()
    try:
        rig.start_servers()
        if options.tables_of:
            copy_tables(options.tables_of, rig.database.url)
        return run(rig, random.Random(seed), options)
    finally:
        rig.stop()


def run(rig: Rig, rng: random.Random, options: argparse.Namespace) -> int:
    """Set the clinic up, break it, wait until all is quiet, count, and let a night pass."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    # Imported here: models need Django set up, and Django the servers' addresses.
    from tests.faults import trials as suite
    from tests.faults.counting import count
    from tests.faults.night import nobody_acts

    rounds = 1 if options.short else -(-options.trials // len(suite.FAULTS))
    at_once = options.short or options.at_once
    trials: int = rounds * len(suite.FAULTS) if at_once else options.trials
    casts = [suite.hire(trials, rig.gateway.url), suite.hire(trials)]
    begun = time.monotonic()
    rig.start_parts()
    staff = suite.Staff(rig, casts)
    staff.start()
    submissions = (
        suite.run_at_once(rig, casts, rng, rounds)
        if at_once
        else suite.run_trials(rig, casts, rng, trials)
    )
    connection.close()
    quiet_at = time.monotonic() + DRAIN_SECONDS
    result = count(rig, casts, submissions)
    while result.is_unfinished() and time.monotonic() < quiet_at:
        time.sleep(0.5)
        result = count(rig, casts, submissions)
    staff.going = False
    staff.join()
    failed = report(result, trials, time.monotonic() - begun, options.explain)
    return max(failed, report_night(nobody_acts(rig, casts, options.rungs)))


def report_night(late: list[float]) -> int:
    """Print how far off its minute the mail of each rung came; return the exit code."""
    from tests.faults.night import ALLOWED

    if late:
        print(
            f"nobody acts, every process killed between two rungs: rungs mailed {len(late)}, "
            f"{min(late):+.1f} to {max(late):+.1f} s off the minute (allowed {ALLOWED:.0f})"
        )
    return int(any(abs(seconds) > ALLOWED for seconds in late))


def report(result: Any, trials: int, seconds: float, explain: float) -> int:
    """Print what came of it; return the exit code."""
    from tests.faults.counting import timeline

    done = ", ".join(f"{what} {number}" for what, number in sorted(result.crashes.items()))
    print(
        f"\ntrials {trials} in {seconds:.0f} s, check-ins saved {result.saved}, "
        f"not saved {len(result.unsaved)}\n"
        f"lost {len(result.lost)}, without exactly one alert {len(result.not_one_alert)}\n"
        f"repeats {result.repeats} (unlabelled {len(result.unlabelled)}, "
        f"most copies of one mail {result.most_copies})\n"
        f"text messages {result.texts}, repeats {result.text_repeats}, "
        f"alerts without a text or the mail in its place {len(result.no_text)}, "
        f"refused both for good {len(result.refused)}\n"
        f"done to the clinic: {done}; kept and not answered {result.unanswered}\n"
        f"messages repeated more than once per crash {len(result.too_often)}"
    )
    for has_phone, clinic in ((False, "clinic with mail alone"), (True, "with a phone too")):
        print_times(clinic, [r.seconds for r in result.recoveries if r.has_phone is has_phone])
    print_slowest(result, explain)
    for trial, alert in result.no_text:
        print(f"\n{trial}, no text:", *timeline(alert), sep="\n")
    kinds = {
        "not saved": result.unsaved,
        "lost": result.lost,
        "mail about no check-in": result.strangers,
        "not one alert": result.not_one_alert,
        "no text": [trial for trial, _ in result.no_text],
        "repeated too often": result.too_often,
        "more than one copy without its label": result.unlabelled,
    }
    for kind, names in kinds.items():
        for name in names:
            print(f"  {kind}: {name}")
    return 1 if any(kinds.values()) or not result.saved else 0


def print_times(clinic: str, times: list[float]) -> None:
    """Print how soon somebody was reached; `times` in ascending order."""
    if times:
        print(
            f"saved -> somebody reached, {clinic}: median {times[len(times) // 2]:.2f} s, "
            f"p95 {times[int(len(times) * 0.95)]:.1f} s, slowest recovery {times[-1]:.1f} s"
        )


def print_slowest(result: Any, explain: float) -> None:
    """Name the slowest, and show what went on in those slower than `explain` seconds."""
    from tests.faults.counting import timeline

    slowest = result.recoveries[: -SHOWN - 1 : -1]
    print("slowest: " + ", ".join(f"{one.trial} {one.seconds:.1f} s" for one in slowest))
    for one in slowest:
        if one.seconds > explain:
            print(f"\n{one.trial}, {one.seconds:.1f} s:", *timeline(one.alert), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
