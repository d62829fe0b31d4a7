"""What the configuration says of who may come in."""

import json
import stat
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from lading.app.access import callers, open_access, prepare_access
from lading.app.config.access import AuthConfig, HtpasswdConfig, SillyConfig, TokenConfig
from lading.auth.guesses import Guesses
from lading.errors import ConfigInvalid, Unauthorized
from lading.interfaces.access import Access, Action, Credentials, Principal
from lading.oci.names import RepositoryName
from lading.wire.challenges import basic_credentials

PULL = Access("repository", "team/app", "pull")
NAME = RepositoryName.parse("team/app")


def htpasswd(path: Path | None) -> AuthConfig:
    """Users in a file."""
    return AuthConfig(method="htpasswd", htpasswd=HtpasswdConfig(path=path))


def tokens(**settings: Any) -> AuthConfig:
    """Tokens of somebody."""
    given = {"realm": "https://auth/token", "service": "S", "issuer": "I", **settings}
    return AuthConfig(method="token", token=TokenConfig(**given))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A file with one user."""
    path = tmp_path / "htpasswd"
    path.write_bytes(b"ada:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)))
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A set with one key."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [{"kid": "k", "kty": "oct", "k": "A" * 64}]}))
    return path


async def test_without_a_method_everybody_may_do_everything() -> None:
    """As it was before there were users."""
    prepare_access(AuthConfig())

    async with open_access(AuthConfig(), Guesses()) as (door, policy):
        who = await door.authenticate(None, wanted=(PULL,), peer="")
        assert policy.allows(who, Action.DELETE, None)
    assert callers(AuthConfig()) is None


async def test_users_in_the_file_may_do_everything(users: Path) -> None:
    """And others nothing."""
    config = htpasswd(users)
    prepare_access(config)

    async with open_access(config, Guesses()) as (door, policy):
        shown = basic_credentials("ada", "secret").partition(" ")[2]
        who = await door.authenticate(Credentials("basic", shown), wanted=(PULL,), peer="")
        assert who.name == "ada"
        assert policy.allows(who, Action.DELETE, NAME)
        with pytest.raises(Unauthorized):
            await door.authenticate(None, wanted=(), peer="")
    assert callers(config) == f"users in {users}"


async def test_tokens_allow_what_they_say(keys: Path) -> None:
    """Which is nothing without one."""
    config = tokens(keys=keys)
    prepare_access(config)

    async with open_access(config, Guesses()) as (door, policy):
        with pytest.raises(Unauthorized) as caught:
            await door.authenticate(None, wanted=(PULL,), peer="")
        assert door.challenge(caught.value, base="http://r") == (
            'Bearer realm="https://auth/token",service="S",scope="repository:team/app:pull"'
        )
        assert not policy.allows(Principal("ada"), Action.PULL, NAME)
    assert callers(config) == "those with a token of I"


async def test_realm_may_be_at_the_host_that_was_asked(keys: Path) -> None:
    """Then no realm has to be configured."""
    config = tokens(keys=keys, realm="", auto_redirect=True)
    prepare_access(config)

    async with open_access(config, Guesses()) as (door, _):
        said = door.challenge(Unauthorized(), base="https://r.example")

    assert said == 'Bearer realm="https://r.example/auth/token",service="S"'


async def test_silly_is_as_open_as_none() -> None:
    """So the greeting warns of it."""
    config = AuthConfig(method="silly", silly=SillyConfig(realm="R", service="S"))
    prepare_access(config)

    async with open_access(config, Guesses()) as (door, policy):
        who = await door.authenticate(Credentials("", "x"), wanted=(), peer="")
        assert policy.allows(who, Action.PUSH, NAME)
    assert callers(config) is None


def test_missing_file_of_users_is_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its password is told once, as a warning with fields, and it works."""
    path = tmp_path / "auth" / "htpasswd"

    prepare_access(htpasswd(path))
    prepare_access(htpasswd(path))

    (told,) = caplog.records
    assert (told.levelname, vars(told)["user"]) == ("WARNING", "docker")
    _, _, hashed = path.read_bytes().strip().partition(b":")
    assert bcrypt.checkpw(vars(told)["password"].encode(), hashed)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (lambda _: htpasswd(None), "auth.htpasswd.path: it is not set"),
        (lambda at: htpasswd(_text(at / "f", "secret")), "f: line 1 is not"),
        (htpasswd, "auth.htpasswd.path"),
        (lambda at: htpasswd(_text(at / "f", "") / "below"), "auth.htpasswd.path"),
        (lambda _: tokens(issuer=""), "auth.token.issuer: it is not set"),
        (lambda _: tokens(service=""), "auth.token.service: it is not set"),
        (lambda _: tokens(realm=""), "auth.token.realm: it is not set"),
        (lambda _: tokens(auto_redirect=True, auto_redirect_path="x"), "auto_redirect_path"),
        (lambda _: tokens(), "no key can be trusted"),
        (lambda at: tokens(keys=_text(at / "f", '{"keys": []}')), "no key can be trusted"),
        (lambda at: tokens(keys=_text(at / "f", "words")), "no set of keys"),
        (lambda at: tokens(keys=at / "none"), "none: No such file"),
        (lambda at: tokens(certificates=_text(at / "f", "words")), "no certificates"),
        (lambda _: tokens(keys_url="ftp://keys"), "auth.token.keys_url"),
    ],
)
def test_what_is_missing_or_broken_is_named_before_anybody_is_served(
    tmp_path: Path, config: Any, key: str
) -> None:
    """And what stands in a file is not repeated."""
    with pytest.raises(ConfigInvalid) as caught:
        prepare_access(config(tmp_path))

    assert key in str(caught.value)
    assert "secret" not in str(caught.value)


def test_file_of_users_that_is_there_is_not_made_again(users: Path) -> None:
    """Whoever is in it stays."""
    before = users.read_bytes()

    prepare_access(htpasswd(users))

    assert users.read_bytes() == before
