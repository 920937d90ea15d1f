"""A network of this process's own: loopback and one more address, so that nothing in it can reach any other machine.

Janus offers no loopback address to its peers; here it has another one that is just as local.
"""

from __future__ import annotations

import ctypes
import os
import subprocess

from tests.reference.programs import Missing

ADDRESS = "192.0.2.77"  # RFC 5737: of no real network
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def isolate() -> str:
    """Move this process, and what it starts from now on, into a new network; gives its address. Raises Missing."""
    if _LIBC.unshare(_CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        raise Missing(f"A network namespace cannot be made here ({reason}); it takes root.")
    _ip("link set lo up")
    _ip("link add reference0 type veth peer name reference1")
    _ip(f"addr add {ADDRESS}/32 dev reference0")
    _ip("link set reference0 up")
    _ip("link set reference1 up")
    return ADDRESS


def _ip(words: str) -> None:
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"`ip {words}` failed: {done.stderr.strip()}")
