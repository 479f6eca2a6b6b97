"""No broker gives a task that is still at work to a second worker."""

from config.brokers import transport_options
from config.celery import app


def test_a_task_acknowledged_at_its_end_ends_before_a_broker_gives_it_away() -> None:
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if name.startswith("apps.")}
    assert len(ours) > 10
    given_away = transport_options("redis://host:6379/0")["visibility_timeout"]
    late = {name for name, task in ours.items() if task.acks_late}
    assert len(late) > 10
    for name in late:
        limit = ours[name].time_limit or app.conf.task_time_limit
        assert limit < given_away, f"{name} may run {limit} s: let it be acknowledged first"
