"""Records of every kind for tests of export: the guide's example, and some that are meant to break what reads them."""

from __future__ import annotations

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.entry import AuditEntry, Phase, access_denied, security_event, service_event
from aegis_trio.audit.recovery import draft
from aegis_trio.model.errors import Severity
from aegis_trio.model.identity import Origin
from tests.audit.conftest import NOON_NS
from tests.docs.documents import ROOT

HOSTILE = '"]\\ [x@1 a="b"]\r\n<34>1 - \x1b[31m\x7f\u202e\u2028 ü'


def hostile_entries() -> list[AuditEntry]:
    """Return records whose values come from attackers."""
    origin = Origin(address="2001:db8::1", user_agent=HOSTILE)
    return [
        access_denied("unknown_tool", origin, tool=HOSTILE, arguments={HOSTILE: HOSTILE}),
        security_event("authentication_failures_summed", Severity.MEDIUM, client_ip="various", attempts=41),
        AuditEntry("tool_intent", Phase.INTENT, {"tool": "delete_file", "owner": HOSTILE, "repo": "r", "path": "a/b"}),
        AuditEntry("tool_invocation", Phase.OUTCOME, {"tool": "delete_file", "result": "error", "status": "not_found"}),
        service_event("clock_step", step_ms=-7200000),
        service_event("service_stopped"),
    ]


def sample_lines() -> list[bytes]:
    """Return the lines, without newlines."""
    lines = (ROOT / "docs" / "audit-example" / "audit.log").read_bytes().splitlines()
    head = ChainHead()
    for entry in hostile_entries():
        line, head = seal(head, draft(entry, NOON_NS), entry.phase)
        lines.append(line[:-1])
    return lines
