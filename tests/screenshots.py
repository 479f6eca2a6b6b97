"""`python -m tests.screenshots [FOLDER] [--dark]`: a picture of every page, wide and on a phone.

Starts the fictional clinic in a folder of its own, walks it as each person would, and
writes WebP files; without a folder into docs/images, with docs/screens.md beside them.
"""

import argparse
import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import sync_playwright

from config.embedded.parts import answers_http
from tests.harness.chromium import launch
from tests.harness.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROJECT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = PROJECT / "docs" / "images"
SCREENS: Final = PROJECT / "docs" / "screens.md"
SIZES: Final = {"": (1440, 900), "-phone": (390, 844)}
TALLEST: Final = {"": 1900, "-phone": 1700}  # CSS pixels; below that nobody looks at a picture
PORT: Final = 8399
START_SECONDS: Final = 240
# A canvas turns the browser's PNG into WebP: no picture library is needed for it.
TO_WEBP: Final = """async ([png, scale]) => {
  const picture = new Image();
  picture.src = "data:image/png;base64," + png;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = picture.width * scale;
  canvas.height = picture.height * scale;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.66).split(",")[1];
}"""

LEAD, NURSE, ADMIN = "Araminta Fairweather", "Tobias Lanternwick", "Basil Inkwell"
PATIENT = "(patient)"


@dataclass(frozen=True)
class Screen:
    """One page: its file, its words, who sees it and how one gets there."""

    stem: str
    words: str
    who: str
    path: str
    follow: tuple[str, ...] = ()  # selectors of links that are followed one after the other
    press: str = ""  # the name of a button that is pressed then
    click: str = ""  # a selector of what is clicked or unfolded then


ALERT = 'a[data-open][href^="/alerts/"]'
PERSON = 'tbody tr:not(:has-text("Marlowfen")) a[href^="/patients/"]'  # who is at home
REFERRED = 'tbody a[href^="/patients/"]:has-text("Marlowfen")'
PLAN = 'a[href^="/plans/"]:has-text("Open the whole plan")'
TAPERING = "/caseload/?sort=-score"

STAFF: Final = (
    Screen("board", "The board: alerts by severity and age, today's tasks, who is on call", NURSE,
           "/"),
    Screen("board-keys", "The keys of the board", NURSE, "/", press="Keys"),
    Screen("board-close", "Closing a task without leaving the board", NURSE, "/",
           click=".close-here > summary"),
    Screen("alert", "One alert: what was answered, what to do, who was told", NURSE, "/", (ALERT,)),
    Screen("hand-over", "The end of a shift: what goes over, and what changed", NURSE,
           "/hand-over/"),
    Screen("caseload", "The caseload", NURSE, TAPERING),
    Screen("patient", "A patient: course, plan, check-ins, notes, supply", LEAD, TAPERING,
           (PERSON,)),
    Screen("history", "Everything that happened to a patient", NURSE, TAPERING,
           (PERSON, 'a[href$="/history/"]')),
    Screen("answers", "A check-in as answered", NURSE, TAPERING,
           (PERSON, 'a[href^="/check-ins/"]')),
    Screen("intake", "Intake: yes, no, or not asked", NURSE, TAPERING,
           (PERSON, 'a:has-text("Intake")')),
    Screen("intake-section", "Asking what was not asked", NURSE, TAPERING,
           (PERSON, 'a:has-text("Intake")', 'a[href*="/intake/health/"]')),
    Screen("intake-changes", "What was changed in the intake", NURSE, TAPERING,
           (PERSON, 'a:has-text("Intake")', 'a[href$="/intake/changes/"]')),
    Screen("register", "Registering a patient", NURSE, "/patients/new/"),
    Screen("tasks", "Open tasks", NURSE, "/requests/"),
    Screen("task", "One task", NURSE, "/requests/", ('th a[href^="/requests/"]',)),
    Screen("task-new", "Giving a colleague a task", NURSE, TAPERING,
           (PERSON, 'a:has-text("New task")')),
    Screen("reviews", "Risk-benefit reviews that are due", NURSE, "/reviews/"),
    Screen("run-outs", "Whose medicine runs out when", NURSE, "/supply/"),
    Screen("supply", "What one patient was given, and how long it lasts", NURSE, TAPERING,
           (PERSON, 'a:has-text("Supply and dispensing")')),
    Screen("dispensing", "Recording what was handed out", NURSE, TAPERING,
           (PERSON, 'a:has-text("Supply and dispensing")', 'a[href$="/supply/new/"]')),
    Screen("review", "Risk-benefit reviews of one patient", LEAD, TAPERING,
           (PERSON, 'a:text-is("Reviews")')),
    Screen("review-new", "Recording a risk-benefit review", LEAD, TAPERING,
           (PERSON, 'a:text-is("Reviews")', 'a[href$="/reviews/new/"]')),
    Screen("review-policy", "How often a review is due", LEAD, "/reviews/interval/"),
    Screen("standing-orders", "Standing orders", LEAD, "/standing-orders/"),
    Screen("duties", "Standing orders of one patient", LEAD, TAPERING,
           (PERSON, 'a[href$="/standing-orders/"]:has-text("Change")')),
    Screen("decisions", "Steps that wait for a decision", LEAD, "/decisions/"),
    Screen("step-review", "The decision about one step", LEAD, TAPERING,
           (PERSON, 'a:has-text("Review this step")')),
    Screen("overview", "The overview of a clinic", LEAD, "/overview/?small=shown"),
    Screen("plan", "A plan with its tablets and versions", LEAD, TAPERING, (PERSON, PLAN)),
    Screen("plan-new", "Making a plan", LEAD, TAPERING,
           (PERSON, 'a:has-text("New taper plan")')),
    Screen("plan-hold", "Changing a plan", LEAD, TAPERING, (PERSON, PLAN, 'a[href$="/hold/"]')),
    *(Screen(f"plan-{stem}", words, LEAD, TAPERING,
             (PERSON, PLAN, f'a[href$="/{stem}/"]'))
      for stem, words in (
          ("step-back", "Stepping back"), ("slow", "Slowing down"),
          ("method", "Changing the method"), ("goal", "Changing the goal"),
          ("stop", "Staying at this dose"), ("end", "Ending a plan"),
          ("inpatient", "Moving to a hospital"))),
    Screen("plan-on-day", "What the plan said on a day", LEAD, TAPERING, (PERSON, PLAN),
           click='form[action$="/on-day/"] button'),
    Screen("level", "Level of care: the questions, and what was decided", LEAD, TAPERING,
           (PERSON, 'a[href$="/care/"]', 'a[href$="/care/level/"]')),
    Screen("refer", "Referring to a detox unit", LEAD, TAPERING,
           (PERSON, 'a[href$="/care/"]', 'a[href$="/care/refer/"]')),
    Screen("care", "Level of care, referrals and stays of a patient", LEAD, TAPERING,
           (REFERRED, 'a[href$="/care/"]')),
    Screen("referral", "A referral and its clocks", LEAD, TAPERING,
           (REFERRED, 'a[href$="/care/"]', 'a[href^="/referrals/"]')),
    Screen("units", "Detox units that a clinic refers to", LEAD, "/units/"),
    Screen("research", "Rows without identities for a study", LEAD, "/research/"),
    Screen("research-paper", "A yes to research, on paper", LEAD, TAPERING,
           (PERSON, 'a:has-text("Own pages")', 'a:has-text("Consent to research")')),
    Screen("records", "How long records are kept", LEAD, "/records/"),
    Screen("records-due", "Records whose years are over", LEAD, "/records/due/"),
    Screen("legal-hold", "Keeping a record for a court", LEAD, TAPERING,
           (PERSON, 'a:has-text("Who looked")', 'a:has-text("Legal hold")')),
    Screen("schedule", "The schedule to print", LEAD, TAPERING,
           (PERSON, PLAN, 'a[href$="/schedule/"]')),
    Screen("own-pages", "Giving a patient their own pages", LEAD, TAPERING,
           (PERSON, 'a:has-text("Own pages")')),
    Screen("who-looked", "Who looked at a patient's record", LEAD, TAPERING,
           (PERSON, 'a:has-text("Who looked")')),
    Screen("formulary", "The formulary", LEAD, "/formulary/"),
    Screen("formulary-edit", "What is in stock", LEAD, "/formulary/edit/"),
    Screen("rota", "Who is on call", LEAD, "/rota/"),
    Screen("rota-week", "The weekly pattern", LEAD, "/rota/week/"),
    Screen("shift", "Changing one shift", LEAD, "/rota/", ('a[href^="/rota/shifts/"]',)),
    Screen("hours", "Opening hours", LEAD, "/rota/hours/"),
    Screen("ladders", "The ladder", LEAD, "/rota/ladders/"),
    Screen("gateways", "Gateways", LEAD, "/gateways/"),
    Screen("contacts", "How I am reached", LEAD, "/contacts/"),
    Screen("ledger", "What alerts were worth", LEAD, "/ledger/"),
    Screen("ledger-try", "Trying another threshold", LEAD, "/ledger/try/"),
    Screen("policy", "How check-ins are handled", LEAD, "/requests/policy/"),
    Screen("record", "The audit record", LEAD, "/audit/"),
    Screen("person-record", "What one member of staff did", LEAD, "/audit/",
           ('a[href^="/audit/people/"]',)),
    Screen("roles", "Roles that wait for the clinical lead", LEAD, "/roles/"),
    Screen("staff", "Staff", ADMIN, "/staff/"),
    Screen("staff-member", "One member of staff", ADMIN, "/staff/",
           ('main tr:not(:has-text("Basil")) a[href^="/staff/"]',)),
    Screen("break-glass", "A record opened in an emergency", ADMIN, "/break-glass/"),
    Screen("mails", "The mails of the demonstration", NURSE, "/demo/mail/"),
    Screen("security", "Second factor", NURSE, "/accounts/2fa/"),
)  # fmt: skip
PATIENTS: Final = (
    Screen("my-day", "The patient's own page: today's dose", PATIENT, "/me/"),
    Screen("my-trend", "How it goes", PATIENT, "/me/trend/"),
    Screen("my-check-ins", "Check-ins sent", PATIENT, "/me/check-ins/"),
    Screen("my-settings", "Times, mails, language", PATIENT, "/me/settings/"),
    Screen("my-research", "Research: yes or no", PATIENT, "/me/research/"),
    Screen("my-people", "A person one trusts", PATIENT, "/me/people/"),
    Screen("my-calendar", "The calendar on the phone", PATIENT, "/me/calendar/"),
    Screen("my-data", "All my data", PATIENT, "/me/data/"),
    Screen("check-in", "A check-in", PATIENT, "/me/", press="Check in now"),
)  # fmt: skip
PUBLIC: Final = (
    Screen("entry", "The door of the demonstration", "", "/demo/"),
    Screen("sign-in", "Signing in", "", "/accounts/login/"),
)


class Camera:
    """Takes pictures of pages and keeps them small."""

    def __init__(self, browser: "Browser", folder: Path, url: str, *, scheme: str) -> None:
        self.browser, self.folder, self.url, self.scheme = browser, folder, url, scheme
        self.blank = browser.new_page()
        self.missed: list[str] = []

    def walk(self, who: str, screens: list[Screen]) -> None:
        """Take the pictures that one person sees, wide and on a phone."""
        for suffix, (width, height) in SIZES.items():
            context = self.browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=self.scheme,
                locale="en-US", reduced_motion="reduce",
            )  # fmt: skip
            page = context.new_page()
            page.set_default_timeout(15_000)
            enter(page, self.url, who)
            for screen in screens:
                self.take(page, screen, suffix)
            context.close()

    def take(self, page: "Page", screen: Screen, suffix: str) -> None:
        """Go to a page and keep its picture; a page that is not there is told at the end."""
        try:
            page.goto(self.url + screen.path)
            for selector in screen.follow:
                page.goto(self.url + str(page.locator(selector).first.get_attribute("href")))
            if screen.click:
                page.locator(screen.click).first.click()
                page.wait_for_load_state()
            if screen.press:
                page.get_by_role("button", name=screen.press).first.click()
                page.wait_for_load_state()
        except Exception as error:
            self.missed.append(f"{screen.stem}{suffix}: {str(error).splitlines()[0]}")
            return
        page.wait_for_timeout(200)
        width = page.viewport_size["width"] if page.viewport_size else 0
        tall = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST[suffix])
        clip = {"x": 0, "y": 0, "width": width, "height": tall}
        png = page.screenshot(full_page=True, clip=clip)
        scale = 0.75 if suffix == "" else 1
        webp = self.blank.evaluate(TO_WEBP, [base64.b64encode(png).decode(), scale])
        (self.folder / f"{screen.stem}{suffix}.webp").write_bytes(base64.b64decode(webp))


def enter(page: "Page", url: str, who: str) -> None:
    """Be this person, or the first patient with pages of their own; nobody is a stranger."""
    if not who:
        return
    page.goto(f"{url}/demo/")
    if who == PATIENT:
        page.get_by_role("button", name=re.compile("Own pages of Josephine")).first.click()
    else:
        page.get_by_role("button", name=re.compile(who)).first.click()
    page.wait_for_load_state()


def list_of_screens() -> str:
    """Return docs/screens.md."""
    lines = [
        "# Every page", "",
        "Drawn by `make screenshots` from the fictional clinic of `make run`; everybody is "
        "invented. Each page is also kept as it looks on a phone.", "",
    ]  # fmt: skip
    groups = {"Staff": STAFF, "Patients": PATIENTS, "At the door": PUBLIC}
    for title, screens in groups.items():
        lines += [f"## {title}", ""]
        for screen in screens:
            wide, phone = f"images/{screen.stem}.webp", f"images/{screen.stem}-phone.webp"
            if (IMAGES / Path(wide).name).exists():
                lines += [f"### {screen.words}", "",
                          f"![{screen.words}]({wide}) [On a phone]({phone})", ""]  # fmt: skip
    return "\n".join(lines)


def start_clinic(folder: Path) -> subprocess.Popen[bytes]:
    """Start the fictional clinic on a port of its own and wait until it answers."""
    environment = {**os.environ, "PORT": str(PORT), "GLIDEPATH_DATA": os.fspath(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "config.embedded"], cwd=PROJECT, env=environment,
        stdout=(folder / "output").open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    wait_until(
        lambda: process.poll() is not None or answers_http(PORT)(0), START_SECONDS,
        lambda: (folder / "output").read_text()[-2000:],
    )  # fmt: skip
    assert process.poll() is None, (folder / "output").read_text()[-2000:]
    wait_until(is_well, START_SECONDS, "the clinic does not call itself healthy", pause=0.5)
    return process


def is_well() -> bool:
    """Answer whether every part runs: before that each page has a red banner."""
    try:
        with urllib.request.urlopen(f"http://localhost:{PORT}/healthz", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def main() -> int:
    """Draw everything; exit 1 when a page was not there."""
    parser = argparse.ArgumentParser(prog="tests.screenshots")
    parser.add_argument("folder", nargs="?", type=Path, default=IMAGES)
    parser.add_argument("--dark", action="store_true", help="in the dark colours")
    parser.add_argument("--url", default="", help="a fictional clinic that runs already")
    parser.add_argument("--only", nargs="*", default=[], help="these pages (all)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="glidepath-screens-"))
    data.chmod(0o755)
    process = None if options.url else start_clinic(data)
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            scheme = "dark" if options.dark else "light"
            url = options.url or f"http://localhost:{PORT}"
            camera = Camera(browser, options.folder, url, scheme=scheme)
            screens = [screen for screen in (*STAFF, *PATIENTS, *PUBLIC)
                       if not options.only or screen.stem in options.only]  # fmt: skip
            for who in dict.fromkeys(screen.who for screen in screens):
                mine = [screen for screen in screens if screen.who == who]
                print(f"{who or 'a stranger'}: {len(mine)} pages", flush=True)
                camera.walk(who, mine)
            browser.close()
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        shutil.rmtree(data, ignore_errors=True)
    if options.folder == IMAGES:
        SCREENS.write_text(list_of_screens())
    size = sum(path.stat().st_size for path in options.folder.glob("*.webp"))
    print(f"{size / 1e6:.1f} MB in {options.folder}")
    print("\n".join(f"NOT THERE: {line}" for line in camera.missed), end="")
    return 1 if camera.missed else 0


if __name__ == "__main__":
    sys.exit(main())
