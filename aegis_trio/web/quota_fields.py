"""The IETF's fields for rate limits: what an authenticated answer says about its caller's quota.

Source: draft-ietf-httpapi-ratelimit-headers-11 sections 3 (RateLimit-Policy) and 4 (RateLimit); RFC 9651 for the form.
"""

from __future__ import annotations

from collections.abc import Sequence

from aegis_trio.policy.quotas import Quota


def quota_fields(quotas: Sequence[Quota]) -> tuple[tuple[bytes, bytes], ...]:
    """Return both fields for *quotas*, or nothing when there are none."""
    if not quotas:
        return ()
    policies = ", ".join(f'"{quota.name.value}";q={quota.quota};w={quota.window_s}' for quota in quotas)
    left = ", ".join(f'"{quota.name.value}";r={quota.remaining};t={quota.reset_s}' for quota in quotas)
    return ((b"ratelimit-policy", policies.encode("ascii")), (b"ratelimit", left.encode("ascii")))
