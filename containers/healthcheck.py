"""Health of the gate in this container, as an exit status: 0 when `/healthz` answers 200, else 1 and the reason.

It asks over loopback with the standard library alone, so the image needs no curl. `/healthz` says whether the process
lives; whether Gitea can be reached is `/readyz`, and restarting the gate would not mend that.
"""

from __future__ import annotations

import http.client
import os
import ssl
import sys

TIMEOUT_S = 4.0  # below the 5 s that the image's HEALTHCHECK allows


def main() -> int:
    """Ask once."""
    port = int(os.environ.get("PORT") or "8080")
    connection: http.client.HTTPConnection
    if os.environ.get("TLS_CERT_FILE"):
        # Trade: loopback inside our own container, where the certificate's name is never "127.0.0.1".
        unverified = ssl._create_unverified_context()  # noqa: S323, SLF001 -- see the line above
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT_S, context=unverified)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as fault:
        print(f"healthcheck: no answer on port {port}: {fault}")
        return 1
    finally:
        connection.close()
    if status != http.client.OK:
        print(f"healthcheck: /healthz answers {status}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
