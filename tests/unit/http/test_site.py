"""Where a registry stands, and who asks it from behind a proxy."""

from dataclasses import dataclass, field

import pytest

from lading.http.site import Site, Trust, host_asked
from lading.wire.message import Headers, Request, Response

PROXY = "10.0.0.1:4711"


@dataclass
class Answering:
    """Answers everything with the same fields, and remembers who asked."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    asked: Request | None = None

    async def __call__(self, request: Request) -> Response:
        """Those fields."""
        self.asked = request
        return Response(201, list(self.fields))


def request(peer: str = PROXY, **fields: str) -> Request:
    """A request with *fields*, whose names have underscores for dashes."""
    raw = [
        (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in fields.items()
    ]
    return Request("GET", "/v2/", headers=Headers(raw), peer=peer)


async def located(asked: Request, **settings: object) -> str:
    """Where an answer to *asked* leads to."""
    site = Site(Answering([("Location", "/v2/a/blobs/x")]), **settings)  # type: ignore[arg-type]  # as the test says
    return (await site(asked)).headers[0][1]


async def test_locations_are_left_alone_where_nothing_is_said() -> None:
    """A path is right behind every proxy."""
    assert await located(request(host="r.example"), relative=True) == "/v2/a/blobs/x"


@pytest.mark.parametrize(
    ("sealed", "prefix", "expected"),
    [
        (False, "", "http://r.example:5000/v2/a/blobs/x"),
        (True, "", "https://r.example:5000/v2/a/blobs/x"),
        (False, "/reg", "http://r.example:5000/reg/v2/a/blobs/x"),
    ],
)
async def test_absolute_location_is_what_the_client_came_to(
    sealed: bool, prefix: str, expected: str
) -> None:
    """With the scheme that is spoken, the host that was named, and the prefix."""
    asked = request(host="r.example:5000")

    assert await located(asked, relative=False, sealed=sealed, prefix=prefix) == expected
    assert asked.base == expected.removesuffix("/v2/a/blobs/x")


async def test_relative_location_and_link_have_the_prefix() -> None:
    """What is a place here is found again by it."""
    inner = Answering(
        [("Location", "/v2/a/blobs/x"), ("Link", '</v2/_catalog?n=1>; rel="next"'), ("ETag", "/")]
    )

    response = await Site(inner, prefix="/reg")(request(host="r.example"))

    assert response.headers == [
        ("Location", "/reg/v2/a/blobs/x"),
        ("Link", '</reg/v2/_catalog?n=1>; rel="next"'),
        ("ETag", "/"),
    ]


async def test_location_elsewhere_is_left_alone() -> None:
    """A blob store may have sent the client there."""
    inner = Answering([("Location", "https://cdn.example/x")])

    response = await Site(inner, relative=False)(request(host="r.example"))

    assert response.headers == [("Location", "https://cdn.example/x")]


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("https://r.example", "https://r.example/v2/a/blobs/x"),
        ("https://r.example/", "https://r.example/v2/a/blobs/x"),
        ("https://r.example/reg/", "https://r.example/reg/v2/a/blobs/x"),
        ("https://r.example/reg", "https://r.example/v2/a/blobs/x"),
    ],
)
async def test_root_stands_whatever_the_request_says(root: str, expected: str) -> None:
    """Nobody is asked who has it wrong."""
    asked = request(host="x", x_forwarded_host="evil", x_forwarded_proto="http")

    assert await located(asked, root=root, relative=True, trust=Trust(["any"])) == expected
    assert asked.base == expected.removesuffix("/v2/a/blobs/x")


@pytest.mark.parametrize(
    ("fields", "base"),
    [
        ({"host": "in"}, "http://in"),
        ({"host": "in", "x_forwarded_proto": "HTTPS"}, "https://in"),
        ({"host": "in", "x_forwarded_proto": "https, http"}, "https://in"),
        ({"host": "in", "x_forwarded_host": " out , in"}, "http://out"),
        ({"host": "in", "forwarded": "proto=https;host=out"}, "https://out"),
        ({"host": "in", "forwarded": "host=out, host=in"}, "http://in"),
        ({"host": "in", "forwarded": "for=192.0.2.1;host=out, for=10.0.0.2;host=b"}, "http://out"),
        ({"host": "in", "forwarded": "broken", "x_forwarded_host": "out"}, "http://in"),
        ({"host": "in", "x_forwarded_host": "a@b"}, "http://in"),
        ({"host": "in", "x_forwarded_proto": "javascript"}, "http://in"),
        ({"host": "a b"}, ""),
        ({}, ""),
    ],
)
async def test_trusted_proxy_says_what_the_client_came_to(
    fields: dict[str, str], base: str
) -> None:
    """As long as it makes sense; what does not is as if it had not been said."""
    asked = request(**fields)

    location = await located(asked, relative=False, trust=Trust(["10.0.0.0/8"]))

    assert asked.base == base
    assert location == f"{base}/v2/a/blobs/x"


@pytest.mark.parametrize(
    ("fields", "client"),
    [
        ({}, ""),
        ({"x_forwarded_for": "192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "6.6.6.6, 192.0.2.1"}, "192.0.2.1"),
        ({"x_forwarded_for": "6.6.6.6, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"),
        ({"x_forwarded_for": "10.0.0.3, 10.0.0.2"}, "10.0.0.3"),
        ({"x_forwarded_for": "192.0.2.1, unknown"}, ""),
        ({"x_forwarded_for": "junk", "x_real_ip": "192.0.2.1"}, "192.0.2.1"),
        ({"x_real_ip": "192.0.2.1"}, "192.0.2.1"),
        ({"x_real_ip": "junk"}, ""),
        ({"x_real_ip": "junk", "forwarded": "for=192.0.2.1"}, "192.0.2.1"),
        ({"forwarded": 'for="[2001:db8::1]:47"'}, "2001:db8::1"),
        ({"forwarded": "for=6.6.6.6, for=192.0.2.1, for=10.0.0.2"}, "192.0.2.1"),
    ],
)
async def test_client_is_the_last_that_no_trusted_proxy_vouches_for(
    fields: dict[str, str], client: str
) -> None:
    """What stands before it may have been made up by that client."""
    asked = request(**fields)

    await located(asked, trust=Trust(["10.0.0.0/8"]))

    assert asked.client == client


async def test_several_fields_are_one_list() -> None:
    """As HTTP has it (RFC 9110, 5.3); but a host is only named once."""
    asked = request()
    asked.headers = Headers(
        [
            (b"host", b"one"),
            (b"host", b"two"),
            (b"x-forwarded-for", b"6.6.6.6"),
            (b"x-forwarded-for", b"192.0.2.1"),
        ]
    )

    await located(asked, trust=Trust(["10.0.0.1"]))

    assert asked.client == "192.0.2.1"
    assert asked.base == "http://one"


@pytest.mark.parametrize("peer", ["192.0.2.9:80", "2001:db8::1:80", "local", "", "nonsense:80"])
async def test_others_are_not_believed(peer: str) -> None:
    """Anybody can write such fields."""
    asked = request(peer, host="in", x_forwarded_for="1.2.3.4", x_forwarded_host="out")

    await located(asked, trust=Trust(["10.0.0.0/8"]))

    assert (asked.client, asked.base) == ("", "http://in")


@pytest.mark.parametrize(
    ("trusted", "peer"),
    [
        ("unix", "local"),
        ("any", "192.0.2.9:80"),
        ("2001:db8::/32", "2001:db8::1:80"),
        ("10.0.0.1", "::ffff:10.0.0.1:80"),
        ("fe80::/10", "fe80::1%eth0:80"),
    ],
)
async def test_whom_to_believe_is_said_by_address_network_or_word(trusted: str, peer: str) -> None:
    """A proxy may be on the same machine, or have an address of either kind."""
    asked = request(peer, x_forwarded_for="6.6.6.6, 1.2.3.4")

    await located(asked, trust=Trust([trusted]))

    assert asked.client == ("6.6.6.6" if trusted == "any" else "1.2.3.4")


async def test_the_first_is_the_client_where_anybody_is_believed() -> None:
    """Nobody in the list could be the one who made up what stands before."""
    asked = request(host="in", forwarded="host=one;for=192.0.2.1, host=two;for=192.0.2.2")

    await located(asked, trust=Trust(["any"]))

    assert (asked.client, asked.base) == ("192.0.2.1", "http://one")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1, 192.0.2.1", "2001:DB8::1"),
        ("203.0.113.1:1234", "198.51.100.9"),
        ("[2001:db8::1]", "198.51.100.9"),
        ("fe80::1%eth0", "198.51.100.9"),
        ("junk, 192.0.2.1", "198.51.100.9"),
    ],
)
async def test_an_address_is_all_that_anybody_may_name(said: str, client: str) -> None:
    """As in Distribution: with a port or brackets it is none, and the next field is asked."""
    asked = request(x_forwarded_for=said, x_real_ip="198.51.100.9")

    await located(asked, trust=Trust(["any"]))

    assert asked.client == client


@pytest.mark.parametrize(
    ("said", "client"),
    [("203.0.113.1:1234", "203.0.113.1"), ("[2001:db8::1]:47", "2001:db8::1")],
)
async def test_proxies_that_are_named_may_tell_the_port_of_a_client(said: str, client: str) -> None:
    """Some do; it is left out."""
    asked = request(x_forwarded_for=said)

    await located(asked, trust=Trust(["10.0.0.0/8"]))

    assert asked.client == client


@pytest.mark.parametrize(
    ("trusted", "said", "caller"),
    [
        ("10.0.0.1", "198.51.100.9, 192.0.2.1", "192.0.2.1:0"),
        ("10.0.0.1", "198.51.100.9, 2001:db8::1", "2001:db8::1:0"),
        ("10.0.0.1", "", PROXY),
        ("any", "198.51.100.9, 192.0.2.1", PROXY),
        ("10.0.0.2", "192.0.2.1", PROXY),
    ],
)
async def test_guesses_count_against_whom_a_proxy_names_that_the_operator_named(
    trusted: str, said: str, caller: str
) -> None:
    """One who guesses slows nobody else behind the proxy, and makes up no other to be slowed."""
    asked = request(x_forwarded_for=said)

    await located(asked, trust=Trust([trusted]))

    assert asked.caller == caller


def test_whom_to_believe_has_to_be_said_right() -> None:
    """A name is no address."""
    with pytest.raises(ValueError, match="proxy"):
        Trust(["proxy"])


async def test_what_is_remembered_of_strangers_is_bounded() -> None:
    """A client may come with any number of hosts, and a network has many addresses."""
    site = Site(Answering(), trust=Trust(["10.0.0.1"]))

    for number in range(1000):
        await site(request(f"192.0.{number % 250}.{number // 250}:1", host=f"h{number}"))
        await site(request("10.0.0.1:1", host=f"h{number}"))

    await site(request("10.0.0.1:1", host="r.example", x_forwarded_for="junk," * 1000))

    assert len(site._bases) <= 256
    assert sum(len(text) for key in site._heard for _, text in key) < 256 * 1024
    assert len(site._heard) <= 256
    assert len(site._trust._known) <= 256


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "r.example:5000"}, "https://r.example:5000"),
        ({"host": "r.example", "x_forwarded_proto": "http"}, "http://r.example"),
        ({"host": "r.example", "x_forwarded_proto": "HTTP, https"}, "http://r.example"),
        ({"host": "r.example", "x_forwarded_proto": "gopher"}, "https://r.example"),
        ({"host": "r.example", "x_forwarded_host": "other.example"}, "https://r.example"),
        ({"host": "r.example", "forwarded": "host=other.example;proto=http"}, "https://r.example"),
        ({"host": 'r"example'}, ""),
        ({}, ""),
    ],
)
def test_host_that_was_asked_is_the_one_that_the_client_named(
    fields: dict[str, str], url: str
) -> None:
    """By https, unless a proxy says that it was another scheme."""
    assert host_asked(request(**fields), Trust(["any"])) == url


def test_scheme_of_the_host_that_was_asked_is_taken_from_nobody_else() -> None:
    """Whoever is not trusted is not believed in this either."""
    asked = request(host="r.example", x_forwarded_proto="http")

    assert host_asked(asked, Trust(["192.0.2.1"])) == "https://r.example"
