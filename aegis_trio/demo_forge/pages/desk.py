"""The desk: which page a path means, for all that lies beside the API and has to do with signing in.

Laws:
    1. A known path with another method is 405, and its `Allow` names a method that has nothing to do with it.
    2. What is not known here is left to whoever asks next (areas/meta.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from aegis_trio.demo_forge.answers import Answer, Refusal, method_not_allowed
from aegis_trio.demo_forge.pages.browser import LOGIN_PATH, Visit, get_login, open_visit, post_login, post_logout
from aegis_trio.demo_forge.pages.consent import GRANT_PATH, get_authorize, post_grant
from aegis_trio.demo_forge.pages.inspection import answer_userinfo, get_discovery, get_keys, post_introspect
from aegis_trio.demo_forge.pages.settings import APPLICATIONS_PATH, get_applications, post_revoke
from aegis_trio.demo_forge.pages.tokens import post_access_token
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.world import World

_ForPrograms: TypeAlias = Callable[[World, Request], Answer]
_ForBrowsers: TypeAlias = Callable[[Visit], Answer]

PROGRAMS: Final[Mapping[str, Mapping[str, _ForPrograms]]] = MappingProxyType(
    {
        "/.well-known/openid-configuration": {"GET": get_discovery},
        "/login/oauth/keys": {"GET": get_keys},
        "/login/oauth/access_token": {"POST": post_access_token},
        "/login/oauth/introspect": {"POST": post_introspect},
        "/login/oauth/userinfo": {"GET": answer_userinfo, "POST": answer_userinfo},
    }
)
BROWSERS: Final[Mapping[str, Mapping[str, _ForBrowsers]]] = MappingProxyType(
    {
        LOGIN_PATH: {"GET": get_login, "POST": post_login},
        "/user/logout": {"POST": post_logout},
        "/login/oauth/authorize": {"GET": get_authorize},
        GRANT_PATH: {"POST": post_grant},
        APPLICATIONS_PATH: {"GET": get_applications},
    }
)


def answer_at_desk(world: World, request: Request, path: str) -> Answer | None:
    """Answer what has to do with signing in, or nothing where *path* has not."""
    try:
        if path in PROGRAMS:
            program = PROGRAMS[path].get(request.method)
            return method_not_allowed("OPTIONS") if program is None else program(world, request)
        if path in BROWSERS:
            page = BROWSERS[path].get(request.method)
            return method_not_allowed("OPTIONS") if page is None else page(open_visit(world, request))
        match path.removeprefix(f"{APPLICATIONS_PATH}/oauth2/").split("/"):
            case [raw_application, "revoke", raw_grant] if request.method == "POST":
                return post_revoke(open_visit(world, request), raw_application, raw_grant)
            case _:
                return None
    except Refusal as refusal:
        return refusal.answer
