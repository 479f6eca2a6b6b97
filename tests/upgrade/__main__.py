"""`python -m tests.upgrade [--from REF]`: upgrade a working clinic and count what patients lost.

Exit code 1 when a check-in was not saved, an alert was not told exactly once or later than a minute
after the patient first pressed the button, or the check-ins ended before the upgrade did: what went
on with nobody there proves nothing. `--keep COMMIT` makes that release the previous
one instead.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.faults.rig import PROJECT, Rig
from tests.upgrade import release
from tests.upgrade.asked_of_it import HIRE

PER_SECOND = 5
LATE_SECONDS = 60.0
STEADY_SECONDS = 8.0  # before, between and after the steps of the upgrade
ENOUGH_SECONDS = 300  # for so long there are links; a drill that takes longer fails
GRACE_SECONDS = 40  # what deploy/ grants a process that is told to stop
WORK = ("worker", "beat", "dispatcher")


def main() -> int:
    """Run the drill and print what came of it."""
    parser = argparse.ArgumentParser(prog="tests.upgrade")
    parser.add_argument(
        "--from", dest="reference", help="a number of the change log, tag or commit"
    )
    parser.add_argument("--keep", metavar="COMMIT", help="make this the previous release, and stop")
    options = parser.parse_args()
    if options.keep:
        print(f"{release.keep(options.keep):,} bytes in {release.KEPT.relative_to(PROJECT)}")
        return 0
    rig = Rig()
    try:
        rig.start_servers(settings="config.settings_test")
        old = rig.private / "previous"
        commit = release.unpack(old, options.reference)
        count = len([*old.glob("apps/*/migrations/0*.py")])
        more = len([*PROJECT.glob("apps/*/migrations/0*.py")]) - count
        print(
            f"from {commit} to this checkout, {more} migrations more, "
            f"{PER_SECOND} red flags a second",
            flush=True,
        )
        return drill(rig, old)
    finally:
        rig.stop()


def drill(rig: Rig, old: Path) -> int:
    """Upgrade from the release in a folder while patients go on."""
    owner = dict(os.environ)
    release.run(old, owner, "manage.py", "migrate", "--verbosity", "0")
    release.run(old, owner, "manage.py", "createcachetable")
    count = ENOUGH_SECONDS * PER_SECOND
    paths = json.loads(release.run(old, owner, "-c", HIRE, str(count)))
    import django

    django.setup()
    # Imported here: the harness and the models read Django's settings.
    from tests.harness.processes import Parts

    rig.parts = Parts(
        database_url=rig.database.url,
        broker_url=rig.redis.url,
        email_url=os.environ["EMAIL_URL"],
    )
    over, sent = threading.Event(), list[Any]()
    patients = threading.Thread(target=submit_steadily, args=[rig, paths, over, sent])
    rig.parts.checkout = old
    before = start(rig.parts)
    patients.start()
    try:
        upgrade(rig.parts, before, owner)
        went_on = patients.is_alive() and len(sent) < len(paths)
    finally:
        over.set()
        patients.join()
    code = report(rig, sent)
    if not went_on:
        print(
            f"NOT PROVED: the check-ins ended before the upgrade did. There are links for "
            f"{ENOUGH_SECONDS} s: run it on a machine to itself, or raise ENOUGH_SECONDS."
        )
    return code if went_on else 1


def start(parts: Any) -> dict[str, Any]:
    """Start one of each process, of the release in `parts.checkout`."""
    return {name: getattr(parts, name)() for name in ("web", *WORK)}


def upgrade(parts: Any, before: dict[str, Any], owner: dict[str, str]) -> None:
    """Do what docs/operations.md says, in its order, with the processes of both releases there."""
    time.sleep(STEADY_SECONDS)
    begun = time.monotonic()
    release.run(PROJECT, owner, "manage.py", "migrate", "--verbosity", "0")
    print(f"  migrated in {time.monotonic() - begun:.1f} s", flush=True)
    time.sleep(STEADY_SECONDS)  # the previous release on the new tables
    parts.checkout = PROJECT
    for names in (WORK, ("web",)):
        for name in names:
            getattr(parts, name)()
        begun = time.monotonic()
        for name in names:
            before[name].stop(grace=GRACE_SECONDS)
        said = f"{', '.join(names)}: replaced, stopped in {time.monotonic() - begun:.1f} s"
        print(f"  {said}", flush=True)
    time.sleep(STEADY_SECONDS)


def submit_steadily(rig: Rig, paths: list[str], over: threading.Event, sent: list[Any]) -> None:
    """Submit at the steady rate until it is over, each patient as a phone that tries again."""
    from tests.faults.trials import Submission, submit

    port, begun = rig.parts.listener.getsockname()[1], time.monotonic()
    with ThreadPoolExecutor(32) as pool:
        for number, path in enumerate(paths):
            if over.wait(max(0.0, begun + number / PER_SECOND - time.monotonic())):
                return
            now = time.monotonic()
            sent.append(Submission(path, f"check-in {number}", has_phone=False, begun_at=now))
            pool.submit(submit, port, sent[-1])


def report(rig: Rig, sent: list[Any]) -> int:
    """Count, once every message had its time, and print; return the exit code."""
    from apps.alerts.models import Alert
    from apps.checkins.models import CheckIn
    from tests.faults.trials import read_mails, subject_reference

    keys = {str(each.key) for each in sent}
    rows = CheckIn.objects.filter(submission_id__in=keys).values_list("pk", "submission_id")
    key_of = {pk: str(key) for pk, key in rows}
    alerts = Alert.objects.filter(source_id__in=key_of).values_list("source_id", "reference")
    reference_of = {key_of[pk]: reference for pk, reference in alerts}
    deadline = time.monotonic() + LATE_SECONDS
    while True:
        mails = read_mails(rig)
        told = {subject_reference(mail["subject"]) for mail in mails}
        if set(reference_of.values()) <= told or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    copies = Counter(mail["id"] for mail in mails)
    first: dict[str, float] = {}
    for mail in mails:
        first.setdefault(subject_reference(mail["subject"]), float(mail["at"]))
    saved = [each for each in sent if each.saved_at is not None]
    never = float("inf")
    late = [first.get(reference_of.get(str(e.key), ""), never) - e.begun_at for e in saved]
    waited = [each.saved_at - each.begun_at for each in saved]
    lost = len([each for each in saved if str(each.key) not in reference_of])
    wrong = {
        "not saved": len(sent) - len(saved),
        "saved twice or not at all": lost + len(alerts) - len(reference_of),
        f"not told, or later than {LATE_SECONDS:.0f} s": sum(s > LATE_SECONDS for s in late),
        "told twice": sum(number > 1 for number in copies.values()),
    }
    print(
        f"check-ins {len(sent)}, saved {len(saved)}, asked again {sum(e.tries > 1 for e in sent)}; "
        f"after the button was pressed: longest until saved {max(waited, default=never):.2f} s, "
        f"until the mail {max(late, default=never):.2f} s\n"
        + ", ".join(f"{what} {number}" for what, number in wrong.items())
    )
    return 1 if any(wrong.values()) or not sent else 0


if __name__ == "__main__":
    sys.exit(main())
