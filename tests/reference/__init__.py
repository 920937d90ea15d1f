"""Real servers beside ours, for comparison and conformance: LiveKit's own server and tools, Janus, and our relay.

    from tests.reference.programs import lk, skip_without
    from tests.reference.servers import janus, livekit_server, relay

    skip_without("livekit-server")                     # prints why, and skips, where it cannot be had
    with livekit_server(webhooks=["http://127.0.0.1:9/hook"]) as server:
        server.url        # "http://127.0.0.1:PORT"; `server.socket_url` is the same as ws://
        server.key, server.secret                      # API key and secret (Janus has none)
        server.name       # "livekit-server", "janus" or "relay"
        server.pids()     # every process of it now, children too
        server.log        # path of what it prints

`livekit_server()`, `relay()` and `janus(address)` take the same form: they wait until the server answers, everything
listens on loopback ports that were free, and the processes end with the block (and with the test run, however that
ends). Janus, and `lk load-test`, need an address that is not loopback (`address=`): `network.isolate()`
makes one of this process's own.
`livekit_server(extra={...})` merges more into its configuration, `relay(arguments=[...])` adds to the command line.
`python -m tests.reference` builds what can be built and says what is there.
"""
