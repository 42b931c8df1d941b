"""The reference: `.env.example` and the document of every variable, made from the table."""

from __future__ import annotations

import textwrap
from typing import Final

from aegis_trio.config.table import VARIABLES
from aegis_trio.config.variable import Feature, Variable

_WIDTH: Final = 100

_EXAMPLE_HEAD: Final = """\
# Settings of the gate. Copy this file to `.env` (mode 0600) and fill in what is needed: GITEA_URL, a token of Gitea,
# and MCP_API_KEYS (`aegis-trio keygen` makes one). What is commented out shows its default.
# The environment goes before this file. Made by `aegis-trio config --example`.
"""
_MARKDOWN_HEAD: Final = """\
# Configuration

Made by `aegis-trio config --markdown` from the table that the gate itself reads; a test compares them.

Settings come from the environment, then from `.env` in the working directory (`--env-file` names another file), then
from their defaults. `.env` holds `NAME=value` lines; spaces around `=`, quotes, `export` and comments are fine, and
nothing in it is expanded. An empty value is the same as none.

Every secret `X` can be read from a file instead: `X_FILE` names it. Setting both is an error. A secret file that every
user of the machine can read is worth a warning.

The gate starts only when there is no fault. All faults are reported at once, each with variable, value (never a
secret's), rule and way out; a misspelled name is a fault that names the nearest right one. `aegis-trio config` shows
the settings that count, with the origin of each; `aegis-trio doctor` tries them.

`aegis-trio stdio` reads fewer of them, some with other defaults, and no `.env` unless it is named:
[transports.md](transports.md#stdio).
"""
_IDENTITIES: Final = """\
## As whom a key acts at Gitea

A key acts with exactly one Gitea token, and it is decided when keys are read. The first of these counts:

- its own, when its row in KEYS_DIR names a file (`gitea_token_file`);
- its own, when GITEA_KEY_TOKENS names the key by its hint;
- GITEA_TOKEN (the bot's) otherwise;
- a key with neither is a fault, and so is a hint that names no key or two.

```
MCP_API_KEYS=<alice's key>,<bob's key>
GITEA_KEY_TOKENS=a1b2c3d4...e1f2=<alice's token>,0f1e2d3c...b4a5=<bob's token>
```

The hint of a key is the first eight and last four characters of its hexadecimal body, as `aegis-trio keygen` prints it.
`aegis-trio rotate` moves the mapping along with the key. Tokens of site administrators are refused: whoever holds one
can act as anybody.

## Keys that the file does not hold

`sha256:<digest>` is the SHA-256 of a key's body in 64 hexadecimal characters, `hmac:<digest>` its HMAC-SHA256 under
AEGIS_KEY_PEPPER. `aegis-trio keygen --hash` prints the entry. A hint behind a further colon names the key for
GITEA_KEY_TOKENS, `rotate` and `key-age`: `sha256:<digest>:a1b2c3d4...e1f2`.

Keys may also stand in KEYS_DIR, as rows with a digest and their bounds: [key-rotation.md](key-rotation.md).
"""


def render_example() -> str:
    """Return `.env.example`."""
    parts = [_EXAMPLE_HEAD]
    for feature in Feature:
        parts.append(f"\n# ---- {feature.value} {'-' * (_WIDTH - len(feature.value) - 8)}\n")
        parts.extend(_example(variable) for variable in VARIABLES if variable.feature is feature)
    return "".join(parts)


def render_markdown() -> str:
    """Return the document of every variable."""
    parts = [_MARKDOWN_HEAD]
    for feature in Feature:
        parts.append(f"\n## {feature.value}\n\n| variable | default | meaning |\n|---|---|---|\n")
        parts.extend(_row(variable) for variable in VARIABLES if variable.feature is feature)
    parts.append(f"\n{_IDENTITIES}")
    return "".join(parts)


def _example(variable: Variable[object]) -> str:
    meaning = variable.meaning if variable.file_name is None else f"{variable.meaning} Or {variable.file_name}."
    comment = "\n".join(f"# {line}" for line in textwrap.wrap(meaning, _WIDTH - 2, break_on_hyphens=False))
    derived = variable.default_text.startswith("<")
    if derived:
        comment += f"\n# Default: {variable.default_text.strip('<>')}"
    value = "" if derived else variable.default_text
    return f"\n{comment}\n#{variable.name}={value}\n"


def _row(variable: Variable[object]) -> str:
    names = f"`{variable.name}`"
    if variable.file_name is not None:
        names += f", `{variable.file_name}`"
    text = variable.default_text
    default = "-" if not text else text.strip("<>") if text.startswith("<") else f"`{text}`"
    return f"| {names} | {default}{f' {variable.unit}' if variable.unit else ''} | {variable.meaning} |\n"
