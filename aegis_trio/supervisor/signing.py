"""What Gitea says of its tokens, asked before anybody is served: who issues them, and how they are signed.

Not here: fetching the keys (auth/jwks.py).

Source: gitea modules/setting/oauth2.go, `JWT_SIGNING_ALGORITHM` and `JWT_CLAIM_ISSUER`.
"""

from __future__ import annotations

from typing import Final

import structlog
import trio

from aegis_trio.gitea.oauth import GiteaOAuth
from aegis_trio.model.errors import UpstreamFault
from aegis_trio.supervisor.core import RefusedSetting

CHECK_DEADLINE_S: Final = 5.0  # one small request; a Gitea that needs longer is not serving

log: Final = structlog.get_logger(__name__)


async def find_issuer(oauth: GiteaOAuth) -> str | None:
    """Ask Gitea once, and return what it calls itself; None where it cannot be asked now.

    Gitea 1.23 and 1.24 have a slash at the end, later ones none, and a proxy before Gitea may hide what ROOT_URL says:
    clients compare this word byte for byte.

    Raises:
        RefusedSetting: it signs with a shared secret (HS256 and its kin), which only Gitea can check.
    """
    try:
        with trio.fail_after(CHECK_DEADLINE_S):
            found = await oauth.discover()
    except (UpstreamFault, trio.TooSlowError) as fault:
        log.warning("signing_not_checked", fault=type(fault).__name__)
        return None
    if found.signs_with_shared_secret:
        raise RefusedSetting(
            f"OAUTH_MODE: Gitea signs its tokens with a shared secret ({', '.join(found.id_token_algorithms)}), which "
            "nobody else can check. At Gitea set [oauth2] JWT_SIGNING_ALGORITHM to RS256, ES256 or EdDSA, or leave it "
            "out, and start Gitea again."
        )
    return found.issuer
