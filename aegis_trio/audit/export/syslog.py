"""Records as syslog messages: structured data for what people search by, and the whole line as the message.

Source: RFC 5424 section 6 (form), 6.3.3 (escaping of values); RFC 6587 section 3.4.1 and RFC 5425 section 4.3 (octet
counting); RFC 5612 (the enterprise number of examples, as this project has none of its own).
"""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.audit.export.exported import Exported

FACILITY: Final = 13  # log audit
APP_NAME: Final = "aegis-trio"
SD_ID: Final = "aegis@32473"

_MAX_HOST_CHARACTERS: Final = 255
_MAX_ID_CHARACTERS: Final = 32
_NIL: Final = "-"
_NOT_PRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)  # and what turns text round
_ESCAPED: Final = re.compile(r'["\\\]]')
_SEARCHED: Final = (
    *("seq", "phase", "tool", "owner", "repo", "path", "result", "status", "reason", "kind", "principal", "login"),
    *("key_hint", "client_ip", "correlation_id"),
)
_CRITICAL, _ERROR, _WARNING, _NOTICE, _INFORMATIONAL = 2, 3, 4, 5, 6
_SEVERITIES: Final = {"critical": _CRITICAL, "high": _ERROR, "medium": _WARNING, "low": _NOTICE}


def render_syslog(exported: Exported, hostname: str) -> bytes:
    """Return the message of a record, without framing.

    Args:
        hostname: of the gate.
    """
    priority = FACILITY * 8 + _severity(exported)
    host = _header(hostname, _MAX_HOST_CHARACTERS)
    message_id = _header(exported.event, _MAX_ID_CHARACTERS)
    head = f"<{priority}>1 {exported.text('timestamp') or _NIL} {host} {APP_NAME} {_NIL} {message_id}"
    found = [("id", exported.id), *((name, exported.text(name)) for name in _SEARCHED if name in exported.record)]
    data = "".join(f' {name}="{_value(text)}"' for name, text in found)
    # The line is ASCII, so no byte order mark stands in front of it.
    return f"{head} [{SD_ID}{data}] ".encode() + exported.line.replace(b"\x7f", b"\\u007f")


def frame(message: bytes) -> bytes:
    """Return a message as it travels over TCP and TLS: its length in front."""
    return f"{len(message)} ".encode() + message


def _severity(exported: Exported) -> int:
    if exported.event == "security_event":
        return _SEVERITIES.get(exported.text("severity"), _WARNING)
    if exported.failed:
        return _NOTICE if exported.event == "tool_invocation" else _WARNING
    return _INFORMATIONAL


def _header(text: str, at_most: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:at_most] or _NIL


def _value(text: str) -> str:
    # Threat: a quote in a repository's name would end the value, and a line feed the message.
    shown = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return _ESCAPED.sub(lambda found: f"\\{found[0]}", shown.encode("utf-8", "replace").decode())
