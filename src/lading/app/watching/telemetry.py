"""Spans for OpenTelemetry: the one module that knows its packages, loaded only if traces are sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
)
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lading.app.watching.traces import Exporter
from lading.wire.message import Handler, Request, Response

_LAST_WAIT = 5.0
_FIELDS = ("traceparent", "tracestate")


@asynccontextmanager
async def traced(inner: Handler, exporter: Exporter) -> AsyncIterator[Handler]:
    """*inner*, with a span for each request, as long as this is open; after a fork only."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": exporter.service}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(_sender(exporter)))
    try:
        yield TracedRequests(inner, provider.get_tracer("lading"))
    finally:
        await asyncio.to_thread(provider.shutdown)


def _sender(exporter: Exporter) -> SpanExporter:
    if exporter.kind == "console":
        return ConsoleSpanExporter()
    return OTLPSpanExporter(endpoint=exporter.endpoint or None, timeout=_LAST_WAIT)


class TracedRequests:
    """A span for each request, in the trace of whoever asked (W3C Trace Context)."""

    def __init__(self, inner: Handler, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer
        self._context = TraceContextTextMapPropagator()

    async def __call__(self, request: Request) -> Response:
        """Pass *request* on within a span."""
        carried = {
            name: value
            for name in _FIELDS
            if (value := request.headers.get(name.encode("ascii"))) is not None
        }
        span = self._tracer.start_span(
            request.method, self._context.extract(carried), SpanKind.SERVER
        )
        with use_span(span, end_on_exit=True):
            response = await self._inner(request)
            span.set_attributes(
                {
                    "http.request.method": request.method,
                    "url.path": request.path,
                    "client.address": request.client or request.peer,
                    "user_agent.original": request.headers.get(b"user-agent") or "",
                    "http.response.status_code": response.status,
                    "lading.request.id": request.id,
                }
            )
            if request.place is not None:
                span.update_name(f"{request.method} {request.place.route.value}")
                span.set_attribute("http.route", request.place.route.value)
                span.set_attribute("oci.repository.name", request.place.name)
            if response.status >= 500:
                span.set_status(Status(StatusCode.ERROR))
            return response
