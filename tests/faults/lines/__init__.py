"""Bad lines made on one machine: two networks joined by a process that loses, delays and thins what passes.

`python -m tests.faults.lines` measures every cell, of our relay and, where it can be built, of LiveKit's server, and
prints the table of docs/bad-lines.md. It takes root and /dev/net/tun, and contacts nothing but the two networks it
makes.
"""
