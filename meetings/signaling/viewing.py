"""Which layer of a simulcast video a subscriber needs for the size it shows the picture at."""

from __future__ import annotations

from meetings.signaling.model import Track
from meetings.signaling.requests import View

HIGHEST = 2
_TOLERANCE = 0.9  # a picture a tenth smaller than its tile is not worth the next layer's bandwidth


def spatial_for(track: Track, view: View) -> int:
    """The smallest layer that fills the tile, if the subscriber gave its size; else the quality it asked for."""
    if not (view.width and view.height):
        return min(max(view.quality, 0), HIGHEST)
    for layer in track.request.layers:
        if layer.width >= view.width * _TOLERANCE or layer.height >= view.height * _TOLERANCE:
            return layer.spatial
    return HIGHEST
