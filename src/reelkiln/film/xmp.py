"""IPTC's digital source type in a film or picture: where programs look that know nothing of C2PA.

IPTC asks generators to write the term trainedAlgorithmicMedia into the XMP packet of images and
videos (iptc.org, Photo Metadata User Guide, "Guidance for using Digital Source Type"); its Video
Metadata Hub names the property Iptc4xmpExt:DigitalSourceType. In an MP4 the packet is the body of a
`uuid` box (Adobe, XMP Specification Part 3, "MPEG-4").
"""

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from reelkiln.film.boxes import Box

__all__ = ["AI_TYPES", "MADE_BY_AI", "PACKET", "source_types", "xmp_box"]

MADE_BY_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""Media made by a model that was trained on samples (cv.iptc.org/newscodes/digitalsourcetype)."""

AI_TYPES = frozenset(
    {
        MADE_BY_AI,
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
        "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData",
    }
)
"""The terms that say: a trained model made all of it, or part of it."""

UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
BYTES_MAX = 2**20
BOXES_MAX = 16

PACKET = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType="{MADE_BY_AI}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
"""The packet as text, for a picture's own place for it."""

# Not an XML parser: a packet from anywhere may be built to break one, and one term is looked for.
_TYPE = re.compile(
    rb"""DigitalSourceType\s*(?:=|>|rdf:resource\s*=)\s*["']?\s*(https?://[\w./-]{1,200})"""
)


def xmp_box() -> bytes:
    """The whole box, to lie at the top level of an MP4."""
    body = UUID + PACKET.encode()
    return struct.pack(">I4s", 8 + len(body), b"uuid") + body


def source_types(file: BinaryIO, boxes: tuple[Box, ...]) -> tuple[str, ...]:
    """The digital source types that the XMP packets of a film name, in order, without repetition.

    At most 16 packets are looked into, a mebibyte of each.
    """
    return tuple(dict.fromkeys(_found(file, boxes)))


def _found(file: BinaryIO, boxes: tuple[Box, ...]) -> Iterator[str]:
    notes = [box for box in boxes if box.path == "uuid"][:BOXES_MAX]
    for box in notes:
        file.seek(box.body)
        if file.read(len(UUID)) == UUID:
            packet = file.read(min(BYTES_MAX, max(0, box.end - box.body - len(UUID))))
            for match in _TYPE.finditer(packet):
                yield match[1].decode("ascii", "replace").replace("https://", "http://", 1)
