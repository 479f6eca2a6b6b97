"""What is shipped names only settings, commands, queues and figures that exist.

And it gives the login that owns the tables, and the key of backups, to no process that serves.
"""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.db import connection
from django.utils import timezone

from apps.alerts.health import STALE_AFTER, WATCHED
from apps.alerts.models import Heartbeat, SystemAlert
from apps.dashboard.health_views import every_figure
from apps.database.roles import SWEEP_ROLE
from config import probe
from config.embedded.processes import end_all, spawn
from config.figures_folder import PROCESS_BYTES, ROOM_BYTES
from config.worker_sign import EVERY_SECONDS, SIGN
from tests.harness.broker import use_broker
from tests.harness.processes import LOGS, environment_of
from tests.harness.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
EXAMPLES = (DEPLOY / "env.example", DEPLOY / "owner.env.example")
GUIDE = (ROOT / "docs" / "operations.md").read_text()
# Read by Python, systemd's own files or the images of others; not by our settings.
OTHERS = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DJANGO_SETTINGS_MODULE", "PATH"}
OTHERS |= {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "VALKEYCLI_AUTH", "RUN_PASSWORD"}
# What works on the tables themselves.
OWNERS = {"migrate", "backup", "restore-drill"}
READS = r'(?:env\.\w+|email_url|required|environ\.get)\(\s*"([A-Z_]+)"'


def settings_read() -> set[str]:
    """Every environment variable that the program reads in production."""
    files = ("settings", "gunicorn", "probe")
    found = {
        name
        for file in files
        for name in re.findall(READS, (ROOT / f"config/{file}.py").read_text())
    }
    # The guide says of all secrets that they may be files; gunicorn's file sets the last itself.
    return found - {"DEMO_MAIL_DIR", "DATABASE_URL_FILE", "PROMETHEUS_MULTIPROC_DIR"}


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def ours() -> dict[str, dict[str, Any]]:
    """The services of compose.yaml that run our image."""
    return {k: v for k, v in compose()["services"].items() if v["image"].startswith("glidepath")}


def kubernetes() -> list[dict[str, Any]]:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]


def pods(thing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = thing.get("spec", {})
    if thing["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    if "template" in spec:
        yield spec["template"]["spec"]


def containers() -> list[dict[str, Any]]:
    return [c for each in kubernetes() for pod in pods(each) for c in pod["containers"]]


def units() -> dict[str, str]:
    return {file.name: file.read_text() for file in (DEPLOY / "systemd").iterdir()}


def named_settings() -> set[str]:
    """Every environment variable that a shipped file sets."""
    made = {name for service in ours().values() for name in service["environment"]}
    secrets = {line.split("=")[0] for file in EXAMPLES for line in file.read_text().splitlines()}
    literals = next(each for each in kubernetes() if each["kind"] == "Kustomization")
    made |= {each.split("=")[0] for each in literals["configMapGenerator"][0]["literals"]}
    made |= {name for name in secrets if re.fullmatch("[A-Z_]+", name)}
    for text in units().values():
        for line in re.findall(r"^Environment=(.*)$", text, re.MULTILINE):
            made |= {each.split("=")[0] for each in shlex.split(line)}
    image = (ROOT / "Containerfile").read_text().rpartition("ENV PATH")[2].partition("\nUSER")[0]
    return made | set(re.findall(r"\b([A-Z_]{3,})=", image))


def commands() -> list[str]:
    """Every command line of ours that a shipped file runs."""
    found = [" ".join(service.get("command", [])) for service in ours().values()]
    found += [" ".join(container["command"]) for container in containers()]
    for text in units().values():
        found += re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    return [line for line in found if line]


def test_every_setting_named_is_read_and_every_setting_read_is_explained() -> None:
    assert named_settings() - OTHERS <= settings_read()
    table = set(re.findall(r"^\| `([A-Z_]+)`", GUIDE, re.MULTILINE))
    assert table == settings_read()
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    extra = {"POSTGRES_PASSWORD", "RUN_PASSWORD", "VALKEY_PASSWORD", "WEB_PORT"}
    assert asked <= settings_read() | extra


def test_one_command_makes_every_secret_that_compose_asks_for(tmp_path: Path) -> None:
    main = runpy.run_path(str(DEPLOY / "make_env.py"))["main"]
    file = tmp_path / ".env"
    main(file)
    written = file.read_text()
    main(file)
    assert file.read_text() == written, "a second start keeps the first one's secrets"
    older = "".join(line for line in written.splitlines(True) if "RUN_PASSWORD" not in line)
    file.write_text(older)
    main(file)
    assert re.fullmatch(re.escape(older) + r"\nRUN_PASSWORD=.{64}\n", file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", (DEPLOY / "compose.yaml").read_text()))
    assert asked == set(re.findall(r"^([A-Z_]+)=.", written, re.MULTILINE)) & asked
    assert len(dict(line.split("=", 1) for line in written.splitlines())["SECRET_KEY"]) >= 50


def probes() -> list[list[str]]:
    """Every command by which a platform asks whether a container lives."""
    checks = [each.get("healthcheck", {}) for each in ours().values()]
    found = [check["test"][1:] for check in checks if "test" in check]
    asked = [each.get("livenessProbe", {}) for each in containers()]
    found += [each["exec"]["command"] for each in asked if "exec" in each]
    file = (ROOT / "Containerfile").read_text()
    image = re.search(r"HEALTHCHECK.*?CMD (\[.*?\])", file, re.DOTALL)
    assert image is not None
    return [*found, json.loads(image[1])]


def test_what_others_need_starts_before_them_and_stops_after_them() -> None:
    for name, service in ours().items():
        needs = {"database"} if name == "migrate" else {"migrate", "database", "broker"}
        assert set(service["depends_on"]) == needs, name


def test_whatever_runs_on_is_asked_whether_it_lives() -> None:
    """A worker that hangs is started again, of whichever queue; a web process likewise."""
    asked = {
        each["metadata"]["name"]: [each for pod in pods(each) for each in pod["containers"]]
        for each in kubernetes() if each["kind"] == "Deployment"
    }  # fmt: skip
    assert {name for name in asked if name.startswith("worker-")} == {
        name for name in ours() if name.startswith("worker-")
    }
    # Beat leaves no sign of its own. When it stops, the signs that it asks workers for are missed.
    for name, found in asked.items():
        assert ["livenessProbe" in each for each in found] == [name != "beat"], name
    for name in ("worker-alerts", "worker-default"):
        (container,) = asked[name]
        assert container["livenessProbe"]["exec"]["command"][-1] == "worker"
        assert ours()[name]["healthcheck"]["test"][-1] == "worker"
    # Once, by beat's word, of the image itself (asked below), and of others' image by its restart.
    without = {"migrate", "beat", "web", "proxy"}
    for name, service in compose()["services"].items():
        assert ("test" in service.get("healthcheck", {})) == (name not in without), name


def test_every_probe_is_the_cheap_one_of_a_process_that_exists() -> None:
    found = probes()
    assert {command[-1] for command in found} == {"web", "dispatcher", "worker"}
    for command in found:
        assert command[:-1] == ["python", "-P", "config/probe.py"]


def test_every_command_run_exists_and_every_queue_has_a_worker() -> None:
    lines = commands()
    assert len(lines) > 15
    for line in lines:
        for name in re.findall(r"manage\.py (\w+)", line):
            assert name in get_commands(), line
        assert re.search(r"manage\.py|celery -A config|gunicorn", line), line
    queues = {
        each["options"].get("queue", "default") for each in settings.CELERY_BEAT_SCHEDULE.values()
    }
    for place in (ours().values(), containers()):
        found = re.findall(
            r"--queues (\w+)", "\n".join(" ".join(c.get("command", [])) for c in place)
        )
        assert sorted(found) == sorted(queues), "one worker per queue"
    wanted = set(re.findall(r"glidepath-worker@(\w+)", units()["glidepath.target"]))
    assert wanted == queues


def test_only_what_works_on_the_tables_gets_their_owner() -> None:
    for name, service in ours().items():
        own = service["environment"]
        assert ("//glidepath:" in own["DATABASE_URL"]) == (name in OWNERS), name
        assert ("BACKUP_PASSPHRASE" in own) == (name in OWNERS), name
    for each in kubernetes():
        for container in (c for pod in pods(each) for c in pod["containers"]):
            read = [source["secretRef"]["name"] for source in container["envFrom"][1:]]
            owner = ["glidepath-owner"] if each["metadata"]["name"] in OWNERS else []
            assert read == ["glidepath", *owner], "the last one's DATABASE_URL counts"
    for name, text in units().items():
        if name.endswith(".service"):
            read = re.findall(r"^EnvironmentFile=/etc/glidepath/(\S+)$", text, re.MULTILINE)
            owns = re.sub(r"^glidepath-|\.service$", "", name) in OWNERS
            assert read == (["env", "owner.env"] if owns else ["env"]), name
    for file, login in zip(EXAMPLES, ("glidepath_run", "glidepath_owner"), strict=True):
        assert f"DATABASE_URL=postgres://{login}:" in file.read_text()


def test_nothing_runs_as_root_or_writes_where_it_should_not() -> None:
    for name, service in ours().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["stop_grace_period"] == "40s", name
    for pod in (pod for each in kubernetes() for pod in pods(each)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["terminationGracePeriodSeconds"] >= 40
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
    for name, text in units().items():
        if name.endswith(".service"):
            assert "User=glidepath" in text, name
            assert "ProtectSystem=strict" in text, name
            assert "Type=oneshot" in text or "TimeoutStopSec=40" in text, name
    image = (ROOT / "Containerfile").read_text()
    assert image.rindex("USER 10001") > image.rindex("RUN ")
    assert "--require-hashes" in image
    assert re.findall(r"image: (\S+)", (DEPLOY / "compose.yaml").read_text())
    for each in compose()["services"].values():
        assert re.search(r":(\d+\.\d+[\w.-]*|\$\{\w+:-local\})$", each["image"]), "pinned"


def test_what_the_processes_of_a_server_count_in_has_room_for_64_of_them() -> None:
    """Containers give 64 MB to /dev/shm unless told: full, nobody would count any more."""
    needed = ROOM_BYTES + 64 * PROCESS_BYTES
    size = re.fullmatch(r"(\d+)m", compose()["services"]["web"]["shm_size"])
    assert size
    assert int(size[1]) << 20 >= needed
    web = next(pod for each in kubernetes() for pod in pods(each) if serves(pod))
    mounts = {one["mountPath"]: one["name"] for one in web["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one["emptyDir"] for one in web["volumes"]}
    server = (ROOT / "config" / "gunicorn.py").read_text()
    folder = volumes[mounts[re.findall(r'worker_tmp_dir = "(.+?)"', server)[0]]]
    assert folder["medium"] == "Memory"
    size = re.fullmatch(r"(\d+)Mi", folder["sizeLimit"])
    assert size
    assert int(size[1]) << 20 >= needed


def serves(pod: dict[str, Any]) -> bool:
    """Answer whether the pod has the web server in it."""
    return "gunicorn" in pod["containers"][0].get("command", ())


@pytest.mark.django_db
def test_every_query_names_a_figure_that_exists_and_every_figure_is_shown() -> None:
    text = every_figure(timezone.now())
    exist = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    dashboard = json.loads((DEPLOY / "observe" / "grafana-dashboard.json").read_text())
    queries = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    rules = yaml.safe_load((DEPLOY / "observe" / "glidepath-rules.yaml").read_text())
    rules = [rule for group in rules["groups"] for rule in group["rules"]]
    shown = set(re.findall(r"glidepath_\w+?(?=_bucket|\W|$)", " ".join(queries)))
    asked = set(re.findall(r"glidepath_\w+", " ".join(rule["expr"] for rule in rules)))
    assert shown == exist
    assert asked <= exist
    for word in [rule["alert"] for rule in rules] + [str(k.label) for k in SystemAlert.Kind]:
        assert word in GUIDE, f"the guide says what to do upon: {word}"
    for process in WATCHED.values():
        assert f"{process} is not running." in GUIDE


def test_the_steps_of_the_image_work_on_what_it_copies(tmp_path: Path) -> None:
    image = (ROOT / "Containerfile").read_text()
    for source, target in re.findall(r"^COPY (\w+) (\w+)$", image, re.MULTILINE):
        shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    step = re.search(r"RUN (DATABASE_URL=.*?collectstatic[^&]*)", image, re.DOTALL)
    assert step is not None
    line = step[1].replace("\\\n", " ").replace("/app", str(tmp_path))
    line = line.replace("/opt/venv/bin/python", sys.executable)
    subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, env={}, check=True, timeout=120)
    assert (tmp_path / "staticfiles" / "staticfiles.json").exists()


def probed(database: str, name: str, setting: str = "DATABASE_URL") -> int:
    """Run the probe as a container does, in a process of its own, and return what it ends with."""
    command = [sys.executable, "-P", "config/probe.py", name]
    environment = {**os.environ, "DATABASE_URL": "", setting: database}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=60).returncode


@pytest.mark.django_db(transaction=True)
def test_the_probe_reads_the_sign_that_a_process_leaves(tmp_path: Path) -> None:
    name_here = f"/{connection.settings_dict['NAME']}"
    here = urlsplit(os.environ["DATABASE_URL"])._replace(path=name_here).geturl()
    now = timezone.now()
    for name in probe.IN_THE_DATABASE:
        assert probed(here, name) == 1, "no sign at all"
        row, _ = Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": now})
        assert probed(here, name) == 0
        for wrong in (now - 2 * STALE_AFTER, now + 10 * STALE_AFTER):
            Heartbeat.objects.filter(pk=row.pk).update(beat_at=wrong)
            assert probed(here, name) == 1
    (tmp_path / "url").write_text(here + "\n")
    assert probed(str(tmp_path / "url"), "sweep", "DATABASE_URL_FILE") == 1, "as of the last"
    Heartbeat.objects.update(beat_at=timezone.now())
    assert probed(str(tmp_path / "url"), "sweep", "DATABASE_URL_FILE") == 0
    assert probed("postgres://nobody:nothing@127.0.0.1:9/none", "sweep") == 0


def test_the_probe_knows_what_the_program_knows_and_starts_nothing_of_it() -> None:
    assert set(probe.IN_THE_DATABASE) < set(WATCHED)
    assert STALE_AFTER.total_seconds() == probe.STALE_AFTER
    assert probe.ROLE == SWEEP_ROLE
    assert probe.SIGN == SIGN
    assert probe.SIGN_STALE_AFTER > 3 * EVERY_SECONDS
    command = [sys.executable, "-P", "-X", "importtime", "config/probe.py", "dispatcher"]
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
    said = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, timeout=60, capture_output=True, text=True
    ).stderr
    assert re.search(r"\| +psycopg$", said, re.MULTILINE)
    assert not re.search(r"\| +(django|celery|apps|config)\b", said)


@pytest.mark.flow
@pytest.mark.django_db(transaction=True)
def test_the_probe_tells_a_living_web_process_from_a_dead_one(parts, monkeypatch) -> None:
    port = parts.listener.getsockname()[1]
    command = ["-m", "gunicorn", "config.wsgi:application", "--config", "config/gunicorn.py"]
    monkeypatch.setenv("SITE_URL", settings.SITE_URL)
    monkeypatch.setenv("WEB_BIND", f"127.0.0.1:{port}")
    parts.listener.close()
    assert probe.main(["web"]) == 1
    environment = {**os.environ, **web_environment(parts), "WEB_WORKERS": "1"}
    LOGS.mkdir(parents=True, exist_ok=True)
    process = spawn([sys.executable, *command], log=LOGS / "probe.log", env=environment, cwd=ROOT)
    try:
        wait_until(lambda: probe.main(["web"]) == 0, 30)
    finally:
        end_all([process], grace=5)
    assert probe.main(["nobody"]) == 2


@pytest.mark.flow
@pytest.mark.django_db(transaction=True)
def test_the_probe_of_a_worker_looks_at_its_own_process(parts, monkeypatch, tmp_path) -> None:
    """Neither beat nor another worker counts, and a broker that is away restarts nothing."""
    monkeypatch.setattr(probe, "SIGN", tmp_path / SIGN.name)
    assert probe.main(["worker"]) == 1
    worker = parts.worker(TMPDIR=str(tmp_path))
    wait_until((tmp_path / SIGN.name).exists, 60, message=worker.log_end)
    assert probe.main(["worker"]) == 0
    os.utime(tmp_path / SIGN.name, (0, 0))
    wait_until(lambda: probe.main(["worker"]) == 0, 2 * EVERY_SECONDS)  # the loop turns
    worker.kill()
    os.utime(tmp_path / SIGN.name, (0, 0))
    assert probe.main(["worker"]) == 1
    with use_broker("redis://127.0.0.1:1/0"):  # nobody listens there
        assert probe.main(["worker"]) == 0


def web_environment(parts: Any) -> dict[str, str]:
    return environment_of(**{**parts.common, "SITE_URL": settings.SITE_URL})


def test_the_lists_of_what_may_be_reached_let_nothing_else_out() -> None:
    """Each rule names an address, of no network until the operator has put theirs in."""
    policy = yaml.safe_load((DEPLOY / "kubernetes" / "egress.yaml").read_text())
    pods = [each for each in kubernetes() if each["kind"] == "Deployment"]
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in pods]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= set.intersection(
        *(set(each.items()) for each in labels)
    )
    assert policy["spec"]["policyTypes"] == ["Egress"]
    rules = policy["spec"]["egress"]
    assert all(rule["to"] and rule["ports"] for rule in rules), "one without lets everything out"
    blocks = [to["ipBlock"]["cidr"] for rule in rules for to in rule["to"] if "ipBlock" in to]
    dropped = (DEPLOY / "systemd" / "egress.conf").read_text()
    allowed = re.findall(r"^IPAddressAllow=(.*)$", dropped, re.MULTILINE)
    assert "\nIPAddressDeny=any\n" in dropped
    named = [address for line in allowed for address in line.split() if address != "localhost"]
    assert all(each.startswith("192.0.2.") for each in [*blocks, *named])
    example = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert "egress.yaml" not in example["resources"], "off until the addresses are the operator's"
    for setting in ("DATABASE_URL", "EMAIL_URL", "HEARTBEAT_URL", "ALERT_GATEWAY_HOSTS"):
        assert setting in (DEPLOY / "kubernetes" / "egress.yaml").read_text()
