"""The hardened HTTP server: Hypercorn's Trio worker, made fit to face clients that nobody knows.

Hypercorn 0.18 parses and writes HTTP; these rooms subclass its classes, one reason per override, and own
everything around them: listening, accepting, lifetimes, deadlines and limits.

    sockets.open_listeners(host, port, *, backlog=2048) -> list[trio.SocketListener]
    sockets.bound_port(listener) -> int
    tls.open_tls_context(certificate_file, key_file) -> ssl.SSLContext

    serve.serve(
        app: Application,                       # model.asgi: a plain ASGI 3 callable; no lifespan is run
        listeners: Sequence[trio.SocketListener],
        *,
        limits: ConnectionLimits,
        trusted_proxies: Callable[[str], bool], # is this address one of ours?
        tls: ssl.SSLContext | None,
        shutdown: trio.Event,                   # set: the drain begins
        grace_s: float,                         # what requests in flight may still take
        log: Log,                               # structlog's shape: warning(event, **fields), error(event, **fields)
        task_status=...,                        # started(RunningServer): .statistics() -> ServerStatistics
    ) -> None                                   # returns when the last connection is gone

WebSockets come as ASGI's scope `websocket`, over HTTP/1.1 only; what an application may rely on stands in `websockets`.

Laws:
    1. A connection's fault ends that connection, and nothing else.
    2. Every wait for a peer has a deadline, and every queue a size.
    3. A closed connection keeps neither a task nor a file descriptor.
    4. Two calls of `serve` share nothing.

Not here: routes, middleware and what they answer (the rest of `web`), signals and the order of start and
stop (supervisor), and who may see what (gateway). A peer is never trusted; the ASGI app is, except that its
exceptions are contained.
"""
