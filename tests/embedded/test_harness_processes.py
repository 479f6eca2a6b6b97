"""The real parts that flow tests rely on: they start, work and can be killed."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection

from config.celery import app
from tests.harness.broker import use_broker
from tests.harness.database import current_database_url
from tests.harness.redis import RedisServer
from tests.harness.template import is_shared
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.flow, pytest.mark.slow]


@pytest.mark.django_db(transaction=True)
def test_the_address_given_to_processes_is_that_of_the_tests_database():
    import psycopg

    with psycopg.connect(current_database_url()) as other:
        (name,) = other.execute("SELECT current_database()").fetchone()
    assert name == connection.settings_dict["NAME"]


@pytest.mark.django_db
def test_the_database_of_a_parallel_run_is_a_copy_and_nothing_is_left_to_migrate():
    assert bool(connection.settings_dict["TEST"].get("TEMPLATE")) is is_shared()
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


def test_redis_keeps_a_message_through_kill_and_restart():
    redis = RedisServer()
    try:
        redis.start()
        with use_broker(redis.url):
            app.send_task("nothing", queue="kept")
        redis.kill()
        assert not redis.answers()
        redis.start()
        with Connection(redis.url) as reader:
            assert reader.SimpleQueue("kept").get(timeout=2).headers["task"] == "nothing"
    finally:
        redis.close()
    assert not redis.folder.exists()


def test_a_frozen_redis_answers_nothing_until_thawed():
    redis = RedisServer()
    try:
        redis.start()
        redis.freeze()
        assert not redis.answers()
        redis.thaw()
        assert redis.answers()
    finally:
        redis.close()


@pytest.mark.django_db(transaction=True)
def test_a_worker_takes_tasks_until_it_is_killed(parts):
    worker = parts.worker()
    app.send_task("apps.alerts.tasks.beat_heartbeat", queue="alerts")
    wait_until(lambda: "beat_heartbeat" in worker.log_text(), message=worker.log_end)
    worker.kill()
    assert not worker.alive()


@pytest.mark.django_db(transaction=True)
def test_the_dispatcher_and_beat_start_and_stop(parts):
    dispatcher = parts.dispatcher()
    beat = parts.beat()
    assert dispatcher.alive()
    assert beat.alive()
    dispatcher.stop(grace=30)
    assert dispatcher.process.returncode == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("browser")
def test_a_browser_reaches_the_web_server(parts, phone_page, screenshot):
    parts.web()
    response = phone_page.goto(parts.url)
    assert response.status < 500
    assert phone_page.evaluate("window.innerWidth") == 390
    assert screenshot(phone_page, "first page").stat().st_size > 1000
