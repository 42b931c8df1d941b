"""Which forms a client takes, and what counts as a JSON body."""

from __future__ import annotations

import pytest

from aegis_trio.transports.negotiation import Forms, accepted_forms, is_json_body


@pytest.mark.requirement("MCP-HTTP-02")
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json, text/event-stream", Forms(json=True, stream=True)),
        ("APPLICATION/JSON", Forms(json=True, stream=False)),
        ("text/event-stream;q=0.9", Forms(json=False, stream=True)),
        ("*/*", Forms(json=True, stream=True)),
        ("text/*", Forms(json=False, stream=True)),
        ("application/*; q=0.5, text/html", Forms(json=True, stream=False)),
        ("application/json;q=0, text/event-stream;q=0.0", Forms(json=False, stream=False)),
        ("application/json; q=0.000, */*", Forms(json=True, stream=True)),
        ("text/html", Forms(json=False, stream=False)),
        ("", Forms(json=False, stream=False)),
        (";;;,,,=", Forms(json=False, stream=False)),
    ],
)
def test_accept_is_read_as_http_says(accept: str, expected: Forms) -> None:
    """RFC 9110 section 12.5.1: ranges, and a weight of 0 that means "not this"."""
    assert expected == accepted_forms([(b"accept", accept.encode())])


def test_without_accept_everything_is_taken() -> None:
    """RFC 9110 section 12.5.1."""
    assert Forms(json=True, stream=True) == accepted_forms([])


def test_several_accept_lines_are_one_list() -> None:
    """RFC 9110 section 5.3."""
    headers = [(b"accept", b"application/json"), (b"accept", b"text/event-stream")]

    assert Forms(json=True, stream=True) == accepted_forms(headers)


@pytest.mark.requirement("MCP-HTTP-19")
@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_json_is_json(content_type: str) -> None:
    """RFC 9110 section 8.3.1: type and parameters without regard to case."""
    assert is_json_body([(b"content-type", content_type.encode())])


@pytest.mark.requirement("MCP-HTTP-19")
@pytest.mark.parametrize(
    "values",
    [
        [],
        ["text/plain"],
        ["application/json", "application/json"],
        ["application/json, text/plain"],
        ["application/json; charset=utf-16"],
        ["application/json; boundary=x"],
        ["application/json-patch+json"],
        ["multipart/form-data"],
        ["application/x-www-form-urlencoded"],
    ],
)
def test_anything_else_is_not(values: list[str]) -> None:
    """What a page can post without a preflight, or what two readers could take for two things."""
    assert not is_json_body([(b"content-type", value.encode()) for value in values])
