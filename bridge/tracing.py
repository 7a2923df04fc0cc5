"""Where time goes, told to an OpenTelemetry collector where OTEL_EXPORTER_OTLP_ENDPOINT says so.

One trace for each webhook: `webhook` (its answer), `delivery` (its processing), `message` (its sending, maybe hours
later and in another process) and `attempt` (the request to Attentive). They carry ids and outcomes, nothing else.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

#: The header that a delivery is stored with, so that the worker goes on with its trace.
#: https://www.w3.org/TR/trace-context/#traceparent-header
CARRIER = "traceparent"

_tracer: Any = None
_provider: Any = None
# The id that the next span gets, where it must be one that others can work out.
_chosen: ContextVar[int | None] = ContextVar("chosen span id", default=None)


def set_up(endpoint: str | None) -> None:
    """Begin to tell, if there is anybody to tell. Call it in each process, after a fork: it starts a thread."""
    global _tracer, _provider
    if endpoint is None:
        return
    # Not at the top: they are an extra.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        def generate_span_id(self) -> int:
            return _chosen.get() or super().generate_span_id()

    resource = Resource.create() if "OTEL_SERVICE_NAME" in os.environ else Resource({"service.name": "bridge"})
    _provider = TracerProvider(resource=resource, id_generator=Ids())
    # It reads the SDK's further OTEL_ settings, headers for example, by itself.
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    _tracer = _provider.get_tracer("bridge")


def is_on() -> bool:
    """Whether anybody is told."""
    return _tracer is not None


def close() -> None:
    """Send what is still to be sent."""
    if _provider is not None:
        _provider.shutdown()


def carried() -> dict[str, str]:
    """The header to store with what is made under the present span; none without one."""
    if _tracer is None:
        return {}
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return {CARRIER: f"00-{context.trace_id:032x}-{context.span_id:016x}-01"} if context.is_valid else {}


@contextmanager
def span(name: str, **told: object) -> Iterator[dict[str, object]]:
    """A span under the present one; what is put into the dictionary is told at its end."""
    if _tracer is None:
        yield {}
        return
    with _started(name, told, context=None) as more:
        yield more


@contextmanager
def delivery_span(carrier: str | None, delivery: int | None, attempt: int, **told: object) -> Iterator[None]:
    """The span of a delivery that is processed, under its webhook's."""
    if _tracer is None:
        yield
        return
    token = _chosen.set(_delivery_span_id(carrier, delivery, attempt))
    with _started("delivery", {"delivery": delivery, **told}, context=_under(carrier), token=token):
        yield


@contextmanager
def message_span(carrier: str | None, delivery: int, attempt: int, **told: object) -> Iterator[dict[str, object]]:
    """The span of a message that is sent, under that of the delivery it was made of."""
    if _tracer is None:
        yield {}
        return
    under = _under(carrier, _delivery_span_id(carrier, delivery, attempt))
    with _started("message", {"delivery": delivery, **told}, context=under) as more:
        yield more


@contextmanager
def _started(name: str, told: dict[str, Any], *, context: Any, token: Any = None) -> Iterator[dict[str, object]]:
    from opentelemetry.trace import StatusCode

    # Not its words for an exception: they may quote a payload.
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(f"bridge.{name}", context=context, **quiet) as started:
        if token is not None:
            _chosen.reset(token)
        more: dict[str, object] = {}
        try:
            yield more
        except BaseException:
            started.set_status(StatusCode.ERROR)
            raise
        finally:
            for key, value in {**told, **more}.items():
                if value is not None:
                    started.set_attribute(f"bridge.{key}", value)


def _under(carrier: str | None, span_id: int | None = None) -> Any:
    """The context of the span that the header names, or of another one of its trace; a trace of its own without."""
    from opentelemetry import trace
    from opentelemetry.context import Context

    parts = (carrier or "").split("-")
    if len(parts) != 4:
        return Context()
    context = trace.SpanContext(
        trace_id=int(parts[1], 16),
        span_id=span_id or int(parts[2], 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())


def _delivery_span_id(carrier: str | None, delivery: int | None, attempt: int) -> int:
    """Whoever sends its messages can tell it, without its being kept."""
    return int.from_bytes(hashlib.sha256(f"{carrier} {delivery} {attempt}".encode()).digest()[:8], "big") or 1
