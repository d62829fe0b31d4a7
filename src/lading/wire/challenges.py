"""Who asks: what a client shows in ``Authorization``, and the challenge it gets (RFC 9110, 11)."""


def shown(authorization: str | None) -> tuple[str, str] | None:
    """The scheme in lower case and the credentials of an ``Authorization`` field.

    Bearer and Basic credentials are one word each; anything that has no scheme shows nothing.
    """
    if authorization is None:
        return None
    scheme, _, value = authorization.strip().partition(" ")
    return (scheme.lower(), value.strip()) if scheme and value else None


def basic(realm: str) -> str:
    """A ``WWW-Authenticate`` challenge for a name and a password (RFC 7617)."""
    escaped = realm.replace("\\", "\\\\").replace('"', '\\"')
    return f'Basic realm="{escaped}", charset="UTF-8"'
