"""Keys that sign tokens, and where they come from."""

import asyncio
import base64
import hashlib
import json
import logging
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lading.auth.granted import Granted
from lading.auth.keys import NO_KEYS, Key, Keyring, ids, joined, read_certificates, read_keys
from lading.auth.remembered import Remembered
from lading.auth.silly import Silly
from lading.auth.trust import FetchedKeys, Trust
from lading.auth.watched import Unreadable
from lading.errors import Unauthorized, UpstreamFailed
from lading.interfaces.access import CATALOG, Access, Action, Credentials, Principal
from lading.oci.names import RepositoryName
from tests.peers import signing
from tests.peers.signing import FOREIGN, P256, RSA, SECRET, certificate, jwks, pem


def test_thumbprint_is_made_of_the_members_that_every_key_of_its_kind_has() -> None:
    """In the order of their names and without blanks (RFC 7638, 3)."""
    told = json.loads(jwks({"k": RSA}))["keys"][0]
    text = f'{{"e":"{told["e"]}","kty":"RSA","n":"{told["n"]}"}}'
    digest = hashlib.sha256(text.encode()).digest()

    assert ids(signing.public(RSA))[0] == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_short_coordinates_give_two_thumbprints() -> None:
    """One in 128 keys has one, and Distribution leaves their leading zeros out."""
    key = next(
        made
        for _ in range(20_000)
        if (made := ec.generate_private_key(ec.SECP256R1()).public_key()).public_numbers().x
        < 1 << 248
    )
    numbers = key.public_numbers()
    x, y = (
        signing.encoded(each.to_bytes(32, "big").lstrip(b"\0")) for each in (numbers.x, numbers.y)
    )
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    digest = hashlib.sha256(text.encode()).digest()

    padded, unpadded, _ = ids(key)

    assert unpadded == signing.encoded(digest)
    assert padded != unpadded


def test_id_of_older_token_servers_is_known() -> None:
    """Twelve groups of four, made of the key's hash."""
    key = signing.public(P256)
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()

    assert ids(key)[-1].split(":") == [text[i : i + 4] for i in range(0, 48, 4)]


@pytest.mark.parametrize(
    "content", [b"", b"words", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]
)
def test_file_without_certificates_is_broken(content: bytes) -> None:
    """It says so instead of trusting nobody."""
    with pytest.raises(Unreadable):
        read_certificates(content)


def test_several_certificates_may_stand_in_a_file() -> None:
    """While one follows another, both sign."""
    ring = read_certificates(pem(certificate(P256), certificate(RSA)))

    assert ring.find(ids(signing.public(P256))[0], "ES256")
    assert ring.find(ids(signing.public(RSA))[0], "RS256")
    assert len(ring.roots) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"keys": 1}', b'"keys"', b"[" * 100_000, b"\xff"]
)
def test_file_that_is_no_set_of_keys_is_broken(content: bytes) -> None:
    """Whatever else it is."""
    with pytest.raises(Unreadable):
        read_keys(content)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "RSA", "n": 7, "e": "AQAB"},
        {"kty": "oct"},
        {"kty": ["RSA"]},
        {"kty": "oct", "k": "AAAA", "use": "enc"},
    ],
)
def test_key_that_is_of_no_use_leaves_the_others(
    entry: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells which it was."""
    good = json.loads(jwks({"good": P256}))["keys"]
    content = json.dumps({"keys": [7, {"kid": "odd", **entry}, *good]}).encode()

    ring = read_keys(content)

    assert list(ring.keys) == ["good"]
    assert vars(caplog.records[0])["key"] == "odd"


def test_key_without_a_name_goes_by_its_thumbprint() -> None:
    """Nothing else could name it."""
    told = json.loads(jwks({"k": P256}))["keys"][0]
    del told["kid"]

    ring = read_keys(json.dumps({"keys": [told]}).encode())

    assert set(ring.keys) == set(ids(signing.public(P256)))


def test_private_key_is_taken_for_its_public_half() -> None:
    """Somebody copied too much."""
    told = jwt.algorithms.ECAlgorithm.to_jwk(P256, as_dict=True)

    ring = read_keys(json.dumps({"keys": [{**told, "kid": "k"}]}).encode())

    found = ring.find("k", "ES256")
    assert found is not None
    assert found.material == P256.public_key()


def test_two_keys_may_have_one_name() -> None:
    """The one that fits the signature is meant."""
    ring = joined([read_keys(jwks({"k": RSA})), read_keys(jwks({"k": P256}))])

    assert ring.find("k", "ES256") == Key(P256.public_key())
    assert ring.find("k", "PS512") == Key(RSA.public_key())


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (Key(RSA.public_key()), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (Key(P256.public_key()), {"ES256"}),
        (Key(signing.P384.public_key()), {"ES384"}),
        (Key(signing.P521.public_key()), {"ES512"}),
        (Key(signing.ED.public_key()), {"EdDSA"}),
        (Key(SECRET), {"HS256", "HS384", "HS512"}),
        (Key(SECRET[:32]), {"HS256"}),
        (Key(b""), set()),
        (Key(RSA.public_key(), "RS256"), {"RS256"}),
    ],
)
def test_key_fits_the_signatures_of_its_kind_only(key: Key, algorithms: set[str]) -> None:
    """A public key that is taken for a secret would let everybody sign."""
    kinds = (*signing.KEY_OF, "none", "", "ES256K", "HS1")

    assert {each for each in kinds if key.fits(each)} == algorithms


def test_keys_are_not_shown() -> None:
    """Some are secrets."""
    assert "secret" not in repr(Key(SECRET))


def test_certificate_of_a_key_that_signs_no_tokens_is_a_root_only() -> None:
    """Authorities may have any key; only what they vouch for signs."""
    key = dsa.generate_private_key(2048)

    ring = read_certificates(pem(certificate(key)))  # type: ignore[arg-type]  # any kind of key

    assert (len(ring.keys), len(ring.roots)) == (0, 1)


@pytest.mark.parametrize(
    ("change", "roots"),
    [(("06072a8648ce3d0201", "06072a8648ce3d0278"), 1), (("a003020102", "a003020105"), None)],
    ids=["kind of key", "version"],
)
def test_certificate_of_an_unknown_kind_is_no_surprise(
    change: tuple[str, str], roots: int | None
) -> None:
    """Such a key signs nothing here; such a certificate breaks the file."""
    before, after = map(bytes.fromhex, change)
    odd = certificate(P256).public_bytes(Encoding.DER)
    shown = base64.encodebytes(odd.replace(before, after))
    content = b"-----BEGIN CERTIFICATE-----\n" + shown + b"-----END CERTIFICATE-----\n"

    if roots is None:
        with pytest.raises(Unreadable):
            read_certificates(content)
    else:
        ring = read_certificates(content)
        assert (len(ring.keys), len(ring.roots)) == (0, roots)


class Source:
    """A URL with keys, which may be away."""

    def __init__(self) -> None:
        self.content: bytes | None = jwks({"one": P256})
        self.asked = 0

    async def __call__(self) -> bytes:
        """What is there now."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.content is None:
            raise UpstreamFailed("it is away")
        return self.content


async def test_keys_of_a_url_follow_it() -> None:
    """What is the same stays the same object, so that nothing is checked anew for it."""
    source = Source()
    keys = FetchedKeys(source, every=60)
    assert keys() is NO_KEYS

    await keys.refresh()
    first = keys()
    await keys.refresh()
    assert keys() is first

    source.content = jwks({"two": P256})
    await keys.refresh()
    assert list(keys().keys) == ["two"]


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "it is away"), (b"an error page", "it is no set of keys (JWKS)")]
)
async def test_url_that_fails_leaves_the_keys_that_were_there(
    content: bytes | None, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log tells."""
    source = Source()
    keys = FetchedKeys(source, every=60)
    await keys.refresh()
    source.content = content

    await keys.refresh()

    assert list(keys().keys) == ["one"]
    assert "cannot be fetched" in caplog.text
    assert [vars(each)["reason"] for each in caplog.records] == [reason]


async def test_unknown_key_is_looked_for_at_most_every_ten_seconds() -> None:
    """Whoever makes up names of keys does not make us ask for each."""
    now = [0.0]
    source = Source()
    keys = FetchedKeys(source, every=60, clock=lambda: now[0])

    await asyncio.gather(*(keys.sought() for _ in range(20)))
    await keys.sought()
    assert source.asked == 1

    now[0] = 10.0
    await keys.sought()
    assert source.asked == 2


async def test_keys_of_a_url_are_fetched_from_the_start() -> None:
    """Nobody has to ask for the first time."""
    source = Source()
    keys = FetchedKeys(source, every=60)

    running = asyncio.create_task(keys.run())
    while keys() is NO_KEYS:
        await asyncio.sleep(0)
    running.cancel()

    assert source.asked == 1


async def test_fetch_that_fails_is_soon_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Also when there are keys already: one of them may have been replaced meanwhile."""
    caplog.set_level(logging.INFO)
    contents = [jwks({"one": P256}), *[None] * 4, jwks({"two": P256}), None, jwks({"two": P256})]
    source = Source()
    pauses: list[float] = []
    done = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == len(contents):
            done.set()
            await asyncio.Event().wait()
        source.content = contents[len(pauses)]

    source.content = contents[0]
    running = asyncio.create_task(FetchedKeys(source, every=6, sleep=sleep).run())
    await done.wait()
    running.cancel()

    assert pauses == [6, 1, 2, 4, 6, 6, 1, 6]
    again = [each for each in caplog.records if "fetched again" in each.getMessage()]
    assert len(again) == 2


async def test_new_key_of_a_url_is_known_when_it_is_first_used() -> None:
    """Tokens are signed with it before anybody asked again."""
    source = Source()
    fetched = FetchedKeys(source, every=60)
    trust = Trust([lambda: NO_KEYS], fetched)
    assert trust().find("one", "ES256") is None

    await trust.sought()

    assert trust().find("one", "ES256")


def test_keyring_is_the_same_until_a_source_changes() -> None:
    """Tokens that were checked with it hold as long."""
    rings = [Keyring(), read_keys(jwks({"a": P256}))]
    trust = Trust([lambda: rings[0], lambda: rings[1]])
    first = trust()

    assert trust() is first

    rings[0] = read_keys(jwks({"b": FOREIGN}))
    assert trust() is not first
    assert set(trust().keys) == {"a", "b"}


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        (None, set()),
        ({Access("repository", "team/app", "pull")}, {Action.PULL}),
        ({Access("repository", "team/app", "*")}, set(Action)),
        ({Access("repository", "team", "*"), CATALOG}, set()),
        ({Access("registry", "team/app", "pull")}, set()),
    ],
)
def test_rights_allow_what_they_say(rights: set[Access] | None, allowed: set[Action]) -> None:
    """The guard asks again what the token was asked."""
    principal = Principal("ada", None if rights is None else frozenset(rights))
    name = RepositoryName.parse("team/app")

    assert {each for each in Action if Granted().allows(principal, each, name)} == allowed
    assert Granted().allows(principal, Action.PULL, None) == bool(rights and CATALOG in rights)
    assert not Granted().allows(principal, Action.DELETE, None)


@pytest.mark.parametrize("shown", [Credentials("", "x"), Credentials("basic", "?")])
async def test_silly_takes_anything(shown: Credentials) -> None:
    """But not nothing."""
    wanted = (Access("repository", "a", "pull"), Access("repository", "a", "push"))
    silly = Silly("R", "S")

    assert (await silly.authenticate(shown, wanted=wanted, peer="")).name == "silly"
    with pytest.raises(Unauthorized) as caught:
        await silly.authenticate(None, wanted=wanted, peer="")

    assert silly.challenge(caught.value, base="") == (
        'Bearer realm="R",service="S",scope="repository:a:pull repository:a:push"'
    )
    assert silly.challenge(Unauthorized(), base="") == 'Bearer realm="R",service="S"'


def test_what_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    """Memory has an end."""
    known = Remembered[str, int](2)
    known.put("a", 1)
    known.put("b", 2)
    known.get("a")
    known.put("c", 3)

    assert (known.get("a"), known.get("b"), known.get("c"), len(known)) == (1, None, 3, 2)
