"""Records as documents of the Elastic Common Schema; what it has no field for stands under `aegis`.

Source: Elastic Common Schema 8.11, "Event fields" and "Categorization".
"""

from __future__ import annotations

from typing import Final

from aegis_trio.audit.export.exported import Exported
from aegis_trio.model.json import JsonObject, JsonValue

ECS_VERSION: Final = "8.11.0"

_NS_PER_MS: Final = 1_000_000
_SEVERITIES: Final = {"low": 21, "medium": 47, "high": 73, "critical": 99}  # Source: Elastic's default risk scores
_ELSEWHERE: Final = frozenset({"timestamp", "event", "client_ip", "user_agent", "duration_ms"})
_TYPES_OF_LIFE: Final = {"service_started": "start", "service_stopped": "end"}


def render_ecs(exported: Exported) -> JsonObject:
    """Return the document of a record."""
    record = exported.record
    event: JsonObject = {
        "kind": "event",
        "action": exported.event,
        "id": exported.id,
        "sequence": exported.seq,
        "module": "aegis_trio",
        "dataset": "aegis_trio.audit",
        "outcome": {None: "unknown", True: "failure", False: "success"}[exported.failed],
        **_categories(exported),
    }
    reason = exported.text("reason") or exported.text("kind")
    if reason:
        event["reason"] = reason
    duration_ms = record.get("duration_ms")
    if isinstance(duration_ms, int):
        event["duration"] = duration_ms * _NS_PER_MS
    document: JsonObject = {
        "@timestamp": exported.text("timestamp"),
        "ecs": {"version": ECS_VERSION},
        "event": event,
        "service": {"name": "aegis-trio", "type": "mcp"},
    }
    _add_people(document, exported)
    document["aegis"] = {name: value for name, value in record.items() if name not in _ELSEWHERE}
    return document


def _categories(exported: Exported) -> JsonObject:
    match exported.event:
        case "api_authentication":
            return {"category": ["authentication"], "type": ["start"]}
        case "tool_intent" | "tool_invocation":
            return {"category": ["web"], "type": ["access", "error"] if exported.failed else ["access"]}
        case "access_denied":
            return {"category": ["web" if "tool" in exported.record else "authentication"], "type": ["info"]}
        case "security_event" if exported.text("severity") == "low":
            return {"category": ["configuration"], "type": ["info"]}
        case "security_event":
            severity = _SEVERITIES.get(exported.text("severity"), _SEVERITIES["medium"])
            return {"kind": "alert", "category": ["intrusion_detection"], "type": ["info"], "severity": severity}
        case event:
            return {"category": ["process"], "type": [_TYPES_OF_LIFE.get(event, "info")]}


def _add_people(document: JsonObject, exported: Exported) -> None:
    related: JsonObject = {}
    if "client_ip" in exported.record:
        source: JsonObject = {"address": exported.text("client_ip")}
        if exported.address is not None:
            source["ip"] = exported.address
            related["ip"] = [exported.address]
        document["source"] = source
    if "user_agent" in exported.record:
        document["user_agent"] = {"original": exported.text("user_agent")}
    user: JsonObject = {}
    for name, field in (("id", "principal"), ("name", "login")):
        if field in exported.record:
            user[name] = exported.text(field)
    if user:
        names: list[JsonValue] = [*user.values()]
        document["user"] = user
        related["user"] = names
    if related:
        document["related"] = related
