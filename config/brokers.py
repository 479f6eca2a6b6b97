"""How Celery talks to each kind of broker; the settings read it, and so do the flow tests."""


def transport_options(broker_url: str) -> dict[str, object]:
    """Return kombu's transport options for the broker behind this address."""
    if broker_url.startswith("pgmq"):
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        address = f"postgres{broker_url.removeprefix('pgmq')}"
        return {
            # Otherwise it would take DATABASE_URL, whose login has no right to the queues.
            "conn_string": make_conninfo("", **conninfo_to_dict(address)),
            "init_extension": False,
            "use_notify": True,
            "notify_throttle_interval_ms": 0,
            # Long polling, the default, blocks the worker for many seconds.
            "wait_time_seconds": 0,
            "polling_interval": 1,
            "visibility_timeout": 60,
            "pool_size": 4,
            "pool_timeout": 3,
        }
    if broker_url.startswith("redis"):
        # Redelivery after 60 s, looked for every 5 s; a hung Redis must not hold a request.
        return {
            "visibility_timeout": 60,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 3,
            "socket_connect_timeout": 1,
            "health_check_interval": 25,
        }
    if broker_url.startswith("amqp"):
        # A message counts as sent when the broker says that it is on disk (the queues are durable);
        # a broker that hangs is given up after as long as a hung Redis.
        return {
            "confirm_publish": True,
            "read_timeout": 3,
            "write_timeout": 3,
            "connect_retries_timeout": 2,
            "max_retries": 1,
        }
    return {}
