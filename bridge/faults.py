"""Faults of the program itself, told to Sentry where SENTRY_DSN says so: which error and where, and nothing it held.

An error's own words, the values of variables and the request may quote a payload, so none of them goes along.
"""

from typing import Any

_is_on = False

# Of a frame only where it is: no variables.
_OF_A_FRAME = ("filename", "module", "function", "lineno", "in_app", "context_line", "pre_context", "post_context")
_OF_AN_EVENT = ("event_id", "timestamp", "platform", "level", "release", "environment", "server_name", "sdk", "tags")


def set_up(dsn: str | None) -> None:
    """Begin to tell, if there is anybody to tell. Call it in each process, after a fork."""
    global _is_on
    if dsn is None:
        return
    # Not at the top: it is an extra.
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn,
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        traces_sample_rate=0.0,
        before_send=_scrubbed,
    )
    _is_on = True


def tell(error: BaseException, **ids: object) -> None:
    """Tell of an error that nobody expected, with the ids of what was worked on."""
    if not _is_on:
        return
    import sentry_sdk

    with sentry_sdk.new_scope() as scope:
        for name, value in ids.items():
            scope.set_tag(name, str(value))
        scope.capture_exception(error)


def close() -> None:
    """Send what is still to be sent, for two seconds at most."""
    if _is_on:
        import sentry_sdk

        sentry_sdk.flush(2.0)


def _scrubbed(event: Any, _hint: Any) -> Any:
    """The event put together anew from what cannot hold anything personal: what Sentry adds in future stays away."""
    clean = {name: event[name] for name in _OF_AN_EVENT if name in event}
    raised = event.get("exception", {}).get("values", [])
    clean["exception"] = {"values": [_scrubbed_error(one) for one in raised]}
    return clean


def _scrubbed_error(one: dict[str, Any]) -> dict[str, Any]:
    frames = (one.get("stacktrace") or {}).get("frames", [])
    kept = [{name: frame[name] for name in _OF_A_FRAME if name in frame} for frame in frames]
    return {"type": one.get("type"), "module": one.get("module"), "stacktrace": {"frames": kept}}
