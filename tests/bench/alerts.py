"""From a patient's red flag to the mail server: alone, in a storm, after an outage."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlencode
from uuid import uuid4

from django.utils import timezone

from apps.alerts.models import Alert, Delivery
from apps.checkins.models import CheckIn
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, share
from tests.factories import CALM, SEIZURE, check_in, make_patient
from tests.faults.trials import CSRF, Cast, hire, read_mails

PARTS = ("web", "worker", "beat", "dispatcher")
# Every symptom at its worst: urgent, with a mail at once, and never an emergency.
SEVERE = CALM | {key: 4 for key in CALM if key.startswith("s_")}


def post(stage: Stage, path: str, answers: dict[str, object]) -> tuple[str, float, float]:
    """Submit as a phone does; return the submission's id, when it began and when it was saved."""
    key = str(uuid4())
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in answers.items()}
    body = urlencode(values | {"submission_id": key, "csrfmiddlewaretoken": CSRF}, doseq=True)
    port = stage.rig.parts.listener.getsockname()[1]
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={CSRF}",
        "Host": f"localhost:{port}",
    }
    client = HTTPConnection("127.0.0.1", port, timeout=30)
    begun = time.monotonic()
    client.request("POST", path, body, headers)
    status = client.getresponse().status
    saved = time.monotonic()
    client.close()
    assert status == 200, status
    return key, begun, saved


def references(keys: list[str]) -> dict[str, str]:
    """Return the reference of the alert of each submission that opened one."""
    rows = CheckIn.objects.filter(submission_id__in=keys).values_list("pk", "submission_id")
    found = {pk: str(key) for pk, key in rows}
    alerts = Alert.objects.filter(source_id__in=found)
    return {found[alert.source_id]: alert.reference for alert in alerts}


def delays(stage: Stage, sent: list[tuple[str, float, float]], seconds: float) -> list[float]:
    """Return the seconds from submitting to the kept mail; what never came counts as for ever."""
    names = references([key for key, _, _ in sent])
    arrived = stage.wait_for_mails(set(names.values()), seconds)
    return [arrived.get(names.get(key, ""), float("inf")) - begun for key, begun, _ in sent]


@measures("red_flag_to_smtp")
def red_flag_to_smtp(stage: Stage) -> list[Figure]:
    """Measure single red flags, one after the other, through every real process."""
    cast, count = hire(120), 120
    with stage.parts(*PARTS):
        for path in cast.paths[:10]:  # the first ones load code
            post(stage, path, SEIZURE)
        sent = []
        for path in cast.paths[10:count]:
            sent.append(post(stage, path, SEIZURE))
            time.sleep(random.uniform(0.05, 0.25))
        times = delays(stage, sent, 30)
    saved = [end - begun for _, begun, end in sent]
    conditions = (
        f"{len(times)} red flags by HTTP, one at a time, web+worker+beat+dispatcher; from the "
        f"start of the POST: p50 {share(times, 0.5):.3f} s, p95 {share(times, 0.95):.3f} s, "
        f"max {max(times):.3f} s (the POST itself: p50 {share(saved, 0.5):.3f} s, "
        f"p95 {share(saved, 0.95):.3f} s); {machine()}"
    )
    return [Figure("red_flag_to_smtp", share(times, 0.95), "s", 0.5, 0.1, False, conditions)]


@measures("storm_red")
def storm_red(stage: Stage) -> list[Figure]:
    """Measure 10 red flags among 300 check-ins in 60 s, a third of which mail somebody too."""
    cast = hire(300)
    red = set(random.sample(range(300), 10))
    sent: list[tuple[str, float, float]] = []

    def one(number: int) -> None:
        time.sleep(number * 0.2)
        answers = SEIZURE if number in red else SEVERE if number % 3 == 0 else CALM
        result = post(stage, cast.paths[number], answers)
        if number in red:
            sent.append(result)

    with stage.parts(*PARTS), ThreadPoolExecutor(300) as pool:
        begun = time.monotonic()
        list(pool.map(one, range(300)))
        seconds = time.monotonic() - begun
        times = delays(stage, sent, 30)
    conditions = (
        f"300 check-ins in {seconds:.0f} s by HTTP, 10 red, {100 - 3} or so urgent; "
        f"p50 {share(times, 0.5):.3f} s, max {max(times):.3f} s; {machine()}"
    )
    return [Figure("storm_red", share(times, 0.95), "s", 1, 0.3, False, conditions)]


@measures("recovery")
def recovery(stage: Stage, outage: float = 60.0) -> list[Figure]:
    """Measure how soon every red flag is out once a mail server that was gone is back."""
    cast = hire(0)
    clinic = cast.nurse.clinic
    with stage.parts("worker", "beat", "dispatcher") as parts:
        stage.rig.mail.kill()
        for level in range(30):
            answers = SEIZURE if level % 3 == 0 else SEVERE
            check_in(make_patient(clinic, now=timezone.now()), answers, now=timezone.now())
        time.sleep(outage / 2)
        parts["dispatcher"].kill()  # and a restart in the middle of it
        parts["dispatcher"].start()
        time.sleep(outage / 2)
        stage.rig.mail.start()
        back = time.monotonic()
        alerts = Alert.objects.filter(clinic=clinic, level__in=["emergency", "urgent"])
        wanted = {alert.reference: alert.level for alert in alerts}
        arrived = stage.wait_for_mails(set(wanted), 60)
    times = [arrived.get(key, float("inf")) - back for key in wanted]
    worst = {lv: max(arrived[k] - back for k in arrived if wanted[k] == lv) for lv in
             ("emergency", "urgent")}  # fmt: skip
    conditions = (
        f"{len(wanted)} red flags pending through a mail server gone for {outage:.0f} s and a "
        f"dispatcher restarted meanwhile; last emergency {worst['emergency']:.1f} s, last urgent "
        f"{worst['urgent']:.1f} s after its return; {machine()}"
    )
    return [Figure("recovery", max(times), "s", 30, 10, False, conditions)]


@measures("hang_drop_repeats")
def hang_drop_repeats(stage: Stage, seconds: float = 90.0, rate: float = 15.0) -> list[Figure]:
    """Measure how many mails come twice when the server keeps mails and hangs or drops.

    As in the experiment that the breaker answers to: 15 red flags a second, the server
    in turn keeps mails without a word for 7 s (the time limit is 4 s) and drops every
    connection for 4 s. Nobody reacts to a mail, so nothing spares a repeat.
    """
    cast = hire(0)
    patients = [
        make_patient(cast.nurse.clinic, now=timezone.now()) for _ in range(int(seconds * rate))
    ]
    before = len(read_mails(stage.rig))
    over = threading.Event()
    with stage.parts("worker", "beat", "dispatcher"):
        breaker = threading.Thread(target=misbehave, args=[stage, over])
        breaker.start()
        submit_steadily(patients, rate)
        over.set()
        breaker.join()
        deadline = time.monotonic() + 90
        while unsettled(cast) and time.monotonic() < deadline:
            time.sleep(0.5)
    mails = read_mails(stage.rig)[before:]
    repeats = len(mails) - len({mail["id"] for mail in mails})
    lost = len(patients) - len({mail["id"] for mail in mails} & first_ids(cast))
    conditions = (
        f"{len(patients)} red flags at {rate:.0f}/s for {seconds:.0f} s, hang (7 s) and drop (4 s) "
        f"after the content in turn, 4 s apart; lost {lost}; per 1,840 mails this is "
        f"{repeats * 1840 / max(1, len(patients)):.0f} (393 without a breaker per server); "
        f"{machine()}"
    )
    return [Figure("hang_drop_repeats", repeats, "mails", 150, 75, False, conditions)]


def misbehave(stage: Stage, over: threading.Event) -> None:
    """Hang and drop in turn until it is over."""
    modes = ["hang_after", "drop_after"]
    while not over.wait(4):
        stage.rig.mail.behave(modes[0])
        over.wait(7 if modes[0] == "hang_after" else 4)
        stage.rig.mail.behave("accept")
        modes.reverse()


def submit_steadily(patients: list, rate: float) -> None:
    """Submit red flags at a steady rate, in this process."""

    def one(numbered: tuple[int, object]) -> None:
        number, patient = numbered
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        check_in(patient, SEIZURE, now=timezone.now())

    begun = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, enumerate(patients)))


def unsettled(cast: Cast) -> bool:
    """Answer whether a first message is still on its way."""
    return Delivery.objects.filter(
        alert__clinic=cast.nurse.clinic, round=0, status__in=["pending", "sending"]
    ).exists()


def first_ids(cast: Cast) -> set[str]:
    """Return the Message-IDs of the first message of every alert."""
    rows = Delivery.objects.filter(alert__clinic=cast.nurse.clinic, round=0)
    return {f"<{key}@localhost>" for key in rows.values_list("pk", flat=True)}
