"""What the patients lost, what the staff got twice, and why the slowest took so long."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from apps.alerts.models import Alert, DeliveryAttempt, Drill
from apps.alerts.states import AlertStatus, DeliveryStatus
from apps.checkins.models import CheckIn
from tests.faults.rig import Crash, Rig
from tests.faults.trials import (
    EMAIL_TIMEOUT,
    Cast,
    Submission,
    read_mails,
    subject_reference,
)


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long after "saved" somebody was reached, and by mail or else by phone."""

    seconds: float
    trial: str
    alert: Alert
    has_phone: bool


@dataclass
class Count:
    """What the patients lost, and what the staff got twice."""

    saved: int = 0
    unsaved: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    not_one_alert: list[str] = field(default_factory=list)
    repeats: int = 0
    unlabelled: list[str] = field(default_factory=list)
    most_copies: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    too_often: list[str] = field(default_factory=list)
    texts: int = 0
    text_repeats: int = 0
    no_text: list[tuple[str, Alert]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)

    def is_unfinished(self) -> bool:
        """Answer whether something is missing that may still come."""
        return bool(self.lost or self.not_one_alert or self.no_text)


def count(rig: Rig, casts: list[Cast], submissions: list[Submission]) -> Count:
    """Compare what patients saw as saved with what the mail server and the gateway have."""
    result, mails = Count(), read_mails(rig)
    texted = count_texts(rig, result)
    phones = {cast.phone_mail for cast in casts if cast.phone_mail}
    count_unlabelled(rig, mails, result)
    by_phone = set(texted) | {
        subject_reference(mail["subject"]) for mail in mails if phones & set(mail["to"])
    }
    first = count_mails(mails, result)
    count_repeats(rig, mails, result)
    ours: set[str] = set()
    for submission in submissions:
        if submission.saved_at is None:
            result.unsaved.append(submission.trial)
            continue
        result.saved += 1
        found = CheckIn.objects.filter(submission_id=submission.key)
        alerts = list(Alert.objects.filter(source_id__in=found.values("pk")))
        ours |= {alert.reference for alert in alerts}
        if submission.has_phone and len(alerts) == 1 and alerts[0].reference not in by_phone:
            if is_refused_for_good(alerts[0], phones, rig):
                result.refused.append(submission.trial)
            else:
                result.no_text.append((submission.trial, alerts[0]))
        if len(found) != 1 or len(alerts) != 1:
            result.not_one_alert.append(submission.trial)
        elif alerts[0].reference not in first:
            result.lost.append(submission.trial)
        else:
            reference = alerts[0].reference
            reached_at = min(first[reference], texted.get(reference, first[reference]))
            late = max(0.0, reached_at - submission.saved_at)
            one = Recovery(late, submission.trial, alerts[0], submission.has_phone)
            result.recoveries.append(one)
    drills = set(Drill.objects.values_list("alert__reference", flat=True))
    result.strangers = sorted(set(first) - ours - drills - {""})
    result.recoveries.sort(key=lambda recovery: recovery.seconds)
    return result


def is_refused_for_good(alert: Alert, phones: set[str], rig: Rig) -> bool:
    """Answer whether number and mailbox of the one with a phone were refused until it was closed.

    Then the next person was told instead, whom `lost` counts. That the texts were refused is the
    gateway's own word; the mail server knows no reference of what it refuses at the address.
    """
    if alert.status == AlertStatus.OPEN:
        return False  # she may yet be told with everyone
    tried = list(alert.deliveries.filter(recipient__user__email__in=phones))
    texts = {str(one.pk) for one in tried if one.gateway_id}
    mails = {one.pk for one in tried if not one.gateway_id}
    refused = {message["ref"] for message in list(rig.gateway.refused)}
    by_mail = alert.deliveries.filter(pk__in=mails, tries__result="permanent").distinct()
    return (
        all(one.status == DeliveryStatus.FAILED for one in tried)
        and bool(texts and mails)
        and texts <= refused
        and by_mail.count() == len(mails)
    )


def count_texts(rig: Rig, result: Count) -> dict[str, float]:
    """Count what the gateway has kept; return when it had each alert first, by reference."""
    copies: Counter[str] = Counter()
    first: dict[str, float] = {}
    for message in list(rig.gateway.messages):
        repeat = copies[message["ref"]] > 0
        copies[message["ref"]] += 1
        result.text_repeats += repeat
        first.setdefault(subject_reference(message["text"]), message["at"])
    result.texts = len(copies)
    return first


def count_mails(mails: list[dict[str, Any]], result: Count) -> dict[str, float]:
    """Count what the mail server has kept; return when it had each alert first, by reference."""
    copies: Counter[str] = Counter()
    first: dict[str, float] = {}
    for mail in mails:
        repeat = copies[mail["id"]] > 0
        copies[mail["id"]] += 1
        result.repeats += repeat
        first.setdefault(subject_reference(mail["subject"]), float(mail["at"]))
    result.most_copies = max(copies.values(), default=0)
    return first


def count_unlabelled(rig: Rig, mails: list[dict[str, Any]], result: Count) -> None:
    """Find messages of which more than one copy does not say that it is a repeat.

    Of two copies either may come first: a sender whose lease ended under it, as when the clock is
    set forward, is overtaken by the one that sends again and says so.
    """
    plain: dict[str, list[str]] = defaultdict(list)
    told = [(mail["id"], mail["subject"], mail["at"]) for mail in mails]
    told += [(one["ref"], one["text"], one["at"]) for one in list(rig.gateway.messages)]
    for key, words, at in told:
        if "(repeat)" not in words:
            plain[key].append(f"{subject_reference(words)} at {float(at):.2f}")
    result.unlabelled = [", ".join(copies) for copies in plain.values() if len(copies) > 1]


def count_repeats(rig: Rig, mails: list[dict[str, Any]], result: Count) -> None:
    """Find messages that came more often than what was done to the clinic explains.

    Counted where it was done, not in the product's rows: a copy that the server kept without
    answering, and a sender, database or server that was killed, or a clock that was stepped,
    while the copy was on its way. Each explains one more copy of one message and no more.
    """
    copies: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for mail in mails:
        copies[mail["id"].strip("<>").partition("@")[0]].append(mail)
    for message in list(rig.gateway.messages):
        copies[message["ref"]].append(message)
    result.crashes = Counter(crash.what for crash in rig.crashes)
    result.unanswered = sum(not one["answered"] for kept in copies.values() for one in kept)
    result.too_often = [
        f"{key}: {len(kept)} copies, {unexplained} of them without a crash"
        for key, kept in copies.items()
        if (unexplained := count_unexplained(kept, rig.crashes))
    ]


def count_unexplained(kept: list[dict[str, Any]], crashes: list[Crash]) -> int:
    """Return how many repeats of one message nothing explains that was done."""
    left, unexplained = sorted(crashes, key=lambda crash: crash.ended), 0
    kept = sorted(kept, key=lambda one: float(one["at"]))
    for first, second in pairwise(kept):
        if not first["answered"]:
            continue
        begun, ended = float(first["at"]) - EMAIL_TIMEOUT, float(second["at"])
        cause = next((c for c in left if c.begun <= ended and c.ended >= begun), None)
        if cause is None:
            unexplained += 1
        else:
            left.remove(cause)
    return unexplained


def timeline(alert: Alert) -> list[str]:
    """Return what happened to an alert, line by line, in seconds from its opening."""
    lines = [(event.at, event.text) for event in alert.events.all()]
    tries = DeliveryAttempt.objects.filter(delivery__alert=alert).select_related("delivery")
    for attempt in tries.select_related("delivery__recipient__user"):
        name = attempt.delivery.recipient.user.full_name
        what = f"{attempt.delivery.channel} to {name}, attempt {attempt.number}"
        lines.append((attempt.started_at, f"{what} begins"))
        if attempt.finished_at:
            lines.append((attempt.finished_at, f"{what}: {attempt.result} {attempt.reply}"))
    return [
        f"{(at - alert.opened_at).total_seconds():8.2f} s  {text}"
        for at, text in sorted(lines, key=lambda line: line[0])
    ]
