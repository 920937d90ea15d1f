"""What every parser of bytes from the network raises, and nothing else."""


class Malformed(ValueError):
    """These bytes are not what the standard says they should be; the datagram is dropped."""
