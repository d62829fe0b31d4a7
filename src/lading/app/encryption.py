"""Which encryption a configuration asks for, if it asks for any."""

from lading.app.config.doors import TlsConfig
from lading.app.sealing import OneForAll
from lading.app.serving import Seal
from lading.errors import ConfigInvalid


def seal_of(config: TlsConfig) -> Seal | None:
    """What seals the connections of every worker, made before the first of them; ``None``: nothing.

    Raises:
        ConfigInvalid: something is missing, or cannot be used.
    """
    if config.certificate is None and config.key is None:
        return None
    if config.key is None:
        raise ConfigInvalid("tls.certificate has no tls.key")
    if config.certificate is None:
        raise ConfigInvalid("tls.key has no tls.certificate")
    # Only who encrypts waits for the libraries that do.
    from lading.app.tls import KeyPair, Terms  # noqa: PLC0415 - as the line above says

    pair = KeyPair(config.certificate, config.key, Terms.of(config))
    return OneForAll(lambda: pair.context)
