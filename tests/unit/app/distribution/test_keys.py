"""The table of Distribution's keys is complete, and says something about each."""

import pytest

from lading.app.config.distribution.keys import KEYS, RULES
from lading.app.config.distribution.outcomes import Honoured, Key, Refused, WithoutEffect
from lading.app.config.tree import settings

PUBLISHED = """
version loglevel
log: level formatter fields accesslog.disabled reportcaller
log.hooks[]: disabled type levels options.smtp.addr options.smtp.username options.smtp.password
log.hooks[]: options.smtp.insecure options.from options.to
storage.filesystem: rootdirectory maxthreads
storage: inmemory oss swift
storage.s3: accesskey secretkey region regionendpoint redirectendpoint forcepathstyle bucket encrypt
storage.s3: keyid secure skipverify v4auth chunksize multipartcopychunksize rootdirectory
storage.s3: multipartcopymaxconcurrency multipartcopythresholdsize storageclass useragent objectacl
storage.s3: usedualstack accelerate usefipsendpoint loglevel
storage.s3aws: accesskey secretkey region regionendpoint redirectendpoint forcepathstyle bucket
storage.s3aws: encrypt keyid secure skipverify v4auth chunksize multipartcopychunksize rootdirectory
storage.s3aws: multipartcopymaxconcurrency multipartcopythresholdsize storageclass useragent
storage.s3aws: objectacl usedualstack accelerate usefipsendpoint loglevel
storage.azure: accountname container accountkey credentials.type credentials.clientid realm
storage.azure: credentials.tenantid credentials.secret serviceurl connectionstring rootdirectory
storage.azure: max_retries retry_delay skipverify
storage.gcs: bucket rootdirectory keyfile credentials chunksize maxconcurrency useragent
storage: delete.enabled redirect.disable tag.concurrencylimit
storage.cache: blobdescriptor layerinfo blobdescriptorsize
storage.maintenance.uploadpurging: enabled age interval dryrun
storage.maintenance: readonly.enabled
auth.silly: realm service
auth.htpasswd: realm path
auth.token: realm service issuer rootcertbundle jwks autoredirect autoredirectpath signingalgorithms
middleware: registry repository storage
middleware.storage[]: name disabled options.baseurl options.privatekey options.keypairid
middleware.storage[]: options.duration options.ipfilteredby options.awsregion options.scheme
middleware.storage[]: options.updatefrequency options.updatefrenquency options.iprangesurl
middleware.storage[]: options.host options.trimpathprefix
http: addr net prefix host secret relativeurls draintimeout headers http2.disabled h2c.enabled
http.tls: certificate key clientcas clientauth minimumtls ciphersuites
http.tls.letsencrypt: cachefile email hosts directoryurl
http.debug: addr prometheus.enabled prometheus.path
notifications: events.includereferences
notifications.endpoints[]: name disabled url headers timeout threshold backoff ignoredmediatypes
notifications.endpoints[]: ignore.mediatypes ignore.actions
redis: addrs clientname db protocol username password sentinelusername sentinelpassword maxretries
redis: minretrybackoff maxretrybackoff dialtimeout readtimeout writetimeout contexttimeoutenabled
redis: poolfifo poolsize pooltimeout minidleconns maxidleconns maxactiveconns connmaxidletime
redis: connmaxlifetime maxredirects readonly routebylatency routerandomly mastername
redis: disableidentity identitysuffix unstableresp3 tls.certificate tls.key tls.rootcas
redis: addr pool.maxidle pool.maxactive pool.idletimeout
health.storagedriver: enabled interval threshold
health.file[]: file interval threshold
health.http[]: uri headers statuscode timeout interval threshold
health.tcp[]: addr timeout interval threshold
catalog: maxentries
tags: maxtags
proxy: remoteurl username password exec.command exec.lifetime ttl cachewritetimeout
policy: repository.classes
validation: enabled disabled manifests.urls.allow manifests.urls.deny manifests.indexes.platforms
validation.manifests.indexes.platformlist[]: architecture os
reporting compatibility
"""
"""What Distribution's documentation and program know, and what they knew in versions 2."""


def published() -> set[str]:
    """The names, one by one."""
    found = set()
    for line in PUBLISHED.strip().splitlines():
        prefix, colon, names = line.rpartition(":")
        found |= {f"{prefix}.{name}" if colon else name for name in names.split()}
    return found


def test_every_key_that_is_published_has_an_outcome() -> None:
    """A key that somebody may have in a file is never passed over in silence."""
    assert published() - {key.name for key in KEYS} == set()


def test_no_key_stands_twice() -> None:
    """One name has one outcome."""
    names = [key.name for key in KEYS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_key_says_what_becomes_of_it(key: Key) -> None:
    """The reference page and the warnings are made from these words."""
    known = {setting.key for setting in settings()}

    match key.outcome:
        case Honoured(named):
            assert set(named) <= known
            assert named or key.name == "version"
        case WithoutEffect(because):
            assert because
            assert not because.endswith(".")
        case Refused(because, advice):
            assert because
            assert advice.endswith(".")


def test_rules_speak_of_keys_that_are_honoured() -> None:
    """What several keys say together is said by keys of the table."""
    names = {key.name for key in KEYS} | {key.name.partition("[]")[0] for key in KEYS}

    assert {name for rule in RULES for name in rule.keys} <= names
