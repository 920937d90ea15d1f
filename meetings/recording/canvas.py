"""The composed picture as planes of bytes: tiles put in place row by row, labels drawn with the house's font.

Everything stays in YUV 4:2:0 as it was recorded, so a colour comes out as it went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1280, 720
BLACK, GREY = (16, 128, 128), (36, 128, 128)
LABEL_HEIGHT = 32


@dataclass(frozen=True)
class Box:
    """A place on the canvas; all numbers even."""

    x: int
    y: int
    width: int
    height: int


WHOLE = Box(0, 0, WIDTH, HEIGHT)
HEAD = Box(0, 0, WIDTH, 64)
STAGE = Box(0, 90, 960, 540)
STRIP = (Box(960, 90, 320, 180), Box(960, 270, 320, 180), Box(960, 450, 320, 180))


class Planar(Protocol):
    """A picture in three planes: (bytes, bytes in a row) each, chroma at half size."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def rows(self) -> tuple[tuple[memoryview, int], ...]: ...


@dataclass(frozen=True)
class Drawn:
    """A picture made by Pillow."""

    width: int
    height: int
    rows: tuple[tuple[memoryview, int], ...]


class Canvas:
    """One picture that is changed in place; `planes` are what an encoder is given."""

    def __init__(self) -> None:
        self.planes = [bytearray(WIDTH * HEIGHT), bytearray(WIDTH * HEIGHT // 4), bytearray(WIDTH * HEIGHT // 4)]
        self.fill(WHOLE, BLACK)

    def fill(self, box: Box, colour: tuple[int, int, int]) -> None:
        """A box of one colour."""
        for plane, (shift, value) in zip(self.planes, ((0, colour[0]), (1, colour[1]), (1, colour[2])), strict=True):
            row = bytes([value]) * (box.width >> shift)
            for y in range(box.y >> shift, (box.y + box.height) >> shift):
                at = y * (WIDTH >> shift) + (box.x >> shift)
                plane[at : at + len(row)] = row

    def put(self, picture: Planar, x: int, y: int) -> None:
        """A picture with its upper left corner at (x, y); it must fit."""
        for plane, (source, stride), shift in zip(self.planes, picture.rows, (0, 1, 1), strict=True):
            width, left = picture.width >> shift, x >> shift
            for row in range(picture.height >> shift):
                at = (row + (y >> shift)) * (WIDTH >> shift) + left
                plane[at : at + width] = source[row * stride : row * stride + width]

    def put_centred(self, picture: Planar, box: Box) -> None:
        """A picture in the middle of a box, the rest black."""
        if (picture.width, picture.height) != (box.width, box.height):
            self.fill(box, BLACK)
        x = box.x + (box.width - picture.width) // 4 * 2
        self.put(picture, x, box.y + (box.height - picture.height) // 4 * 2)


def fitted(width: int, height: int, box: Box) -> tuple[int, int]:
    """The largest even size of the same shape that fits a box."""
    scale = min(box.width / max(width, 1), box.height / max(height, 1))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


class Pen:
    """Draws labels. Without the house's fonts it falls back to the one Pillow brings, which lacks some accents."""

    def __init__(self, fonts: Path) -> None:
        self._regular = next(map(str, fonts.rglob("Tinos_400Regular.ttf")), None)
        self._bold = next(map(str, fonts.rglob("Tinos_700Bold.ttf")), None)

    def label(self, words: str, most: int) -> Drawn:
        """A name on a dark ground, as wide as it is, at most `most`."""
        font = self._font(22)
        words = _shortened(words, font, most - 20)
        width = min(most, int(font.getlength(words)) + 20) // 2 * 2
        image = Image.new("RGB", (max(width, 2), LABEL_HEIGHT), (18, 24, 38))
        ImageDraw.Draw(image).text((10, LABEL_HEIGHT // 2), words, font=font, fill=(255, 255, 255), anchor="lm")
        return _planar(image)

    def head(self, title: str, clock: str) -> Drawn:
        """The line above the pictures."""
        image = Image.new("RGB", (HEAD.width, HEAD.height), (18, 24, 38))
        draw, font = ImageDraw.Draw(image), self._font(30, bold=True)
        title = _shortened(title, font, HEAD.width - 280)
        draw.text((24, HEAD.height // 2), title, font=font, fill=(255, 255, 255), anchor="lm")
        draw.text((HEAD.width - 24, HEAD.height // 2), clock, font=self._font(26), fill=(190, 200, 215), anchor="rm")
        return _planar(image)

    def card(self, words: str, box: Box) -> Drawn:
        """Instead of a picture: the name of somebody who is only heard."""
        image = Image.new("RGB", (box.width, box.height), (36, 44, 60))
        font = self._font(max(20, box.height // 12), bold=True)
        words = _shortened(words, font, box.width - 40)
        place = (box.width // 2, box.height // 2)
        ImageDraw.Draw(image).text(place, words, font=font, fill=(255, 255, 255), anchor="mm")
        return _planar(image)

    def _font(self, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        path = self._bold if bold else self._regular
        if path is not None:
            return ImageFont.truetype(path, size)
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font


def _shortened(words: str, font: ImageFont.FreeTypeFont, most: float) -> str:
    # Directional marks have no place in a name that stands alone on a picture.
    words = "".join(char for char in words if char.isprintable())
    if font.getlength(words) <= most:
        return words
    while words and font.getlength(words + "…") > most:
        words = words[:-1]
    return words + "…"


def _planar(image: Image.Image) -> Drawn:
    """RGB to limited-range BT.601, chroma averaged."""
    luma, blue, red = image.convert("YCbCr").split()
    half = (image.width // 2, image.height // 2)
    y = luma.point([16 + v * 219 // 255 for v in range(256)])
    chroma = [v * 224 // 255 + 16 for v in range(256)]
    small = [one.resize(half, Image.Resampling.BOX).point(chroma) for one in (blue, red)]
    rows = [(memoryview(one.tobytes()), one.width) for one in (y, *small)]
    return Drawn(image.width // 2 * 2, image.height // 2 * 2, tuple(rows))
