"""Which layer of a simulcast video a subscriber needs for the size it shows the picture at."""

from __future__ import annotations

from meetings.signaling.model import Track
from meetings.signaling.requests import View

HIGHEST = 2
LEAST_IMPORTANT = 7
_PROMINENT = 400  # pixels high: the picture somebody looks at, not one of a row
_TOLERANCE = 0.9  # a picture a tenth smaller than its tile is not worth the next layer's bandwidth


def spatial_for(track: Track, view: View) -> int:
    """The smallest layer that fills the tile, if the subscriber gave its size; else the quality it asked for."""
    if not (view.width and view.height):
        return min(max(view.quality, 0), HIGHEST)
    for layer in track.request.layers:
        if layer.width >= view.width * _TOLERANCE or layer.height >= view.height * _TOLERANCE:
            return layer.spatial
    return HIGHEST


def importance(view: View) -> tuple[int, bool]:
    """When not everything fits: the rank a client gave it, 0 first, and whether it is shown large."""
    rank = view.priority - 1 if view.priority > 0 else LEAST_IMPORTANT
    return min(rank, LEAST_IMPORTANT), view.height >= _PROMINENT
