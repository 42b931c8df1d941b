"""Records as events of the Open Cybersecurity Schema Framework; the record itself stands in `unmapped`.

Source: OCSF 1.3.0: API Activity (6003), Authentication (3002), Application Lifecycle (6002), Detection Finding (2004).
"""

from __future__ import annotations

from typing import Final

from aegis_trio import __version__
from aegis_trio.audit.export.exported import Exported
from aegis_trio.model.json import JsonObject, JsonValue

OCSF_VERSION: Final = "1.3.0"

_CREATE, _READ, _UPDATE, _DELETE, _OTHER = 1, 2, 3, 4, 99
_START, _STOP = 3, 4
_VERBS: Final = {
    **dict.fromkeys(("get", "list", "search", "find", "compare", "read"), _READ),
    **dict.fromkeys(("create", "add", "open", "submit"), _CREATE),
    **dict.fromkeys(("update", "edit", "set", "close", "merge", "reopen", "rename"), _UPDATE),
    **dict.fromkeys(("delete", "remove"), _DELETE),
}
_SEVERITIES: Final = {"low": 2, "medium": 3, "high": 4, "critical": 5}
_INFORMATIONAL: Final = 1
_SUCCESS, _FAILURE, _UNKNOWN = 1, 2, 0
_CAPTIONS: Final = {
    2004: "Detection Finding",
    3002: "Authentication",
    6002: "Application Lifecycle",
    6003: "API Activity",
}
_PRODUCT: Final[JsonObject] = {"name": "aegis-trio", "vendor_name": "aegis-trio", "version": __version__}


def render_ocsf(exported: Exported) -> JsonObject:
    """Return the event of a record."""
    match exported.event:
        case "api_authentication":
            return _event(exported, 3002, 1, user=_user(exported), service={"name": "aegis-trio"}, is_remote=True)
        case "tool_intent" | "tool_invocation" | "access_denied":
            return _call(exported)
        case "security_event" if exported.text("severity") != "low":
            title = exported.text("kind") or exported.event
            return _event(exported, 2004, 1, finding_info={"uid": exported.id, "title": title}, is_alert=True)
        case event:
            activity = {"service_started": _START, "service_stopped": _STOP}.get(event, _OTHER)
            return _event(exported, 6002, activity, app=_PRODUCT)


def _call(exported: Exported) -> JsonObject:
    tool = exported.text("tool")
    activity = _VERBS.get(tool.partition("_")[0], _OTHER)
    api: JsonObject = {"operation": tool or exported.event, "service": {"name": "aegis-trio"}}
    if "correlation_id" in exported.record:
        api["request"] = {"uid": exported.text("correlation_id")}
    place = "/".join(exported.text(name) for name in ("owner", "repo", "path") if name in exported.record)
    more: JsonObject = {"resources": [{"name": place, "type": "repository"}]} if place else {}
    return _event(exported, 6003, activity, actor={"user": _user(exported)}, api=api, **more)


def _event(exported: Exported, class_uid: int, activity_id: int, **more: JsonValue) -> JsonObject:
    failed = exported.failed
    status = {None: _UNKNOWN, True: _FAILURE, False: _SUCCESS}[failed]
    event: JsonObject = {
        "activity_id": activity_id,
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "class_name": _CAPTIONS[class_uid],
        "type_uid": class_uid * 100 + activity_id,
        "time": exported.time_ms,
        "severity_id": _SEVERITIES.get(exported.text("severity"), 2 if failed else _INFORMATIONAL),
        "status_id": status,
        "message": exported.event,
        "metadata": {
            "version": OCSF_VERSION,
            "product": _PRODUCT,
            "uid": exported.id,
            "sequence": exported.seq,
            "original_time": exported.text("timestamp"),
            "log_name": "audit",
        },
        **more,
    }
    if activity_id == _OTHER:
        event["activity_name"] = exported.event
    detail = exported.text("reason") or exported.text("status")
    if failed and detail:
        event["status_detail"] = detail
    if exported.address is not None:
        event["src_endpoint"] = {"ip": exported.address}
    elif class_uid == 6003:  # API Activity requires one
        event["src_endpoint"] = {"name": exported.text("client_ip") or "unknown"}
    if "user_agent" in exported.record:
        event["http_request"] = {"user_agent": exported.text("user_agent")}
    duration_ms = exported.record.get("duration_ms")
    if isinstance(duration_ms, int):
        event["duration"] = duration_ms
    event["unmapped"] = exported.record
    return event


def _user(exported: Exported) -> JsonObject:
    user: JsonObject = {"uid": exported.text("principal") or "unknown"}
    name = exported.text("login") or exported.text("key_hint")
    return {**user, "name": name} if name else user
