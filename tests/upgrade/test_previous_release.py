"""The previous release's own code works on today's tables, as it must while an upgrade goes on."""

import json
import re
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from apps.alerts.models import Alert
from apps.checkins.models import CheckIn
from apps.tapers.models import TaperPlan
from tests.faults.trials import Submission, submit
from tests.harness.processes import environment_of
from tests.harness.waiting import wait_until
from tests.upgrade.asked_of_it import HIRE, READ_EVERYTHING
from tests.upgrade.release import PROJECT, run, unpack


def migrations_in(folder: Path) -> set[tuple[str, str]]:
    files = folder.glob("apps/*/migrations/0*.py")
    return {(file.parent.parent.name, file.stem) for file in files}


def test_no_migration_of_the_previous_release_was_changed_or_taken_away(tmp_path: Path) -> None:
    unpack(tmp_path)
    then = migrations_in(tmp_path)
    assert len(then) > 20
    disk = MigrationLoader(None).disk_migrations
    ours = {key for key, each in disk.items() if "apps." in each.__module__}
    assert then <= ours, "a database that has them could not be upgraded"


def test_the_change_log_names_the_previous_release(tmp_path: Path) -> None:
    commit = unpack(tmp_path)[:7]
    log = (PROJECT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \d+\.\d+\.\d+ \(\d{{4}}-\d\d-\d\d, commit {commit}\)$", log, re.M)


@pytest.mark.parametrize("form", ["number", "tag", "commit"])
def test_the_kept_release_is_found_by_each_name_in_a_clone_without_history(
    tmp_path: Path, monkeypatch, form: str
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    commit = unpack(tmp_path / "kept")
    log = (PROJECT / "CHANGELOG.md").read_text()
    number = re.search(rf"^## (\S+) \(.*, commit {commit[:7]}\)$", log, re.M)[1]
    name = {"number": number, "tag": f"v{number}", "commit": commit[:9]}[form]
    assert unpack(tmp_path / form, name) == commit
    assert (tmp_path / form / "manage.py").exists()


def test_a_release_that_is_not_in_the_clone_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"v9\.9 is not in this clone .*git fetch"):
        unpack(tmp_path, "v9.9")


@pytest.mark.django_db(transaction=True)
@pytest.mark.flow
@pytest.mark.slow
def test_the_previous_release_works_on_todays_tables(parts, smtp, tmp_path: Path) -> None:
    unpack(tmp_path)
    parts.checkout = tmp_path
    environment = environment_of(**parts.common, GLIDEPATH_DEMO="1")
    assert int(run(tmp_path, environment, "-c", READ_EVERYTHING)) > 80
    # Two whole clinics with their plans, check-ins, stays and alerts: most of what it can write.
    run(tmp_path, environment, "manage.py", "load_demo")
    assert TaperPlan.objects.count() > 10
    (path,) = json.loads(run(tmp_path, environment, "-c", HIRE, "1"))
    parts.web()
    parts.dispatcher()
    sent = Submission(path, "previous release", has_phone=False)
    submit(parts.listener.getsockname()[1], sent)
    assert sent.saved_at, parts.logs()[-2000:]
    found = CheckIn.objects.get(submission_id=sent.key)
    reference = Alert.objects.get(source_id=found.pk).reference
    wait_until(lambda: any(reference in mail.message["Subject"] for mail in smtp.messages), 20)
