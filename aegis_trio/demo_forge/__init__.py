"""The demo forge: an in-memory Gitea 1.25, a program beside the gate, and the verified fake of every test.

Laws:
    1. It speaks for a real Gitea 1.25.4 only where a recorded exchange proves it (tests/demo_forge/claims.txt); what
       follows Gitea's source alone says so in its room, and a route that nobody proved answers 501.
    2. Its git objects are real: ids are the SHA-1 that git would compute.
    3. Nothing of the gate imports it but `cli`; it imports nothing of the gate but `model`.

Rooms: `world`, `issues`, `discussions`, `builds`, `releases` and `inbox` (what the forge holds), `changes` (how a test
changes it), `accounts` and `permissions` (who may see what), `git_store`, `git_history`, `git_lines`, `git_diff` and
`git_patch` (objects), `wire` and `server` (sockets), `router` and `forge` (one request to one answer), `areas/*` (one
room per part of Gitea's API), `sign_ins`, `oauth_tokens` and `pages/*` (signing in with a browser, and OAuth),
`demo_*` (a small believable world).

Not here: writes over HTTP but for OAuth applications; they come with the issues that need them.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("dulwich") is None:
    raise ModuleNotFoundError(
        "the demo forge holds real git objects with dulwich, which is not installed: pip install 'aegis-trio[demo]'",
        name="dulwich",
    )
