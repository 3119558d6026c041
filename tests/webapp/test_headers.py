"""What every answer carries: safety headers, and a tag where it may be kept."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

_PATHS = ["/healthz", "/api/v1/systems", "/api/v1/controls", "/api/v1/figures/roofline", "/nowhere", "/static/vega.js"]


@pytest.mark.parametrize("path", _PATHS)
def test_every_answer_is_safe_to_show(path: str, client: TestClient) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "server" not in headers


def test_an_answer_that_may_be_kept_is_not_sent_twice(client: TestClient) -> None:
    query = {"model": "gpt-oss-20b", "system": "h100"}
    first = client.get("/api/v1/throughput", params=query)
    assert "max-age" in first.headers["cache-control"]
    again = client.get("/api/v1/throughput", params=query, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
    other = client.get("/api/v1/throughput", params=query | {"speed": 30}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_refusals_and_health_are_not_kept(client: TestClient) -> None:
    assert client.get("/healthz").headers["cache-control"] == "no-store"
    refused = client.get("/api/v1/throughput", params={"model": "nope", "system": "h100"})
    assert refused.headers["cache-control"] == "no-store"


def test_large_answers_are_packed(client: TestClient) -> None:
    packed = client.get("/api/v1/sources", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in client.get("/api/v1/sources", headers={"Accept-Encoding": "identity"}).headers


def test_the_library_of_charts_sets_what_the_page_needs(client: TestClient) -> None:
    script = client.get("/static/vega.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "window.vegaEmbed=" in script.text
