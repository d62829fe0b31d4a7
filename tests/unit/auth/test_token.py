"""Which tokens let whom do what."""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lading.app.config.access import ALGORITHMS
from lading.auth import chains
from lading.auth.keys import Keyring, ids, read_certificates, read_keys
from lading.auth.token import Rules, Tokens
from lading.auth.trust import Trust
from lading.errors import Unauthorized
from lading.interfaces.access import CATALOG, Access, Credentials
from tests.peers import signing
from tests.peers.signing import (
    FOREIGN,
    ISSUER,
    NOW,
    P256,
    RSA,
    SECRET,
    SERVICE,
    certificate,
    claims,
    encoded,
    forged,
    jwks,
    pem,
    token,
    x5c,
)

PULL = Access("repository", "team/app", "pull")
PUSH = Access("repository", "team/app", "push")
RULES = Rules(ISSUER, SERVICE, frozenset(ALGORITHMS))
KEYS = read_keys(jwks({"signer": P256, "rsa": RSA, "secret": SECRET}))


def tokens(ring: Keyring = KEYS, rules: Rules = RULES, realm: str = "https://auth/token") -> Tokens:
    """What lets in those with a token, at a time that stands still."""
    return Tokens(Trust([lambda: ring]), rules, realm, clock=lambda: NOW)


async def enter(
    shown: str, *wanted: Access, by: Tokens | None = None
) -> tuple[str, frozenset[Access] | None]:
    """Show a token; who that is, and what they may do."""
    found = await (by or tokens()).authenticate(
        Credentials("bearer", shown), wanted=wanted, peer="192.0.2.1"
    )
    return found.name, found.rights


async def reason_of(shown: str, *wanted: Access, by: Tokens | None = None) -> str:
    """Show a token that is refused; the word of OAuth for why."""
    with pytest.raises(Unauthorized) as caught:
        await enter(shown, *wanted, by=by)
    return caught.value.reason


async def test_token_tells_who_asks_and_what_they_may_do() -> None:
    """Its subject is the name, its access the rights."""
    assert await enter(token(kid="signer"), PULL, PUSH) == ("ada", frozenset({PULL, PUSH}))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_kind_of_signature_is_taken(algorithm: str) -> None:
    """Also those by a secret that both sides have."""
    key = signing.KEY_OF[algorithm]
    by = tokens(read_keys(jwks({"k": key})))

    assert await enter(token(key, algorithm, kid="k"), PULL, by=by)


async def test_kind_of_signature_that_is_not_configured_is_refused() -> None:
    """Operators may leave only some."""
    by = tokens(rules=Rules(ISSUER, SERVICE, frozenset({"RS256"})))

    assert await reason_of(token(kid="signer"), by=by) == "invalid_token"


BAD_CLAIMS: Mapping[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 61},
    "never expires": {"exp": None},
    "not yet valid": {"nbf": NOW + 61},
    "another issuer": {"iss": "somebody else"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another registry"},
    "other audiences": {"aud": ["one", "two"]},
    "no audience": {"aud": None},
    "a part of the audience": {"aud": SERVICE[:5]},
    "time is a word": {"exp": "tomorrow"},
    "time is a truth": {"exp": True},
    "endless time": {"exp": float("inf")},
    "no number": {"exp": float("nan")},
    "enormous time": {"nbf": -(10**400)},
    "access is a number": {"access": 7},
    "access is words": {"access": ["repository:team/app:pull"]},
    "access without a name": {"access": [{"type": "repository", "actions": ["pull"]}]},
    "name is a list": {"access": [{"type": "repository", "name": [], "actions": ["pull"]}]},
    "action is a list": {"access": [{"type": "repository", "name": "a", "actions": [[]]}]},
    "class is a list": {
        "access": [{"type": "repository", "name": "a", "actions": [], "class": [1]}]
    },
    "too many rights": {
        "access": [{"type": "repository", "name": "a", "actions": [str(i) for i in range(5000)]}]
    },
}


@pytest.mark.parametrize("changed", BAD_CLAIMS.values(), ids=list(BAD_CLAIMS))
async def test_token_that_is_not_for_here_and_now_is_refused(changed: dict[str, Any]) -> None:
    """Its signature holds, and still it proves nothing."""
    shown = token(said=claims(**changed), kid="signer")

    assert await reason_of(shown) == "invalid_token"


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": NOW - 59},
        {"nbf": NOW + 59},
        {"nbf": None},
        {"aud": ["another", SERVICE]},
        {"sub": None},
    ],
)
async def test_clocks_may_differ_by_a_minute(changed: dict[str, Any]) -> None:
    """And what a token need not say may be missing."""
    assert await enter(token(said=claims(**changed), kid="signer"), PULL)


async def test_remembered_token_expires() -> None:
    """That it was good a while ago does not matter."""
    now = [NOW]
    by = Tokens(Trust([lambda: KEYS]), RULES, "https://auth", clock=lambda: now[0])
    shown = token(kid="signer")
    await enter(shown, PULL, by=by)

    now[0] = NOW + 361

    assert await reason_of(shown, PULL, by=by) == "invalid_token"


async def test_removed_key_ends_the_tokens_it_signed() -> None:
    """Though they were remembered."""
    rings = [KEYS]
    by = Tokens(Trust([lambda: rings[0]]), RULES, "https://auth", clock=lambda: NOW)
    shown = token(kid="signer")
    await enter(shown, PULL, by=by)

    rings[0] = read_keys(jwks({"signer": FOREIGN}))

    assert await reason_of(shown, PULL, by=by) == ""


async def test_remembered_token_is_asked_for_each_right() -> None:
    """It was good for one thing, and is not for another."""
    by = tokens()
    shown = token(kid="signer")
    await enter(shown, PULL, by=by)

    elsewhere = Access("repository", "team/other", "pull")

    assert await reason_of(shown, elsewhere, by=by) == "insufficient_scope"


@pytest.mark.parametrize(
    "wanted",
    [
        Access("repository", "team/app", "delete"),
        Access("repository", "team", "pull"),
        Access("repository", "team/app/more", "pull"),
        Access("repository(plugin)", "team/app", "pull"),
        CATALOG,
    ],
)
async def test_right_that_is_not_in_the_token_is_refused(wanted: Access) -> None:
    """Names are compared whole, and clients are told what to ask for."""
    with pytest.raises(Unauthorized) as caught:
        await enter(token(kid="signer"), PULL, wanted)

    challenge = tokens().challenge(caught.value, base="")
    assert challenge.endswith(',error="insufficient_scope"')


async def test_star_stands_for_every_action_but_not_for_every_name() -> None:
    """As token servers of some products write it."""
    access = [
        {"type": "repository", "name": "team/app", "actions": ["*"]},
        {"type": "repository", "name": "*", "actions": ["*"]},
        {"type": "registry", "name": "catalog", "class": "", "actions": ["*"]},
        {"type": "repository", "name": "none", "actions": None},
    ]
    shown = token(said=claims(access=access), kid="signer")

    assert await enter(shown, Access("repository", "team/app", "delete"), CATALOG)
    assert await reason_of(shown, Access("repository", "other", "pull")) == "insufficient_scope"


async def test_rights_tell_which_kinds_of_content_they_are_for() -> None:
    """Images where nothing is said, as plug-ins came later."""
    access: list[dict[str, Any]] = [
        {"type": "repository", "name": "a", "actions": ["push"]},
        {"type": "repository", "name": "b", "class": "plugin", "actions": ["push"]},
        {"type": "repository", "name": "b", "class": "", "actions": []},
        {"type": "registry", "name": "catalog", "class": "plugin", "actions": ["*"]},
    ]
    shown = Credentials("bearer", token(said=claims(access=access), kid="signer"))

    found = await tokens().authenticate(shown, wanted=(), peer="")

    assert found.classes == {("a", "image"), ("b", "plugin"), ("b", "image")}


async def test_token_without_rights_opens_the_door_only() -> None:
    """``docker login`` asks for nothing but that."""
    shown = token(said=claims(access=None), kid="signer")

    assert await enter(shown) == ("ada", frozenset())
    assert await reason_of(shown, PULL) == "insufficient_scope"


HEADER = {"alg": "ES256", "kid": "signer"}
RSA_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def confused() -> str:
    """A token signed with a public key as if that were a secret."""
    body = ".".join(encoded(json.dumps(each).encode()) for each in (
        {"alg": "HS256", "kid": "rsa"}, claims()))  # fmt: skip
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{body}.{encoded(algorithm.sign(body.encode(), RSA_PEM))}"


HOSTILE = {
    "nothing": "",
    "a word": "token",
    "dots": "..",
    "many dots": "." * 1000,
    "bad base64": "%%%.%%%.%%%",
    "no JSON": ".".join([encoded(b"{"), encoded(b"{}"), ""]),
    "no object": forged([], claims()),  # type: ignore[arg-type]  # that is the point
    "deep JSON": ".".join([encoded(b"[" * 100_000), encoded(b"{}"), ""]),
    "not text": "\udcff\udcfe",
    "huge": "a" * (1 << 20),
    "unsigned": forged({"alg": "none"}, claims()),
    "unsigned in capitals": forged({"alg": "NONE", "kid": "signer"}, claims()),
    "no algorithm": forged({"kid": "signer"}, claims()),
    "algorithm is a list": forged({"alg": ["ES256"], "kid": "signer"}, claims()),
    "public key as secret": confused(),
    "another kind of key": forged({"alg": "RS256", "kid": "signer"}, claims(), b"x" * 256),
    "another curve": forged({"alg": "ES384", "kid": "signer"}, claims(), b"x" * 96),
    "critical": token(kid="signer", crit=["b64"], b64=True),
    "no key": token(),
    "unknown key": token(kid="other"),
    "path as key": token(kid="../../../etc/passwd"),
    "query as key": token(kid="' OR 1=1 --"),
    "key is a number": forged({"alg": "ES256", "kid": 7}, claims()),
    "key of its own": token(
        FOREIGN, jwk={**json.loads(jwks({"mine": FOREIGN}))["keys"][0]}, kid="signer"
    ),
    "key is a word": token(jwk="signer", kid="signer"),
    "address of a key": token(FOREIGN, jku="http://192.0.2.1/keys", x5u="http://192.0.2.1/"),
    "chain is a word": token(x5c="signer", kid="signer"),
    "endless chain": token(x5c=["AAAA"] * 1000, kid="signer"),
    "broken chain": token(x5c=["AAAA"], kid="signer"),
    "chain of numbers": token(x5c=[1], kid="signer"),
    "foreign chain": token(FOREIGN, x5c=x5c(certificate(FOREIGN)), kid="signer"),
    "claims are a list": token(said=[], kid="signer"),  # type: ignore[arg-type]  # that is the point
}


@pytest.mark.parametrize("shown", HOSTILE.values(), ids=list(HOSTILE))
async def test_what_is_no_token_of_a_trusted_key_is_invalid(shown: str) -> None:
    """Whatever somebody sends, the answer is a challenge."""
    assert await reason_of(shown, PULL) == "invalid_token"


@pytest.mark.parametrize(
    "shown",
    [
        token(FOREIGN, kid="signer"),
        forged(HEADER, claims()),
        forged(HEADER, claims(), b"short"),
        token(kid="signer").rpartition(".")[0] + "." + encoded(b"\0" * 64),
        token(b"another secret, of the length it takes", "HS256", kid="secret"),
    ],
)
async def test_signature_that_does_not_hold_gives_no_reason(shown: str) -> None:
    """Clients then begin anew, as with Distribution."""
    assert await reason_of(shown, PULL) == ""


async def test_changed_content_breaks_the_signature() -> None:
    """Rights cannot be added by whoever has a token."""
    header, _, signature = token(kid="signer").split(".")
    more = encoded(json.dumps(claims(sub="root")).encode())

    assert await reason_of(f"{header}.{more}.{signature}") == ""


@pytest.mark.parametrize(
    "credentials", [None, Credentials("basic", "YTpi"), Credentials("", "word")]
)
async def test_whoever_shows_no_token_is_told_where_to_get_one(
    credentials: Credentials | None,
) -> None:
    """Without a word about errors, since nothing was wrong yet."""
    with pytest.raises(Unauthorized) as caught:
        await tokens().authenticate(credentials, wanted=(PUSH, PULL), peer="")

    assert tokens().challenge(caught.value, base="") == (
        'Bearer realm="https://auth/token",service="the registry",'
        'scope="repository:team/app:pull,push"'
    )


def test_challenge_names_each_thing_once_and_its_error_last() -> None:
    """Several things stand in one scope with blanks between, in an order that never changes."""
    scope = "repository:b:pull repository:a:push repository:a:pull"

    said = tokens().challenge(Unauthorized(scope=scope, reason="invalid_token"), base="")

    assert said == (
        'Bearer realm="https://auth/token",service="the registry",'
        'scope="repository:a:pull,push repository:b:pull",error="invalid_token"'
    )


def test_challenge_for_nothing_has_no_scope() -> None:
    """Logging in is not about any repository."""
    assert tokens().challenge(Unauthorized(), base="") == (
        'Bearer realm="https://auth/token",service="the registry"'
    )


@pytest.mark.parametrize("name", ["a\0b", "caf\u00e9", "snow\u2603man", "a\u2028b"])
def test_challenge_holds_nothing_that_a_header_cannot(name: str) -> None:
    """Names come from whoever asks."""
    refused = Unauthorized(scope=f"repository:{name}:pull")

    assert "scope" not in tokens().challenge(refused, base="")


def test_realm_is_at_the_host_that_was_asked_if_configured_so() -> None:
    """One registry may have several names."""
    by = tokens(realm="/auth/token")

    said = by.challenge(Unauthorized(), base="https://r.example:8443/prefix")

    assert said.startswith('Bearer realm="https://r.example:8443/auth/token",')


@pytest.mark.parametrize("key", [P256, signing.P384, signing.P521, RSA, signing.ED])
async def test_key_of_a_certificate_goes_by_all_its_usual_names(key: signing.PrivateKey) -> None:
    """The thumbprint, and the id that token servers of Docker's time write."""
    algorithm = next(name for name, each in signing.KEY_OF.items() if each is key)
    by = tokens(read_certificates(pem(certificate(key))))
    names = ids(signing.public(key))

    assert {len(each) for each in names} == {43, 59}
    for each in names:
        assert await enter(token(key, algorithm, kid=each), PULL, by=by)


async def test_key_that_a_token_brings_along_only_names_a_trusted_one() -> None:
    """It is looked up by its id, and the trusted copy is used."""
    inner = json.loads(jwks({"signer": P256}))["keys"][0]

    assert await enter(token(jwk=inner), PULL)


async def test_chain_inside_of_a_key_counts_as_well() -> None:
    """Some token servers put it there."""
    own = certificate(P256)
    by = tokens(read_certificates(pem(own)))

    assert await enter(token(jwk={"x5c": x5c(own)}), PULL, by=by)


@pytest.mark.parametrize(
    "shown", [token(x5c=[], kid="signer"), token(jwk={"kid": "signer", "x5c": []})]
)
async def test_chain_of_nobody_is_as_good_as_none(shown: str) -> None:
    """As with Distribution the key is then named another way, and has to be trusted."""
    assert await enter(shown, PULL)
    assert await reason_of(token(FOREIGN, x5c=[], kid="other")) == "invalid_token"


ROOT = certificate(RSA, name="root", authority=True)
MIDDLE = certificate(signing.P384, name="middle", issuer=("root", RSA), authority=True)
LEAF = certificate(P256, issuer=("middle", signing.P384))


@pytest.mark.parametrize("chain", [(LEAF, MIDDLE), (LEAF, MIDDLE, ROOT), (LEAF, ROOT, MIDDLE)])
async def test_chain_that_ends_at_a_trusted_certificate_is_good(
    chain: tuple[x509.Certificate, ...],
) -> None:
    """The certificates in between come along in any order."""
    by = tokens(read_certificates(pem(ROOT)))

    assert await enter(token(x5c=x5c(*chain)), PULL, by=by)


def signed_by_root(**changed: Any) -> x509.Certificate:
    """A certificate for the key of the tokens, made by the trusted one."""
    return certificate(P256, **{"issuer": ("root", RSA), **changed})


NO_SIGNER = certificate(signing.P384, name="middle", issuer=("root", RSA))
LATE = timedelta(days=-2), timedelta(seconds=-1)
EARLY = timedelta(seconds=1), timedelta(days=1)
SHORT_ROOT = certificate(RSA, name="root", authority=True, path_length=0)
NO_SIGNING = x509.KeyUsage(True, *[False] * 8)
CONSTRAINTS = x509.NameConstraints([x509.DNSName("example.org")], None)
BAD_CHAINS = {
    "missing link": (ROOT, (LEAF,)),
    "no authority": (ROOT, (LEAF, NO_SIGNER)),
    "expired": (ROOT, (signed_by_root(begins=LATE[0], ends=LATE[1]),)),
    "not yet valid": (ROOT, (signed_by_root(begins=EARLY[0], ends=EARLY[1]),)),
    "expired authority": (
        certificate(RSA, name="root", authority=True, begins=LATE[0], ends=LATE[1]),
        (signed_by_root(),),
    ),
    "too deep": (SHORT_ROOT, (LEAF, MIDDLE)),
    "authority that may not sign": (
        certificate(RSA, name="root", authority=True, extensions=[(NO_SIGNING, True)]),
        (signed_by_root(),),
    ),
    "same name, another key": (ROOT, (certificate(P256, issuer=("root", FOREIGN)),)),
    "not understood": (ROOT, (signed_by_root(extensions=[(CONSTRAINTS, True)]),)),
    "key does not fit": (ROOT, (certificate(signing.P384, issuer=("root", RSA)),)),
}


async def test_name_can_be_written_down() -> None:
    """JSON may hold halves of characters; what is stored with every change may not."""
    name, _ = await enter(token(said=claims(sub="ada\ud800"), kid="signer"), PULL)

    assert name == "ada?"


@pytest.mark.parametrize(("root", "chain"), BAD_CHAINS.values(), ids=list(BAD_CHAINS))
async def test_chain_that_does_not_hold_is_refused(
    root: x509.Certificate, chain: tuple[x509.Certificate, ...]
) -> None:
    """Though the token is signed with the key of its first certificate."""
    by = tokens(read_certificates(pem(root)))

    assert await reason_of(token(x5c=x5c(*chain)), PULL, by=by) == "invalid_token"


VERSION = bytes.fromhex("a003020102"), bytes.fromhex("a003020105")
NAME = b"\x82\x07a.bc.de", b"\xa3\x07a.bc.de"
KIND = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0278")
NAMED = x509.SubjectAlternativeName([x509.DNSName("a.bc.de")])
ODD = certificate(P256, authority=True, extensions=[(NAMED, False)])


@pytest.mark.parametrize("change", [VERSION, NAME, KIND], ids=["version", "name", "kind of key"])
async def test_certificate_of_an_unknown_kind_is_refused(change: tuple[bytes, bytes]) -> None:
    """Wherever in a chain it stands, and whatever the library makes of it."""
    before, after = change
    odd = ODD.public_bytes(Encoding.DER)
    shown = base64.b64encode(odd.replace(before, after)).decode()
    by = tokens(read_certificates(pem(ROOT)))

    assert before in odd
    assert await reason_of(token(x5c=[shown]), by=by) == "invalid_token"
    under = certificate(P256, name="leaf", issuer=("signer", P256))
    assert await reason_of(token(x5c=[*x5c(under), shown]), by=by) == "invalid_token"


async def test_token_ends_with_its_certificate() -> None:
    """Also when it was remembered."""
    now = [NOW]
    ring = read_certificates(pem(ROOT))
    by = Tokens(Trust([lambda: ring]), RULES, "https://auth", clock=lambda: now[0])
    shown = token(x5c=x5c(signed_by_root(ends=timedelta(seconds=10))))
    await enter(shown, PULL, by=by)

    now[0] = NOW + 11

    assert await reason_of(shown, PULL, by=by) == "invalid_token"


async def test_certificates_that_vouch_for_each_other_cost_no_more_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A chain of equals is tried once, and not in every order."""
    tried: list[x509.Certificate] = []
    signed = chains._signed

    def counted(one: x509.Certificate, issuer: x509.Certificate) -> bool:
        tried.append(one)
        return signed(one, issuer)

    monkeypatch.setattr(chains, "_signed", counted)
    circle = [
        certificate(FOREIGN, name="same", issuer=("same", FOREIGN), authority=True)
        for _ in range(8)
    ]
    by = tokens(read_certificates(pem(ROOT)))

    assert await reason_of(token(FOREIGN, x5c=x5c(*circle)), by=by) == "invalid_token"
    assert len(tried) <= 8 * 8


def test_base64_of_chains_is_the_usual_one() -> None:
    """RFC 7515, 4.1.6 says so, though the rest of a token has the other alphabet."""
    assert base64.b64decode(x5c(LEAF)[0], validate=True) == LEAF.public_bytes(Encoding.DER)
