"""Write the document of the manifest: `python -m tests.protocol.requirements --write`; without it, print it."""

from __future__ import annotations

import sys

from tests.protocol.requirements.document import DOCUMENT, render

if sys.argv[1:] == ["--write"]:
    DOCUMENT.write_text(render(), encoding="utf-8")
elif not sys.argv[1:]:
    sys.stdout.write(render())
else:
    sys.exit("usage: python -m tests.protocol.requirements [--write]")
