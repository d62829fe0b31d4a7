"""Certificates that a token brings along, and whether somebody who is trusted vouches for them.

The certificates of token services are made by hand for the most part. They name no host and no
use, so the rules of the web do not fit: here, signatures, terms and the right to sign count.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

_LONGEST = 8
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}


_UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate raises that nobody here made."""


class Distrusted(ValueError):
    """Nobody who is trusted vouches for a certificate."""


def leaf_of(
    shown: Any, roots: Sequence[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, datetime]:
    """The certificate that signed, of those in an ``x5c`` header (RFC 7515, 4.1.6).

    Also until when somebody of *roots* vouches for it.

    Raises:
        Distrusted: nobody does, at the time *now*, or it cannot be read.
    """
    if not isinstance(shown, list) or not 0 < len(shown) <= _LONGEST:
        raise Distrusted
    leaf, *others = (_certificate(each) for each in shown)
    until = _vouched(leaf, others, roots, now, 0)
    if until is None:
        raise Distrusted
    return leaf, until


def _certificate(text: Any) -> x509.Certificate:
    try:
        found = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
        critical = {each.oid for each in found.extensions if each.critical}
    except _UNREADABLE:
        raise Distrusted from None
    if not critical <= _UNDERSTOOD:
        raise Distrusted
    return found


def _vouched(
    one: x509.Certificate,
    others: list[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
    below: int,
) -> datetime | None:
    """Until when a chain holds that begins with *one*; *below* are the authorities before it."""
    if not _in_term(one, now):
        return None
    if one in roots:
        return one.not_valid_after_utc
    for issuer in roots:
        if _in_term(issuer, now) and _may_sign(issuer, below) and _signed(one, issuer):
            return min(one.not_valid_after_utc, issuer.not_valid_after_utc)
    for issuer in tuple(others):
        if issuer not in others or not (_may_sign(issuer, below) and _signed(one, issuer)):
            continue
        # Each is tried once in all: those that vouch for each other must not cost more than others.
        others.remove(issuer)
        if (until := _vouched(issuer, others, roots, now, below + 1)) is not None:
            return min(one.not_valid_after_utc, until)
    return None


def _in_term(one: x509.Certificate, now: datetime) -> bool:
    return one.not_valid_before_utc <= now <= one.not_valid_after_utc


def _may_sign(issuer: x509.Certificate, below: int) -> bool:
    try:
        limits = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, *_UNREADABLE):
        return False
    if not limits.ca or (limits.path_length is not None and below > limits.path_length):
        return False
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _signed(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
