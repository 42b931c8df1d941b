"""What a SIEM gets for each kind of record is written down, and no value of a record breaks out of its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio import __version__
from aegis_trio.audit.canonical import render
from aegis_trio.audit.chain import leaf_hash
from aegis_trio.audit.export.ecs import render_ecs
from aegis_trio.audit.export.exported import Exported, parse_exported
from aegis_trio.audit.export.ocsf import render_ocsf
from aegis_trio.audit.export.syslog import frame, render_syslog
from aegis_trio.cli.console.visible import json_line
from tests.audit.export.samples import sample_lines

GOLDEN = Path(__file__).parent / "golden"
FORMS: dict[str, Callable[[Exported], bytes]] = {
    "syslog": lambda one: render_syslog(one, "gate.example"),
    "ecs": lambda one: json_line(render_ecs(one)).encode(),
    "ocsf": lambda one: json_line(render_ocsf(one)).replace(f'"{__version__}"', '"VERSION"').encode(),
}
# Source: RFC 5424 section 6, for messages with one element of structured data.
SYSLOG = re.compile(
    rb"<(\d{1,3})>1 (-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) [\x21-\x7e]{1,255} aegis-trio - [\x21-\x7e]{1,32} "
    rb'(\[aegis@32473(?: [a-z_]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\]) (.*)',
    re.DOTALL,
)


def exported(line: bytes) -> Exported:
    """Return the record of a line."""
    found = parse_exported(line)
    assert found is not None
    return found


@pytest.mark.parametrize("form", FORMS)
def test_each_kind_of_record_is_what_the_golden_file_says(form: str) -> None:
    """Rules that people wrote for these fields must not stop matching with a later version."""
    rendered = b"".join(FORMS[form](exported(line)) + b"\n" for line in sample_lines())

    assert (GOLDEN / f"{form}.txt").read_bytes() == rendered


names = st.sampled_from(["tool", "owner", "repo", "path", "reason", "status", "client_ip", "user_agent", "login"])
values = st.text(max_size=60)


@given(st.text(max_size=40), st.dictionaries(names, values, max_size=9), st.text(max_size=40))
def test_no_value_breaks_out_of_a_syslog_message(event: str, fields: dict[str, str], host: str) -> None:
    """The message is one line of the form, its values unescape to what they were, and the record follows whole."""
    line = render({"timestamp": "2026-02-13T10:00:00.000000Z", "event": event, **fields}).encode()

    message = render_syslog(exported(line), host)

    assert not re.search(rb"[\x00-\x1f\x7f]", message)
    match = SYSLOG.fullmatch(message)
    assert match is not None, message
    assert json.loads(match[4]) == json.loads(line)
    found = dict(re.findall(r'([a-z_]+)="((?:[^"\\\]]|\\["\\\]])*)"', match[3].decode()))
    for name in fields.keys() & found.keys():
        plain = re.sub(r'\\(["\\\]])', r"\1", found[name])
        if fields[name].isprintable():
            assert json.loads(line)[name] == plain


@given(st.dictionaries(names, values, max_size=9), st.sampled_from(["tool_invocation", "access_denied", "other"]))
def test_documents_are_one_line_of_ascii(fields: dict[str, str], event: str) -> None:
    """A line feed in a value would be two documents, an escape the terminal's."""
    line = render({"timestamp": "x", "event": event, **fields}).encode()
    for form in ("ecs", "ocsf"):
        document = FORMS[form](exported(line))

        assert re.fullmatch(rb"[\x20-\x7e]+", document)
        json.loads(document)


def test_ocsf_events_have_what_their_class_requires() -> None:
    """Source: OCSF 1.3.0, required attributes of the base event and of the four classes."""
    required = {
        2004: {"finding_info"},
        3002: {"user", "service"},
        6002: {"app"},
        6003: {"actor", "api", "src_endpoint"},
    }
    seen = set()
    for line in sample_lines():
        event = render_ocsf(exported(line))
        class_uid = event["class_uid"]
        assert isinstance(class_uid, int)
        seen.add(class_uid)
        base = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
        assert (base | required[class_uid]) <= event.keys()
        assert event["type_uid"] == class_uid * 100 + int(str(event["activity_id"]))
        assert event["activity_id"] != 99 or "activity_name" in event

    assert required.keys() == seen


def test_the_id_is_the_leaf_hash() -> None:
    """A receiver that got a record twice drops one; an auditor finds it in the tree."""
    for line in sample_lines():
        one = exported(line)
        event, metadata = render_ecs(one)["event"], render_ocsf(one)["metadata"]
        assert isinstance(event, dict)
        assert isinstance(metadata, dict)
        assert leaf_hash(line) == one.id == event["id"] == metadata["uid"]


def test_octets_are_counted() -> None:
    """Source: RFC 6587 section 3.4.1."""
    assert b"11 hello world" == frame(b"hello world")


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[]", b"{}", b'{"event": 1}', '{"event": "ü"}'.encode()])
def test_what_is_no_record_is_not_exported(line: bytes) -> None:
    """It is told, not guessed at."""
    assert parse_exported(line) is None
