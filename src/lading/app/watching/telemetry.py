"""Spans for OpenTelemetry: the one module that knows its packages, loaded only if traces are sent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

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

from lading.app.stores import Stores
from lading.app.watching.traces import Exporter
from lading.errors import LadingError
from lading.interfaces.blobs import BlobStore
from lading.interfaces.metadata import MetadataStore
from lading.wire.message import Handler, Request, Response

_LAST_WAIT = 5.0
_BLOBS = ("stat", "open", "create", "resume", "delete")
_METADATA = (
    *("get_manifest", "resolve", "get_blob", "holders"),
    *("list_tags", "list_referrers", "list_repositories", "tag_history"),
    *("commit", "events"),
)
_TRACER: ContextVar[Tracer | None] = ContextVar("lading_tracer", default=None)
"""Who makes spans, within a request that has one."""

P = ParamSpec("P")
T = TypeVar("T")

_FIELDS = ("traceparent", "tracestate")


@asynccontextmanager
async def traced_requests(inner: Handler, exporter: Exporter) -> AsyncIterator[Handler]:
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
        _TRACER.set(self._tracer)
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


def traced_stores(stores: Stores) -> Stores:
    """*stores*, of which each call is a span within that of its request; others cost no span."""
    return Stores(
        cast("BlobStore", _TracedCalls(stores.blobs, "blobs", _BLOBS)),
        cast("MetadataStore", _TracedCalls(stores.metadata, "metadata", _METADATA)),
    )


class _TracedCalls:
    """All that *inner* has; those of its methods that are called as *names* say make spans."""

    def __init__(self, inner: object, room: str, names: Iterable[str]) -> None:
        self._inner = inner
        for name in names:
            setattr(self, name, _spanned(getattr(inner, name), f"{room}.{name}"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _spanned(call: Callable[P, Awaitable[T]], name: str) -> Callable[P, Awaitable[T]]:
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        tracer = _TRACER.get()
        if tracer is None:
            return await call(*args, **kwargs)
        # That something is not there is an answer, and what is wrong shows at the request.
        with tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                return await call(*args, **kwargs)
            except LadingError as error:
                span.set_attribute("error.type", type(error).__name__)
                raise

    return called
