"""By whom the server knows those that it writes to or looks at."""

import ssl


def trusting() -> ssl.SSLContext:
    """Whom the system trusts."""
    # The default context of Python 3.13 refuses authorities that name no key usage, and private
    # ones often do not; neither earlier versions nor our client ask for it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context
