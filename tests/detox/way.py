"""The hands of one long story: a desk, a phone, a mailbox and the documented clock.

Staff and patient act through pages of a browser and nothing else. Time is moved as docs/running.md
says: the commands of each clock, at the instant that pages and phone take for now.
"""

import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any, Final

from django.core.management import call_command
from django.urls import reverse

from apps.alerts.models import Alert
from apps.checkins.models import CareTask, Reminder
from apps.checkins.task_ends import ENDS_BY, needs_reaching
from tests.factories import NOW
from tests.harness.smtp import SmtpServer

ADDRESS: Final = "wren@home.example"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
# A quiet day and a quiet week; what is not here is answered with 0 or with no.
CLOCKS: Final = (
    "settle_plans", "run_clocks", "send_reminders", "send_portal_mails", "run_care_clocks",
    "sweep_alerts",
)  # fmt: skip
QUIET: Final = {
    "dose_taken": "yes_all", "supply_days": "30", "red_flags": "none", "other_drugs": "none",
    "sleep_hours": "8", "sleep_onset_min": "0_15", "pregnancy": "no", "ready_next": "ready",
    "coping": "yes",
}  # fmt: skip
# Which questions a page asks, in order: key, when it fits, what it offers.
ASKED: Final = """() => [...document.querySelectorAll('[data-item]')]
    .filter(item => item.offsetParent !== null)
    .map(item => [item.dataset.item, item.dataset.when || '',
        [...item.querySelectorAll('input[type=radio], input[type=checkbox]')].map(i => i.value)])"""


class Way:
    """What the story is told with. `now` is the instant that everything takes for the present."""

    def __init__(self, browser: Any, url: str, mail_server: SmtpServer) -> None:
        self.browser, self.url, self.mail_server = browser, url, mail_server
        self.now = NOW
        self.contexts: list[Any] = []
        # A page of questions without script shows all of them at once: the same form.
        self.phone = self.page(390, java_script_enabled=False)
        self.heard = 0

    def page(self, width: int, **options: Any) -> Any:
        """Return a page of a browser of its own, whose clock is the one of the story."""
        context = self.browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        return context.new_page()

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def go_to(self, instant: datetime) -> None:
        """Move the clock: settle plans, ask, judge, mail, and sweep what goes by a clock."""
        self.now = instant
        for command in CLOCKS:
            call_command(command, at=instant.isoformat(), stdout=StringIO())

    # --- the desk -----------------------------------------------------------------------------

    def desk(self, name: str) -> Any:
        """Return a desk at which somebody has just signed in; a session does not last for days."""
        page = self.page(1440)
        page.goto(self.url + "/demo/")
        page.get_by_role("button", name=re.compile(name)).click()
        page.get_by_role("heading", name="Board").wait_for()
        return page

    def open(self, page: Any, name: str, *args: Any) -> None:
        page.goto(self.url + reverse(name, args=args))

    def press(self, page: Any, button: str) -> None:
        page.get_by_role("button", name=button, exact=True).first.click()
        page.wait_for_load_state()

    def see_to_everything(self, page: Any) -> tuple[list[str], list[str]]:
        """Close each open alert and task on its page; return what they were, in order.

        What only its act ends stays: its page offers no "done".
        """
        alerts, tasks = [], []
        for alert in Alert.objects.unresolved().order_by("opened_at", "rules"):
            self.open(page, "dashboard:alert", alert.pk)
            if alert.status == "open":  # who refers from an alert has taken it
                page.get_by_role("button", name="Take this alert").click()
            page.get_by_label("What was done").select_option("spoke")
            page.locator("#id_resolveform_note").fill("Spoke by phone.")
            self.press(page, "Close alert")
            page.get_by_text("is closed").wait_for()
            alerts += alert.rules
        for task in in_order(CareTask.objects.open().exclude(kind__in=ENDS_BY)):
            self.open(page, "checkins:task", task.pk)
            outcome = "spoke" if needs_reaching(task.kind, task.title) else "done"
            page.locator("#id_outcome").select_option(outcome)
            page.locator("#id_note").fill("Done as agreed.")
            self.press(page, "Close the task")
            tasks.append(task.kind)
        assert not Alert.objects.unresolved().exists()
        return alerts, tasks

    # --- the phone ----------------------------------------------------------------------------

    def letter(self, start: str) -> str:
        """Return the path of the link in the newest mail to the patient."""
        to = (ADDRESS,)
        mails = [each for each in self.mail_server.messages if each.recipients == to]
        assert len(mails) > self.heard, "no new mail"
        self.heard = len(mails)
        found = re.search(rf"https?://[^/\s]+({start}\S+)", mails[-1].text)
        assert found, mails[-1].text
        return found[1]

    def code(self) -> str:
        """Return the code in the newest mail to the patient."""
        call_command("send_portal_mails", at=self.now.isoformat(), stdout=StringIO())
        mails = [each for each in self.mail_server.messages if each.recipients == (ADDRESS,)]
        self.heard = len(mails)
        found = re.search(r"\d{4} \d{4}", mails[-1].text)
        assert found, mails[-1].text
        return found[0]

    def check_in(self, *, weekly: bool = False, **answers: Any) -> list[str]:
        """Answer the check-in that the newest mail asks for; return what was asked.

        With `weekly` the questions about the week as well, which the page after it offers.
        """
        self.phone.goto(self.url + self.letter("/c/"))
        asked = self.fill(answers)
        if weekly:
            self.phone.locator("a[href$='/weekly/']").click()
            self.phone.wait_for_load_state()
            asked += self.fill(answers)
        return asked

    def fill(self, answers: dict[str, Any]) -> list[str]:
        """Answer every question of the page that fits, and send it; return their names."""
        given: dict[str, str] = {}
        for key, when, offered in self.phone.evaluate(ASKED):
            if when and not any(fits(part, given) for part in when.split("|")):
                continue  # "only if this fits what you said above"
            usual = QUIET.get(key, "0" if "0" in offered else "no")
            given[key] = str(answers.get(key, usual))
            if offered:
                self.phone.locator(f"label[for='i-{key}-{given[key]}']").click()
            elif key != "note":
                self.phone.locator(f"#i-{key}").fill(given[key])
        self.phone.locator(".btn--send").click()
        self.phone.locator(".saved--ok").wait_for()
        return list(given)

    def next_mail(self) -> datetime:
        """Move to where the patient is asked next, and return that instant."""
        if not Reminder.objects.live().exists():
            self.go_to(self.now)  # the last one is answered; the next beat plans the next
        due: datetime = Reminder.objects.live().get().due_at
        self.go_to(max(due, self.now) + MINUTE)
        return self.now


def fits(part: str, given: dict[str, str]) -> bool:
    """Answer whether "key:value value" is met by what was given above."""
    key, _, values = part.partition(":")
    return given.get(key) in values.split()


def rules() -> list[str]:
    """Return what every alert so far was opened for, in order."""
    return [rule for alert in Alert.objects.order_by("opened_at", "rules") for rule in alert.rules]


def in_order(tasks: Any) -> Any:
    """Return tasks as they were opened; of one moment by their kind."""
    return tasks.order_by("created_at", "kind")


def open_tasks() -> list[str]:
    """Return the kinds of the tasks that wait, in order."""
    return list(in_order(CareTask.objects.open()).values_list("kind", flat=True))


def tasks_so_far() -> list[tuple[str, str]]:
    """Return every task there was and what came of it, in order."""
    return list(in_order(CareTask.objects.all()).values_list("kind", "outcome"))
