"""Records of what clients did with codes and tokens: who was given new ones, and who used one twice.

Law: where a client's request caused it, the record says from which address; whoever asks "who refreshed this from
where" finds it in the log alone.
"""

from __future__ import annotations

from aegis_trio.audit.entry import AuditEntry, security_event, service_event
from aegis_trio.auth.broker.grants import principal_of
from aegis_trio.auth.broker.rows import GrantRow
from aegis_trio.model.errors import Severity
from aegis_trio.model.json import JsonValue

_MAX_CLIENT_CHARS = 256


def tokens_given(event: str, grant: GrantRow, address: str | None, *, repeated: bool = False) -> AuditEntry:
    """Return the record of new tokens.

    Args:
        event: `oauth_token` or `oauth_refresh`.
        grant: theirs.
        address: where the client is; None where nobody's request caused it.
        repeated: whether the same answer was given again.
    """
    more: dict[str, JsonValue] = {} if address is None else {"client_ip": address}
    if repeated:
        more["repeated"] = True
    return service_event(
        event,
        grant=grant.id,
        principal=principal_of(grant.uid),
        login=grant.login,
        client=grant.client_id[:_MAX_CLIENT_CHARS],
        scopes=list(grant.scopes),
        **more,
    )


def used_twice(what: str, grant_id: str, grant: GrantRow | None, address: str | None) -> AuditEntry:
    """Return the record of a code or token that came twice, so that two hold it.

    Args:
        what: `code` or `refresh_token`.
        grant_id: whose family ends.
        grant: None where it had ended already.
        address: whence it came the second time.
    """
    fields: dict[str, JsonValue] = {"what": what, "grant": grant_id}
    if grant is not None:
        fields |= {"principal": principal_of(grant.uid), "login": grant.login}
        fields["client"] = grant.client_id[:_MAX_CLIENT_CHARS]
    return security_event("oauth_reuse_detected", Severity.HIGH, client_ip=address, **fields)
