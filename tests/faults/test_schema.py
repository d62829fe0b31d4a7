"""The description of the API against the real server: whatever is sent, answers are as it says.

schemathesis makes requests from the description, such as it allows and such as it does not. The
same ones in every run; nothing about time is judged.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.faults.running import Server
from tools.openapi import SAMPLE_MANIFEST, openapi_page

NAME = "team/app"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

api = schemathesis.openapi.from_dict(
    json.loads(openapi_page()),
    config=schemathesis.Config.from_dict(
        {
            "seed": 1,
            "generation": {"deterministic": True, "with-security-parameters": False},
            "phases": {"coverage": {"unexpected-methods": []}},
        }
    ),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that everybody may use."""
    root = tmp_path_factory.mktemp("schema") / "data"
    with Server(root, "--workers", "1", "--no-access-log") as found:
        yield found


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One client, which looks for no proxy."""
    with requests.Session() as found:
        found.trust_env = False
        yield found


def furnish(server: Server) -> None:
    """Put what the examples of the description name where they name it."""
    with server.client() as client:
        assert client.push(NAME, b"{}").status == 201
        pushed = client(
            "PUT",
            f"/v2/{NAME}/manifests/v1",
            json.dumps(SAMPLE_MANIFEST).encode(),
            {"Content-Type": SAMPLE_MANIFEST["mediaType"]},
        )
        assert pushed.status == 201, pushed


@api.parametrize()
@settings(max_examples=12, derandomize=True, deadline=None, database=None)
def test_answers_are_as_the_description_says(
    case: schemathesis.Case[Any], server: Server, session: requests.Session
) -> None:
    """Status, type, headers and document of every answer are listed, and none is a 5xx.

    Slashes are sent escaped and as they are, and sessions that nobody began are followed by one
    that somebody did.
    """
    base = f"http://127.0.0.1:{server.port}"
    furnish(server)
    for path in paths(case, server):
        request = requests.Request(**case.as_transport_kwargs(base))
        prepared = session.prepare_request(request)
        # Not by `Request`, which would tidy up what is to be tried.
        _, asked, query = str(prepared.url).partition("?")
        prepared.url = f"{base}{path}{asked}{query}"

        response = session.send(prepared, timeout=30, allow_redirects=False)

        case.validate_response(response, checks=CHECKS)


def paths(case: schemathesis.Case[Any], server: Server) -> Iterator[str]:
    """Where to send *case*."""
    escaped = case.formatted_path
    plain = re.sub("%2f", "/", escaped, flags=re.IGNORECASE)
    yield escaped
    if plain != escaped:
        yield plain
    if "session" in case.path_parameters:
        with server.client() as client:
            yield client.begin(NAME)
