"""Settings of who may come in."""

# ruff: noqa: RUF009 - `option` and `section` make fields, as `dataclasses.field` does

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from lading.app.config.options import option, section
from lading.app.config.structures import listed
from lading.app.config.values import choice, duration, file, flag, optional, words

ALGORITHMS = (
    "EdDSA",
    "HS256", "HS384", "HS512",
    "RS256", "RS384", "RS512",
    "ES256", "ES384", "ES512",
    "PS256", "PS384", "PS512",
)  # fmt: skip
"""The signatures that a token may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HtpasswdConfig:
    """Users in a file, each with the bcrypt hash of a password. Every user may do everything."""

    realm: str = option("lading", "What a name and a password are asked for.", words)
    path: Path | None = option(
        None,
        "The file. It may change at any time. If it is missing at the start, it is made, with a "
        "user of a random password, which is told once.",
        optional(file),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenConfig:
    """Tokens (JWT) that somebody else gives out and signs."""

    realm: str = option("", "The URL at which clients get a token.", words)
    service: str = option("", "This registry's name there; a token's audience.", words)
    issuer: str = option("", "Who has to have given the token out.", words)
    certificates: Path | None = option(
        None, "A file of certificates (PEM) that sign tokens.", optional(file)
    )
    keys: Path | None = option(None, "A file of keys (JWKS) that sign tokens.", optional(file))
    keys_url: str = option("", "A URL of such keys; asked again as they change.", words)
    keys_every: timedelta = option(
        timedelta(minutes=5), "How often that URL is asked, at least.", duration
    )
    auto_redirect: bool = option(
        False, "Send clients for a token to the host that they asked, not to the realm.", flag
    )
    auto_redirect_path: str = option("/auth/token", "Under which path there.", words)
    strict: bool = option(
        False,
        "Take that host from the Host field alone, by https unless a trusted proxy names another "
        "scheme, and ask for the right to pull whatever ?from= names in any request, as "
        "Distribution does.",
        flag,
    )
    algorithms: tuple[str, ...] = option(
        ALGORITHMS, "Which signatures are taken.", listed(choice(*ALGORITHMS))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SillyConfig:
    """Anybody who sends any Authorization. For tests of clients."""

    realm: str = option("lading", "The realm that is named in the challenge.", words)
    service: str = option("lading", "The service that is named in the challenge.", words)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthConfig:
    """Who may come in."""

    method: str = option(
        "none",
        "How it is found out who asks: none lets anybody do everything.",
        choice("none", "htpasswd", "token", "silly"),
    )
    htpasswd: HtpasswdConfig = section(HtpasswdConfig, "Users in a file.")
    token: TokenConfig = section(TokenConfig, "Tokens that somebody else gives out.")
    silly: SillyConfig = section(SillyConfig, "For tests of clients.")
