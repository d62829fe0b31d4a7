"""A complete configuration file: Distribution's keys as somebody chose them, and all of ours."""

from collections.abc import Iterator

from lading.app.config.distribution.keys import KEYS
from lading.app.config.distribution.outcomes import Honoured
from lading.app.config.options import Setting, settings_of
from lading.app.config.tree import sections, settings

_TOP = """\
# Every key that Lading honours. Made from the code by `make docs`; changes here are lost.
#
# Lading and Distribution 3 both start with this file. What stands under `lading` is read by Lading
# alone, and lies over the rest; what is written as a comment is either an alternative or would be
# said twice.

version: 0.1                  # With it, the keys of Distribution are read.

log:
  level: info                 # error, warn, info or debug; `loglevel` at the top is its old name.
  formatter: text             # text or json, on standard error.
  fields:                     # Stand in every line.
    service: registry
  accesslog:
    disabled: false           # A line for each request on standard output.
  reportcaller: false         # Which line of the program it was.
  hooks:                      # Mail about what goes wrong.
    - disabled: true
      type: mail
      levels: [error, fatal, panic]
      options:
        smtp:
          addr: mail.example.org:25
          username: registry
          password: ""        # Or REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_PASSWORD_FILE.
        from: registry@example.org
        to: [operator@example.org]

# loglevel: info

storage:
  filesystem:                 # Or `inmemory: {}`, which is gone when the server ends.
    rootdirectory: /var/lib/registry
  delete:
    enabled: false            # Whether clients may delete.
  maintenance:
    uploadpurging:            # Uploads that nobody goes on with.
      enabled: true
      age: 168h
      interval: 24h           # Has no effect: see lading.collector.every.
      dryrun: false
    readonly:
      enabled: false

# auth:                       # One of these; without any, everybody may do everything.
#   htpasswd:
#     realm: registry
#     path: /etc/distribution/htpasswd
#   token:
#     realm: https://auth.example.org/token
#     service: registry.example.org
#     issuer: auth.example.org
#     rootcertbundle: /etc/distribution/token.pem
#     jwks: /etc/distribution/jwks.json
#     autoredirect: false
#     autoredirectpath: /auth/token
#     signingalgorithms: [EdDSA, ES256, RS256]
#   silly:
#     realm: registry
#     service: registry

http:
  addr: :5000
  net: tcp                    # Or unix, and addr is the path of a socket.
  prefix: ""                  # A path before all others, such as /registry.
  host: ""                    # The URL that locations begin with.
  relativeurls: false
  draintimeout: 30s           # How long requests in flight may go on at the end.
  headers:
    X-Content-Type-Options: [nosniff]
#  tls:
#    certificate: /etc/distribution/tls.crt
#    key: /etc/distribution/tls.key
#    clientcas: [/etc/distribution/clients.pem]
#    clientauth: require-and-verify-client-cert
#    minimumtls: tls1.2
#    ciphersuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
#    letsencrypt:             # In place of certificate and key.
#      cachefile: /var/lib/registry/acme
#      email: operator@example.org
#      hosts: [registry.example.org]
#      directoryurl: https://acme-v02.api.letsencrypt.org/directory
  debug:
    addr: localhost:5001      # Health and metrics; not for strangers.
    prometheus:
      enabled: true
      path: /metrics

notifications:
  events:
    includereferences: false
  endpoints:
    - name: listener
      disabled: true
      url: https://listener.example.org/events
      headers:
        Authorization: [Bearer <token>]
      timeout: 1s
      threshold: 10
      backoff: 1s
      ignoredmediatypes: []
      ignore:
        mediatypes: [application/octet-stream]
        actions: [pull]

health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
  file:
    - file: /run/registry-out-of-service
      interval: 10s
#  http:
#    - uri: https://auth.example.org/healthz
#      headers: {}
#      statuscode: 200
#      timeout: 3s
#      interval: 10s
#      threshold: 3
#  tcp:
#    - addr: auth.example.org:443
#      timeout: 3s
#      interval: 10s
#      threshold: 3

catalog:
  maxentries: 1000
tags:
  maxtags: 1000

# policy:
#   repository:
#     classes: [image, plugin]

validation:
  enabled: true
  disabled: false
  manifests:
    urls:                     # Of layers that are kept elsewhere.
      allow: ['^https://mirror\\.example\\.org/']
      deny: []
    indexes:
      platforms: all          # Or none, or list.
      platformlist:
        - architecture: amd64
          os: linux
"""


def example() -> str:
    """The whole file."""
    return "\n".join([_TOP, *_ours()]) + "\n"


def _ours() -> Iterator[str]:
    said = {
        name for key in KEYS if isinstance(key.outcome, Honoured) for name in key.outcome.settings
    }
    yield "lading:"
    yield from _group("", said)


def _group(prefix: str, said: set[str]) -> Iterator[str]:
    """The settings in the group *prefix*, then the groups in it."""
    depth = prefix.count(".") + 1
    for setting in settings():
        if setting.key.rpartition(".")[0] == prefix.rstrip("."):
            yield from _told(setting, setting.key not in said | {"tracing.endpoint"}, depth)
    for name, doc in sections():
        if name.rpartition(".")[0] == prefix.rstrip("."):
            yield ""
            yield f"{'  ' * depth}# {doc}"
            yield f"{'  ' * depth}{name.rpartition('.')[2]}:"
            yield from _group(name + ".", said)


def _told(setting: Setting, used: bool, depth: int) -> Iterator[str]:
    indent = "  " * depth
    name = setting.key.rpartition(".")[2]
    written = setting.reader.write(setting.default)
    if setting.key == "trusted_proxies":
        written = "[127.0.0.1, '::1']"
    yield f"{indent}# {setting.doc}"
    kind = setting.reader.rows
    if kind is None or used:
        yield f"{indent}{'' if used else '# '}{name}: {written or repr('')}"
        return
    yield f"{indent}# {name}:"
    mark = "-"
    for each in settings_of(kind):
        default = each.reader.write(each.default) or repr("")
        yield f"{indent}#   {mark} {each.key}: {default}  # {each.doc}"
        mark = " "
