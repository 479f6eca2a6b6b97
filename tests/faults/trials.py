"""The faults, and the patients who submit meanwhile."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from apps.checkins.link_actions import create_link
from apps.patients.models import Role, StaffMember
from tests.factories import (
    SEIZURE,
    make_clinic,
    make_gateway,
    make_member,
    make_patient,
    make_way,
    put_on_call,
)
from tests.faults.rig import IMMEDIATE, KILL, Rig, crash_database

HOUR = 3600.0
SAVED_WITHIN = 90.0
REQUEST_SECONDS = 4.0
EMAIL_TIMEOUT = 4.0  # the product's default
READS_AFTER = 60.0  # seconds that a mail lies unread
CSRF = "a" * 32
SENDERS = {"worker", "dispatcher"}

Fault = Callable[[Rig, float], None]


def kill_part(*names: str) -> Fault:
    """Kill parts of the product; the supervisor starts them again."""

    def fault(rig: Rig, seconds: float) -> None:
        with rig.crash(" and ".join(names)) if SENDERS & set(names) else nullcontext():
            for name in names:
                rig.kill(name)
            time.sleep(seconds)
            for name in names:
                rig.restart(name)

    return fault


def mail_mode(mode: str) -> Fault:
    """Let the mail server misbehave for a while."""

    def fault(rig: Rig, seconds: float) -> None:
        rig.mail.behave(mode)
        # One that hangs does so past the sender's time limit, else it is only slow.
        time.sleep(seconds + (EMAIL_TIMEOUT if mode.startswith("hang") else 1))
        rig.mail.behave("accept")

    return fault


def gateway_mode(answer: int | str) -> Fault:
    """Let the provider of text messages misbehave for a while. It never confirms at all."""

    def fault(rig: Rig, seconds: float) -> None:
        rig.gateway.answer = answer
        time.sleep(seconds + 1)
        rig.gateway.answer = 200

    return fault


def kill_mail(rig: Rig, seconds: float) -> None:
    with rig.crash("mail server"):
        rig.mail.kill()
        time.sleep(seconds)
        rig.mail.start()


def mail_disk_full(rig: Rig, seconds: float) -> None:
    rig.mail.fill_disk(full=True)
    time.sleep(seconds + 1)
    rig.mail.fill_disk(full=False)


def broker_flushed(rig: Rig, seconds: float) -> None:
    rig.flush_broker()


def broker_killed(rig: Rig, seconds: float) -> None:
    rig.redis.kill()
    time.sleep(seconds)
    rig.redis.start()


def broker_hangs(rig: Rig, seconds: float) -> None:
    rig.redis.freeze()
    time.sleep(seconds + 1)
    rig.redis.thaw()


def clock_step(hours: float) -> Fault:
    """Set the clock apart for a while; its return is a step of its own."""

    def fault(rig: Rig, seconds: float) -> None:
        # Leases run by the clock: a step forward ends those of senders still at work.
        with rig.crash("clock"):
            rig.step_clock(hours * HOUR)
            time.sleep(seconds + 1)
            rig.step_clock(0)

    return fault


# By what they break: faults of two lanes may happen at once, those of one follow each other.
LANES: dict[str, dict[str, Fault]] = {
    "processes": {
        "kill web": kill_part("web"),
        "kill worker": kill_part("worker"),
        "kill beat": kill_part("beat"),
        "kill dispatcher": kill_part("dispatcher"),
        "kill worker and dispatcher": kill_part("worker", "dispatcher"),
        "kill all four": kill_part("web", "worker", "beat", "dispatcher"),
    },
    "database": {
        "database restarted": lambda rig, seconds: crash_database(rig, IMMEDIATE, seconds / 2),
        "database killed": lambda rig, seconds: crash_database(rig, KILL, seconds / 2),
    },
    "broker": {
        "broker flushed": broker_flushed,
        "broker killed": broker_killed,
        "broker hangs": broker_hangs,
    },
    "mail": {
        "mail server killed": kill_mail,
        "mail refused for now (4xx)": mail_mode("4xx"),
        "mail refused (5xx)": mail_mode("5xx"),
        "mail rejected after the data": mail_mode("5xx_later"),
        "mail hangs before the data": mail_mode("hang_before"),
        "mail kept, then hangs": mail_mode("hang_after"),
        "mail kept, then dropped": mail_mode("drop_after"),
        "disk of the mail server full": mail_disk_full,
    },
    "gateway": {
        "gateway refuses (503)": gateway_mode(503),
        "gateway refuses for good (400)": gateway_mode(400),
        "gateway keeps, then hangs": gateway_mode("hang"),
        "gateway keeps, then drops": gateway_mode("drop"),
    },
    "clock": {
        "clock an hour ahead": clock_step(1),
        "clock an hour behind": clock_step(-1),
    },
}
FAULTS: dict[str, Fault] = {name: fault for lane in LANES.values() for name, fault in lane.items()}


@dataclass
class Submission:
    """One patient's check-in: what was sent, when that began, and when the page said saved."""

    path: str
    trial: str
    has_phone: bool
    key: UUID = field(default_factory=uuid4)
    begun_at: float | None = None
    saved_at: float | None = None
    tries: int = 0


@dataclass
class Cast:
    """Who is at a clinic, and one link per check-in to come.

    `phone_mail` is the mail address of the one with a phone; empty where nobody has one.
    """

    nurse: StaffMember
    phone_mail: str
    paths: list[str]


def hire(check_ins: int, gateway_url: str = "") -> Cast:
    """Return a clinic with its rota and a patient per check-in, each with a link.

    One on call reads mail; a second has a phone at a gateway that never confirms, if there is
    one. Without one nobody is reached by anything but mail.
    """
    clinic, now = make_clinic("Larkspur Clinic" if gateway_url else "Sorrel Clinic"), timezone.now()
    people = {
        "on_call": make_member(clinic, Role.NURSE, "Nell Oncall"),
        "backup": make_member(clinic, Role.NURSE, "Bram Backup"),
        "lead": make_member(clinic, Role.CLINICAL_LEAD, "Lea Leader"),
    }
    for rung, member in people.items():
        put_on_call(member, rung, now=now)
    if gateway_url:
        people["phone"] = make_member(clinic, Role.NURSE, "Pia Phone")
        put_on_call(people["phone"], "on_call", now=now)
        gateway = make_gateway(clinic, people["lead"].user, gateway_url, now=now)
        make_way(people["phone"], "+15555550100", gateway, now=now)
    paths = []
    for _ in range(check_ins):
        token = create_link(patient=make_patient(clinic, now=now), by=None, now=now)
        paths.append(reverse("checkins:create", args=[token]))
    phone_mail = people["phone"].user.email if gateway_url else ""
    return Cast(people["on_call"], phone_mail, paths)


def submit(port: int, submission: Submission) -> None:
    """Send until the page says saved, as a phone that retries does."""
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in SEIZURE.items()}
    values |= {"submission_id": str(submission.key), "csrfmiddlewaretoken": CSRF}
    body = urlencode(values, doseq=True)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={CSRF}",
        "Host": f"localhost:{port}",
    }
    deadline = time.monotonic() + SAVED_WITHIN
    while time.monotonic() < deadline:
        submission.tries += 1
        client = HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)
        try:
            client.request("POST", submission.path, body, headers)
            response = client.getresponse()
            if response.status == 200 and b"Call 911 now" in response.read():
                submission.saved_at = time.monotonic()
                return
        except (OSError, HTTPException):
            pass
        finally:
            client.close()
        time.sleep(0.3)


class Staff(threading.Thread):
    """Closes every alert whose mail arrived, so that the ladder does not call all night."""

    def __init__(self, rig: Rig, casts: list[Cast]) -> None:
        super().__init__(name="staff", daemon=True)
        self.nurses = {cast.nurse.clinic_id: cast.nurse.user for cast in casts}
        self.rig, self.going = rig, True

    def run(self) -> None:
        while self.going:
            time.sleep(1)
            try:
                self.close_arrived()
            except Exception:  # the database is down just now
                connection.close()

    def close_arrived(self) -> None:
        # Not at once: a person who acts within the second would spare the product every repeat.
        old = time.monotonic() - READS_AFTER
        mails = [mail for mail in read_mails(self.rig) if float(mail["at"]) < old]
        arrived = {subject_reference(mail["subject"]) for mail in mails}
        ours = Alert.objects.unresolved().filter(clinic__in=self.nurses)  # drills end by themselves
        for alert in ours.filter(reference__in=arrived):
            by = self.nurses[alert.clinic_id]
            resolve_alert(alert=alert, by=by, outcome="spoke", note="x", now=timezone.now())


def read_mails(rig: Rig) -> list[dict[str, str]]:
    """Return every mail that the server has kept."""
    lines = rig.mail.accepted.read_text().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def subject_reference(subject: str) -> str:
    """Return the alert's reference in a subject."""
    return next((word.strip(",") for word in subject.split() if word.startswith("A-")), "")


def run_trials(rig: Rig, casts: list[Cast], rng: random.Random, trials: int) -> list[Submission]:
    """Break one thing after the other while a patient of each clinic submits.

    Returns what they submitted.
    """
    order: list[str] = []
    while len(order) < trials:  # every fault comes up before any comes up again
        order += rng.sample(sorted(FAULTS), len(FAULTS))
    return run_one_by_one(
        rig, order[:trials], zip(*(cast.paths for cast in casts), strict=True), rng, casts
    )


def run_at_once(
    rig: Rig, casts: list[Cast], rng: random.Random, rounds: int = 1
) -> list[Submission]:
    """Break everything that can be broken in each round, a thing of each lane at the same time.

    In a quarter of the time, and harder on the product, than one after the other: a lane that is
    through with a round goes on to its next. Returns what the patients submitted.
    """
    paths = iter(list(zip(*(cast.paths for cast in casts), strict=True)))
    works = []
    for lane in LANES.values():
        names = [name for _ in range(rounds) for name in rng.sample(sorted(lane), len(lane))]
        works.append((names, [next(paths) for _ in names], rng.randrange(10**6)))
    lanes = [
        in_a_thread_for_good(partial(run_one_by_one, rig, names, own, random.Random(seed), casts))
        for names, own, seed in works
    ]
    return [submission for lane in lanes for submission in lane.result()]


def in_a_thread_for_good(work: Callable[[], list[Submission]]) -> Future[list[Submission]]:
    """Return what the work will come to, in a thread that does not end before this process.

    The kernel ends a server when the thread that started it ends, and a lane starts servers.
    """
    done: Future[list[Submission]] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)
        threading.Event().wait()

    threading.Thread(target=run, daemon=True).start()
    return done


def run_one_by_one(
    rig: Rig,
    names: list[str],
    paths: Iterable[tuple[str, ...]],
    rng: random.Random,
    casts: list[Cast],
) -> list[Submission]:
    """Break one thing after the other; a patient of each clinic submits to each."""
    submissions: list[Submission] = []
    with ThreadPoolExecutor(32) as pool:
        for name, own in zip(names, paths, strict=False):
            started = time.monotonic()
            pending: list[Future[None]] = []
            for cast, path in zip(casts, own, strict=True):
                submission = Submission(path, name, bool(cast.phone_mail))
                submissions.append(submission)
                pending.append(pool.submit(later, rng.uniform(0, 1.2), rig, submission))
            time.sleep(rng.uniform(0, 1.0))
            FAULTS[name](rig, rng.uniform(0.5, 2.5))
            for future in pending:
                future.result()
            print(f"  {name:<32} {time.monotonic() - started:5.1f} s", flush=True)
    return submissions


def later(wait: float, rig: Rig, submission: Submission) -> None:
    """Submit after a while."""
    time.sleep(wait)
    submit(rig.parts.listener.getsockname()[1], submission)
