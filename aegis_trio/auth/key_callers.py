"""Callers of keys: what a key that was found good stands for, and what is recorded of its use.

Law: a principal carries the bounds of its key from here on; every decision behind the door looks at them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aegis_trio.audit.entry import AuditEntry, AuthenticationStatus, api_authentication
from aegis_trio.auth.keytable import Admission, Verdict
from aegis_trio.auth.settings import KeyState
from aegis_trio.model.clock import as_timestamp
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonValue
from aegis_trio.model.secret import Secret
from aegis_trio.policy.access import READ_SCOPES

LOCAL_ID: Final = PrincipalId("local")
REFUSED_KINDS: Final = {
    "unknown": "unknown_key",
    "invalid_format": "invalid_key_format",
    KeyState.EXPIRED.value: "expired_key",
    KeyState.REVOKED.value: "revoked_key",
}
"""The security event of each way in which a credential can be wrong."""


def key_caller(verdict: Verdict, admission: Admission, origin: Origin) -> Caller:
    """Return who calls with the key that *verdict* found."""
    bounds = admission.bounds
    principal = Principal(
        id=verdict.text.principal_id,
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=READ_SCOPES if bounds.scopes is None else bounds.scopes,
        key_hint=verdict.text.hint,
        bounds=bounds,
    )
    return Caller(principal=principal, gitea_token=admission.gitea_token, origin=origin)


def key_used(verdict: Verdict, caller: Caller) -> AuditEntry:
    """Return the record of a key's use; a use in its time of grace says so, and which key has taken its place."""
    principal = caller.principal
    entry = api_authentication(
        AuthenticationStatus.SUCCESS, caller.origin, key_hint=principal.key_hint, principal=principal
    )
    if verdict.state is not KeyState.GRACE:
        return entry
    grace: dict[str, JsonValue] = {"key_state": KeyState.GRACE.value, "replaced_by": verdict.validity.replaced_by}
    if verdict.validity.expires_ns is not None:
        grace["grace_ends"] = as_timestamp(verdict.validity.expires_ns)
    return replace(entry, fields={**entry.fields, **grace})


def refused_detail(verdict: Verdict) -> str:
    """Return what is wrong with a credential that lets nobody in, for the audit trail alone."""
    if verdict.entry is None:
        return "unknown" if verdict.well_formed else "invalid_format"
    return verdict.state.value


def local_caller(gitea_token: Secret, origin: Origin) -> Caller:
    """Return whoever is on this machine already, where no credential is asked for: a reader."""
    principal = Principal(id=LOCAL_ID, kind=PrincipalKind.LOCAL, instance=DEFAULT_INSTANCE, scopes=READ_SCOPES)
    return Caller(principal=principal, gitea_token=gitea_token, origin=origin)
