"""What authentication writes into the real audit log, as operators grep for it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import Fault
from tests.auth.places import BODY, HERE, NOW_NS, UNKNOWN, bearer, settings


async def test_the_lines_are_those_that_people_search_for(tmp_path: Path) -> None:
    """Guides tell operators these patterns; and no line holds a key."""
    log = tmp_path / "audit.log"
    clock = SetClock(NOW_NS)
    async with open_audit_trail(AuditSettings(path=log), clock=clock) as trail:
        under_test = Authenticator(settings(max_failures=1), audit=trail, clock=clock)
        under_test.announce()
        await under_test.authenticate(bearer(BODY), HERE)
        for raw in (bearer(UNKNOWN), bearer(UNKNOWN), bearer("x"), RawCredentials()):
            with pytest.raises(Fault):
                await under_test.authenticate(raw, HERE)
        under_test.close()

    text = log.read_text()
    for pattern in (
        r"api_authentication.*success",
        r"access_denied.*invalid_api_key",
        r'"event": "access_denied"',
        r'"kind": "auth_rate_limit_exceeded", "severity": "high", "client_ip": "203\.0\.113\.42"',
        r'"status": "success", "client_ip": "203\.0\.113\.42", "user_agent": "ChatGPT-User/1\.0", "key_hint": "a1b2',
        r"missing_api_key",
        r"authentication_enabled",
    ):
        assert re.search(pattern, text), pattern
    assert BODY not in text
    assert UNKNOWN not in text
    assert all(json.loads(line) for line in text.splitlines())
