"""Registries that misbehave on cue: what is planned happens, once, and to whom it was planned for."""

import json

import pytest

from lading.bodies import Bytes, Held, Inbound, source_of
from lading.errors import BodyIncomplete
from lading.testing import samples
from lading.testing.trouble import Clock, Trouble
from lading.wire.message import Headers, Request, Response

CONTENT = samples.blob(1000)


class Registry:
    """A handler that remembers what it was asked, and how much of each body it took."""

    def __init__(self, *, frames: tuple[bytes, ...] = ()) -> None:
        self.taken: list[bytes] = []
        self._frames = frames

    async def __call__(self, request: Request) -> Response:
        """Take the body of *request*, and answer with `CONTENT` or two parts of it."""
        taken = bytearray()
        try:
            while await request.body.ready():
                for block in request.body.blocks():
                    taken += block
        except BodyIncomplete:
            return Response(400)
        finally:
            self.taken.append(bytes(taken))
        parts = ((0, 10), (20, 10)) if self._frames else ((0, len(CONTENT)),)
        return Response(200, [], Held(CONTENT, parts), self._frames)


async def body_of(response: Response) -> bytes:
    """What *response* says."""
    if isinstance(response.body, bytes):
        return response.body
    return await samples.content_of(response.body)


@pytest.fixture
def trouble() -> Trouble:
    """Nothing is planned."""
    return Trouble()


async def test_without_a_plan_nothing_happens(trouble: Trouble) -> None:
    """What comes is passed on, and remembered."""
    handler = trouble(Registry())
    fields = Headers([(b"accept", b"a"), (b"accept", b"b")])

    response = await handler(Request("GET", "/v2/", "n=1", fields))

    assert await body_of(response) == CONTENT
    (asked,) = trouble.asked
    assert (asked.method, asked.path, asked.query) == ("GET", "/v2/", "n=1")
    assert asked.headers == {"accept": "b"}


async def test_a_failure_happens_as_often_as_planned(trouble: Trouble) -> None:
    """The registry behind hears nothing of it."""
    registry = Registry()
    handler = trouble(registry)
    trouble.fail(503, times=2, skip=1)

    statuses = [(await handler(Request("GET", "/v2/"))).status for _ in range(4)]

    assert statuses == [200, 503, 503, 200]
    assert len(registry.taken) == 2
    assert trouble.pending == 0


async def test_only_requests_that_match_are_in_trouble(trouble: Trouble) -> None:
    """Method and path are patterns; others neither fail nor count."""
    handler = trouble(Registry())
    trouble.fail(method="P*", path="*/manifests/*")

    statuses = [
        (await handler(Request(method, path))).status
        for method, path in [
            ("GET", "/v2/a/manifests/b"),
            ("PUT", "/v2/a/blobs/b"),
            ("PUT", "/v2/a/manifests/b"),
            ("PUT", "/v2/a/manifests/b"),
        ]
    ]

    assert statuses == [200, 200, 500, 200]
    assert trouble.count("PUT") == 3
    assert trouble.count(path="*/manifests/*") == 3


async def test_plans_happen_in_their_order(trouble: Trouble) -> None:
    """Only one thing happens to one request."""
    handler = trouble(Registry())
    trouble.fail(500)
    trouble.slow_down("Wed, 21 Oct 2015 07:28:00 GMT")
    trouble.slow_down(None)

    first, second, third = [await handler(Request("GET", "/v2/")) for _ in range(3)]

    assert first.status == 500
    assert second.status == 429
    assert ("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT") in second.headers
    assert "Retry-After" not in dict(third.headers)
    assert json.loads(await body_of(third))["errors"][0]["code"] == "TOOMANYREQUESTS"


async def test_what_was_planned_can_be_called_off(trouble: Trouble) -> None:
    """After that all is well."""
    handler = trouble(Registry())
    trouble.fail(times=10)
    trouble.end()

    response = await handler(Request("GET", "/v2/"))

    assert response.status == 200


async def test_an_answer_can_be_lost_after_the_work_was_done(trouble: Trouble) -> None:
    """That is what makes it hard to try again."""
    registry = Registry()
    handler = trouble(registry)
    trouble.hang_up()
    trouble.hang_up_afterwards()
    trouble.fail_afterwards(502)

    with pytest.raises(BodyIncomplete):
        await handler(Request("PUT", "/", body=Bytes(b"never")))
    with pytest.raises(BodyIncomplete):
        await handler(Request("PUT", "/", body=Bytes(b"once")))
    failed = await handler(Request("PUT", "/", body=Bytes(b"twice")))

    assert registry.taken == [b"once", b"twice"]
    assert failed.status == 502


async def test_a_body_can_be_cut_on_its_way_in(trouble: Trouble) -> None:
    """What came before stays with the registry, which hears that the sender went away."""
    registry = Registry()
    handler = trouble(registry)
    trouble.interrupt(400)

    with pytest.raises(BodyIncomplete):
        await handler(Request("PATCH", "/", body=samples.inbound(CONTENT)))

    assert registry.taken == [CONTENT[:400]]


@pytest.mark.parametrize("after", [0, 1, 999])
async def test_a_body_can_be_cut_on_its_way_out(trouble: Trouble, after: int) -> None:
    """The answer promises all of it."""
    handler = trouble(Registry())
    trouble.truncate(after)

    response = await handler(Request("GET", "/"))

    assert not isinstance(response.body, bytes)
    assert response.body.total == len(CONTENT)
    came = bytearray()
    with pytest.raises(BodyIncomplete):
        await _take(source_of(response.body), came)  # type: ignore[arg-type]  # no Elsewhere here
    assert came == CONTENT[:after]


async def test_one_bit_can_be_wrong(trouble: Trouble) -> None:
    """Length and everything else stay."""
    handler = trouble(Registry())
    trouble.flip(-1 % len(CONTENT))

    whole = await body_of(await handler(Request("HEAD", "/")))
    wrong = await body_of(await handler(Request("GET", "/")))

    assert whole == CONTENT
    assert wrong[:-1] == CONTENT[:-1]
    assert wrong[-1] == CONTENT[-1] ^ 1


async def test_answers_in_parts_can_be_cut_as_well(trouble: Trouble) -> None:
    """Frames and parts are one body on the wire."""
    handler = trouble(Registry(frames=(b"<one>", b"<two>", b"<end>")))
    trouble.flip(10_000)

    response = await handler(Request("GET", "/"))

    assert await body_of(response) == b"<one>" + CONTENT[:10] + b"<two>" + CONTENT[20:30] + b"<end>"


async def test_pages_and_redirects_stand_in_for_answers(trouble: Trouble) -> None:
    """As a login portal has them."""
    handler = trouble(Registry())
    trouble.page()
    trouble.send_to("https://elsewhere.test/x", 302)

    page = await handler(Request("GET", "/"))
    redirect = await handler(Request("GET", "/"))

    assert page.status == 200
    assert ("Content-Type", "text/html") in page.headers
    assert redirect.status == 302
    assert ("Location", "https://elsewhere.test/x") in redirect.headers


async def test_an_answer_can_be_changed(trouble: Trouble) -> None:
    """Whatever a test wants of it."""
    handler = trouble(Registry())
    trouble.change(lambda response: Response(206, response.headers, response.body))
    trouble.answer(lambda: Response(418))

    changed = await handler(Request("GET", "/"))
    answered = await handler(Request("GET", "/"))

    assert changed.status == 206
    assert answered.status == 418


async def test_an_answer_can_be_late(trouble: Trouble) -> None:
    """It comes all the same."""
    handler = trouble(Registry())
    trouble.delay(0.001)

    response = await handler(Request("GET", "/"))

    assert response.status == 200


def test_a_clock_can_be_moved_on() -> None:
    """Nobody has to wait for a token to end."""
    clock = Clock()
    before = clock()

    clock.advance(300)

    assert clock() >= before + 300


async def _take(body: Inbound, came: bytearray) -> None:
    while await body.ready():
        for block in body.blocks():
            came += block
