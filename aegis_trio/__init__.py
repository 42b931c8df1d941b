"""aegis_trio: the gate between AI assistants and a self-hosted Gitea.

A remote MCP server on Trio. Where to find what (imports point downwards only; import-linter checks it):

    __main__, cli/   commands: argv → settings → supervisor       demo_forge/  an in-memory Gitea, beside the gate
    supervisor/      the nursery tree, listening sockets, drain    config/      every feature's settings, gathered once
    web/             routes, health, REST, hardened Hypercorn      transports/  Streamable HTTP, HTTP+SSE, sessions
    gateway/         the one door to every tool                    toolsets/    the tools, each a value
    auth/ gitea/ audit/ limits/                                    credentials, the forge's API, the trail, the counters
    telemetry/       logs and metrics                              policy/      pure decisions
    protocol/        MCP without input or output                   model/       the words all speak
"""

from typing import Final

__version__: Final = "0.1.0"
