"""AV1's dependency descriptor: layers, keyframes and frame numbers are read out of it; damage does no harm."""

from __future__ import annotations

from meetings.signaling.media import av1, vp8
from tests.unit.signaling.media.mutations import mutations

NEXT_TEMPORAL, NEXT_SPATIAL, LAST = 1, 2, 3
# Two spatial layers of two temporal ones each: templates S0T0, S0T1, S1T0, S1T1, a decode target for each.
LAYERS = [(0, 0), (0, 1), (1, 0), (1, 1)]
STEPS = [NEXT_TEMPORAL, NEXT_SPATIAL, NEXT_TEMPORAL, LAST]
SWITCH, DISCARDABLE, ABSENT = 2, 1, 0


def descriptor(
    template: int, number: int, *, starts: bool = True, ends: bool = True, structure: bool = False, offset: int = 5
) -> bytes:
    """What a packet of this template (counted from 0) carries."""
    bits = f"{starts:b}{ends:b}{(template + offset) % 64:06b}{number:016b}"
    if structure:
        bits += "10000" + f"{offset:06b}{len(LAYERS) - 1:05b}" + "".join(f"{step:02b}" for step in STEPS)
        bits += "".join(f"{_indication(layer, target):02b}" for layer in LAYERS for target in LAYERS)
    return int(bits.ljust((len(bits) + 7) // 8 * 8, "0"), 2).to_bytes((len(bits) + 7) // 8, "big")


def _indication(layer: tuple[int, int], target: tuple[int, int]) -> int:
    if layer[0] > target[0] or layer[1] > target[1]:
        return ABSENT
    return SWITCH if layer == target else DISCARDABLE


def read(reader: av1.Reader, data: bytes) -> vp8.Picture:
    picture = reader.read(data)
    assert picture is not None
    return picture


def test_a_keyframe_brings_the_layers_of_what_follows() -> None:
    reader = av1.Reader()
    key = read(reader, descriptor(0, 7, structure=True))
    assert (key.starts, key.keyframe, key.spatial, key.temporal, key.picture_id) == (True, True, 0, 0, 7)
    found = [read(reader, descriptor(template, 8)) for template in range(4)]
    assert [(one.spatial, one.temporal) for one in found] == LAYERS
    assert [one.starts for one in found] == [True, True, False, False]
    assert not any(one.keyframe for one in found)
    assert all(one.sync for one in found)


def test_the_number_of_a_template_wraps() -> None:
    reader = av1.Reader()
    read(reader, descriptor(0, 1, structure=True, offset=62))
    assert read(reader, descriptor(3, 2, offset=62)).spatial == 1


def test_first_and_last_packets_of_a_frame_are_told_apart() -> None:
    reader = av1.Reader()
    read(reader, descriptor(0, 1, structure=True))
    middle = read(reader, descriptor(0, 1, starts=False, ends=False))
    assert (middle.starts, middle.ends) == (False, False)
    assert read(reader, descriptor(2, 2, ends=True)).ends


def test_nothing_is_known_before_the_first_keyframe() -> None:
    reader = av1.Reader()
    assert reader.read(descriptor(0, 1)) is None
    assert reader.read(b"") is None
    read(reader, descriptor(0, 1, structure=True))
    assert reader.read(descriptor(9, 2)) is None, "no such template"


def test_frame_numbers_go_on_over_a_switch_in_sixteen_bits() -> None:
    reader = av1.Reader()
    read(reader, descriptor(0, 0, structure=True))
    last, following = read(reader, descriptor(1, 65_535)), read(reader, descriptor(0, 40_000, structure=True))
    offsets = vp8.continued(last, vp8.UNCHANGED, following)
    changed = av1.renumbered(following, offsets)
    assert read(reader, changed).picture_id == 0
    assert changed[3:] == following.descriptor[3:]
    assert av1.renumbered(following, None) == following.descriptor


def test_without_a_descriptor_a_new_sequence_is_where_a_decoder_begins() -> None:
    begins, goes_on = av1.parse(b"\x18obus"), av1.parse(b"\x10obus")
    assert begins is not None
    assert goes_on is not None
    assert (begins.keyframe, goes_on.keyframe) == (True, False)
    assert av1.parse(b"") is None


def test_damaged_descriptors_raise_nothing() -> None:
    reader = av1.Reader()
    for data in mutations([descriptor(0, 7, structure=True), descriptor(3, 8), descriptor(1, 9, structure=True)]):
        reader.read(data)
