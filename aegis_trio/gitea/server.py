"""Gitea itself: which version it is.

Source: gitea routers/api/v1/misc/version.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import read_object, text
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.policy.pathguard import Route

_VERSION_ROUTE: Final = Route(segments=("version",))
# Such as 1.25.4, 1.26.0+dev-123-gabcdef, v1.24.0-rc1, and of Forgejo 15.0.4+gitea-1.22.0.
_VERSION: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})[0-9A-Za-z.+~_-]{0,80}", re.ASCII)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerVersion:
    """What the server says it is."""

    text: str
    number: tuple[int, int]
    """Major and minor, of Forgejo's own numbering when it is Forgejo."""
    is_forgejo: bool

    def reaches(self, gitea: tuple[int, int]) -> bool:
        """Return whether this is Gitea *gitea* or newer; Forgejo counts differently, so it never does."""
        return not self.is_forgejo and self.number >= gitea


def get_version() -> ForgeRequest[ServerVersion]:
    """Ask for the version."""
    return ForgeRequest(route=_VERSION_ROUTE, segments=("version",), decode=_version, subject="The server's version")


def _version(response: ForgeResponse) -> ServerVersion:
    raw = text(read_object(response), "version")
    match = _VERSION.fullmatch(raw)
    if match is None:
        raise UpstreamBroken("Gitea's version is not a version number.", "Ask the operator whether this is Gitea.")
    return ServerVersion(text=raw, number=(int(match[1]), int(match[2])), is_forgejo="+gitea-" in raw)
