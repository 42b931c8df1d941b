"""The server, and who is calling."""

from __future__ import annotations

from tests.toolsets.calls import Sample

SAMPLES = {"get_me": Sample({}, "user"), "get_server_version": Sample({}, "version")}
