"""Notices are written as Distribution writes them, and as CloudEvents."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lading.interfaces.access import Occasion, Principal
from lading.interfaces.notices import Deed, Notice
from lading.oci.descriptor import Descriptor
from lading.oci.digest import Digest
from lading.oci.names import RepositoryName, Tag
from lading.oci.platform import Platform
from lading.sinks.envelopes import Origin, as_cloudevent, as_distribution

AT = datetime(2026, 11, 28, 9, 30, 5, 120000, tzinfo=UTC)
HERE = Origin("host:5000", "0197-instance")
DIGEST = Digest.of(b"content")
OCCASION = Occasion(
    Principal("ann"),
    {
        "address": "192.0.2.1:4711",
        "host": "registry.example",
        "method": "PUT",
        "agent": "docker/<29> & more",
        "request": "r-1",
        "base": "https://registry.example/prefix",
    },
)

PUSH = Notice(
    id="01a221de-68c5-7bf1-b537-8f4ad6c8dff5",
    at=AT,
    deed=Deed.PUSH,
    repository=RepositoryName("team/app"),
    occasion=OCCASION,
    digest=DIGEST,
    media_type="application/vnd.oci.image.manifest.v1+json",
    size=7,
    tag=Tag("v1"),
    references=(
        Descriptor(
            "application/x", DIGEST, 7, "application/a", {"k": "v"}, Platform("linux", "arm64")
        ),
    ),
)

WRITTEN = f"""\
{{
   "events": [
      {{
         "id": "01a221de-68c5-7bf1-b537-8f4ad6c8dff5",
         "timestamp": "2026-11-28T09:30:05.12Z",
         "action": "push",
         "target": {{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": "{DIGEST}",
            "size": 7,
            "length": 7,
            "repository": "team/app",
            "url": "https://registry.example/prefix/v2/team/app/manifests/{DIGEST}",
            "tag": "v1",
            "references": [
               {{
                  "mediaType": "application/x",
                  "digest": "{DIGEST}",
                  "size": 7,
                  "annotations": {{
                     "k": "v"
                  }},
                  "platform": {{
                     "architecture": "arm64",
                     "os": "linux"
                  }},
                  "artifactType": "application/a"
               }}
            ]
         }},
         "request": {{
            "id": "r-1",
            "addr": "192.0.2.1:4711",
            "host": "registry.example",
            "method": "PUT",
            "useragent": "docker/\\u003c29\\u003e \\u0026 more"
         }},
         "actor": {{
            "name": "ann"
         }},
         "source": {{
            "addr": "host:5000",
            "instanceID": "0197-instance"
         }}
      }}
   ]
}}"""


def test_push_is_written_field_by_field(set_zone: Callable[[str], None]) -> None:
    """Order, indentation and what is escaped are those of Distribution."""
    set_zone("UTC")

    assert as_distribution(PUSH, HERE).decode() == WRITTEN


def test_delete_of_a_tag_says_no_more_than_there_is() -> None:
    """Fields that are always there are empty; those that are not there are left out."""
    gone = Notice(
        id="1",
        at=AT,
        deed=Deed.DELETE,
        repository=RepositoryName("team/app"),
        occasion=Occasion(),
        tag=Tag("v1"),
    )

    [event] = json.loads(as_distribution(gone, HERE))["events"]

    assert event["target"] == {
        "mediaType": "",
        "digest": "",
        "size": 0,
        "repository": "team/app",
        "tag": "v1",
    }
    assert event["actor"] == {}
    assert event["request"] == {"id": "", "addr": "", "method": "", "useragent": ""}


def test_mount_says_where_it_came_from() -> None:
    """And the URL is that of a blob."""
    mounted = Notice(
        id="1",
        at=AT,
        deed=Deed.MOUNT,
        repository=RepositoryName("team/other"),
        occasion=OCCASION,
        digest=DIGEST,
        media_type="application/octet-stream",
        size=7,
        source=RepositoryName("team/app"),
    )

    target = json.loads(as_distribution(mounted, HERE))["events"][0]["target"]

    assert target["fromRepository"] == "team/app"
    assert target["url"] == f"https://registry.example/prefix/v2/team/other/blobs/{DIGEST}"


def test_cloudevent_has_the_attributes_that_are_required() -> None:
    """CloudEvents 1.0 in structured JSON, with the same data."""
    event = json.loads(as_cloudevent(PUSH, HERE))

    assert event["specversion"] == "1.0"
    assert event["id"] == PUSH.id
    assert event["type"] == "lading.push"
    assert event["source"] == "//host:5000"
    assert event["subject"] == "team/app:v1"
    assert event["data"]["target"]["digest"] == str(DIGEST)


def test_actor_is_whoever_somebody_claims_to_be_where_nobody_has_to_log_in() -> None:
    """As in Distribution; whoever has logged in is never called by another name."""
    claimed = {"claimed": "bob"}

    found = [
        json.loads(as_distribution(replace(PUSH, occasion=Occasion(who, claimed)), HERE))
        for who in (Principal(""), Principal("ann"))
    ]

    assert [each["events"][0]["actor"] for each in found] == [{"name": "bob"}, {"name": "ann"}]


@pytest.mark.parametrize(
    ("base", "front"), [("https://r.example/prefix", "/prefix"), ("https://r.example", "")]
)
def test_what_happened_is_named_by_a_path_where_locations_are(base: str, front: str) -> None:
    """The prefix is part of it."""
    notice = replace(PUSH, occasion=Occasion(facts={"base": base}))
    here = replace(HERE, relative=True)

    [event] = json.loads(as_distribution(notice, here))["events"]

    assert event["target"]["url"] == f"{front}/v2/team/app/manifests/{DIGEST}"
