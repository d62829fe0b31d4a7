"""One configuration file for both: Distribution and Lading start with it, and listen where it says."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lading.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from tests.architecture.repository_files import ROOT
from tests.interop.remote import digest_of, request
from tests.peers.issuer import Issuer
from tests.peers.programs import program
from tests.peers.servers import Server, free_port

EXAMPLE = ROOT / "docs" / "reference" / "config-example.yml"
PLAIN = """\
version: 0.1
log: {fields: {service: registry}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: /var/lib/registry}
http:
  addr: :5000
  headers: {X-Content-Type-Options: [nosniff]}
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
"""
POLICY = "policy: {repository: {classes: [image, plugin]}}\n"


def started(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Server:
    """A server that has its address and root from variables, which lie over its file."""
    port, debug = free_port(), free_port()
    variables = {
        "REGISTRY_HTTP_ADDR": f"127.0.0.1:{port}",
        "REGISTRY_HTTP_DEBUG_ADDR": f"127.0.0.1:{debug}",
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(folder / name),
        "OTEL_TRACES_EXPORTER": "none",
        **environment,
    }
    log = folder / f"{name}.log"
    # Both answer that, whoever asks.
    return Server(name, command, f"127.0.0.1:{port}", log, "/", variables)


@pytest.fixture(params=["distribution", "lading", "registry"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """How each program is started; a file follows."""
    scripts = Path(sys.executable).parent
    return {
        "distribution": [str(program("registry")), "serve"],
        "lading": [str(scripts / "lading"), "serve"],
        "registry": [str(scripts / "registry"), "serve"],
    }[request.param]


@pytest.mark.parametrize("file", ["example", "plain"])
def test_a_server_starts_with_the_file(command: list[str], file: str, tmp_path: Path) -> None:
    """The complete example too, of which Distribution leaves out what stands under `lading`."""
    path = EXAMPLE
    if file == "plain":
        path = tmp_path / "config.yml"
        path.write_text(PLAIN)

    with started("server", [*command, str(path)], tmp_path, {}) as server:
        status, headers, _ = request(server, "GET", "/v2/")

    assert status == 200
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["docker-distribution-api-version"] == "registry/2.0"


def test_the_file_is_found_by_its_variable(command: list[str], tmp_path: Path) -> None:
    """As images have it, without an argument."""
    path = tmp_path / "config.yml"
    path.write_text(PLAIN)
    named = {"REGISTRY_CONFIGURATION_PATH": str(path)}

    with started("server", command, tmp_path, named) as server:
        status, _, _ = request(server, "GET", "/v2/")

    assert status == 200


@pytest.mark.parametrize("formatter", ["json", "logstash"])
def test_events_have_the_same_fields(formatter: str, tmp_path: Path) -> None:
    """What reads the events of one reads those of the other; only the version of Go is not told."""
    path = tmp_path / "config.yml"
    log = f"log: {{formatter: {formatter}, fields: {{service: registry, type: mine, time: noon}}}}"
    path.write_text(PLAIN.replace("log: {fields: {service: registry}}", log))
    lading = str(Path(sys.executable).parent / "lading")
    told: dict[str, dict[str, object]] = {}

    for name, first in (("distribution", str(program("registry"))), ("lading", lading)):
        with started(name, [first, "serve", str(path)], tmp_path, {}) as server:
            request(server, "GET", "/v2/team/app/manifests/absent")
        told[name] = completed(server.log)

    assert told["lading"].keys() == told["distribution"].keys() - {"go.version"}
    assert told["lading"]["msg"] == told["distribution"]["msg"]


def completed(log: Path) -> dict[str, object]:
    """The event in *log* about the request that was refused."""
    lines = [json.loads(each) for each in log.read_text().splitlines() if each.startswith("{")]
    (found,) = [each for each in lines if each.get("http.response.status") == 404]
    return dict(found)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("repository", 201), ("repository(image)", 201), ("repository(plugin)", 403)],
)
def test_rights_for_plugins_put_no_image(
    command: list[str], kind: str, status: int, tmp_path: Path
) -> None:
    """Where the policy looks at kinds of content at all."""
    issuer = Issuer({}, lambda *_: True)
    (tmp_path / "keys.json").write_text(issuer.keys)
    path = tmp_path / "config.yml"
    token = f"realm: http://a/, service: s, issuer: {issuer.name}, jwks: {tmp_path}/keys.json"
    path.write_text(f"{PLAIN}auth: {{token: {{{token}}}}}\n" + POLICY)
    shown = {"Authorization": f"Bearer {issuer.token('ada', 's', [f'{kind}:a:pull,push'])}"}
    image = {"mediaType": OCI_CONFIG, "size": 2, "digest": digest_of(b"{}")}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": image, "layers": []}

    with started("server", [*command, str(path)], tmp_path, {}) as server:
        begun, fields, _ = request(server, "POST", "/v2/a/blobs/uploads/", b"", shown)
        place = f"{fields['location']}{'&' if '?' in fields['location'] else '?'}"
        put, _, _ = request(server, "PUT", f"{place}digest={digest_of(b'{}')}", b"{}", shown)
        named = {**shown, "Content-Type": OCI_MANIFEST}
        found, _, body = request(
            server, "PUT", "/v2/a/manifests/v1", json.dumps(manifest).encode(), named
        )

    assert (begun, put, found) == (202, 201, status)
    assert status == 201 or json.loads(body)["errors"][0]["code"] == "DENIED"


def test_a_mistake_ends_the_start(command: list[str], tmp_path: Path) -> None:
    """Neither of them serves something else than what was asked for."""
    path = tmp_path / "config.yml"
    path.write_text(PLAIN.replace("0.1", "0.9"))

    ended = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
    )  # fmt: skip

    assert ended.returncode in (1, 2)
    assert "version" in ended.stderr
    assert "Traceback" not in ended.stderr
