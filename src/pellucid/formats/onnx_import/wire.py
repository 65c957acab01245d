"""An ONNX file without its large arrays, which stay in the file until they are wanted.

An ONNX file is one protobuf message. Its parser copies everything into memory, and reading an array copies it
once more. Here the message is walked first (protobuf's wire format: a key, a length, the bytes), and where
a large array would follow, a reference stands instead: an external_data entry of ONNX's own, but without
the name of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from pellucid.errors import FormatError

KEPT = 1024
"""Bytes of an array up to which it stays in its place."""

LARGEST_REST = 256 << 20
"""Bytes of everything but the arrays; a network with ten thousand nodes takes a hundredth of it."""


@dataclass(frozen=True)
class Message:
    """The fields of a protobuf message that lead to arrays.

    Attributes:
        children: messages among its fields, by field number.
        arrays: names of its fields that hold an array's bytes, by field number.
    """

    children: Mapping[int, Message] = field(default_factory=dict)
    arrays: Mapping[int, str] = field(default_factory=dict)


TENSOR = Message(arrays={4: "float_data", 9: "raw_data", 10: "double_data"})
ATTRIBUTE = Message(children={5: TENSOR})
NODE = Message(children={5: ATTRIBUTE})
GRAPH = Message(children={1: NODE, 5: TENSOR})
MODEL = Message(children={7: GRAPH})

EXTERNAL_DATA, DATA_LOCATION, EXTERNAL = 13, 14, 1


def without_arrays(file: BinaryIO, size: int) -> bytes:
    """The ModelProto in a file of this many bytes, references in place of its large arrays.

    Raises:
        FormatError: not a protobuf message, or truncated.
    """
    parts: list[bytes] = []
    _copy(_Reader(file), size, MODEL, parts)
    if sum(map(len, parts)) > LARGEST_REST:
        raise FormatError(f"everything but the arrays takes more than {LARGEST_REST} bytes")
    return b"".join(parts)


class _Reader:
    """Reads a file front to back and knows where it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = file.tell()

    def take(self, count: int, end: int) -> bytes:
        """The next bytes, which lie before `end`."""
        if self.position + count > end:
            raise FormatError("truncated or corrupt: a field reaches beyond its message")
        data = self._file.read(count)
        if len(data) != count:
            raise FormatError("truncated")
        self.position += count
        return data

    def skip(self, count: int) -> None:
        """Leave bytes out."""
        self.position += count
        self._file.seek(self.position)

    def varint(self, end: int) -> tuple[int, bytes]:
        """The next number and its bytes, seven bits each, the lowest first."""
        value, raw = 0, b""
        while len(raw) < 10:
            byte = self.take(1, end)
            value |= (byte[0] & 0x7F) << (7 * len(raw))
            raw += byte
            if byte[0] < 0x80:
                return value, raw
        raise FormatError("truncated or corrupt: a number of more than 10 bytes")


def _copy(reader: _Reader, end: int, message: Message, parts: list[bytes]) -> None:
    while reader.position < end:
        key, raw = reader.varint(end)
        number, wire_type = key >> 3, key & 7
        if wire_type == 2:
            length, raw_length = reader.varint(end)
            if length > end - reader.position:
                raise FormatError("truncated or corrupt: a field reaches beyond its message")
            _copy_field(reader, number, length, raw + raw_length, message, parts)
        elif wire_type == 0:
            parts.append(raw + reader.varint(end)[1])
        elif wire_type in (1, 5):
            parts.append(raw + reader.take(8 if wire_type == 1 else 4, end))
        else:
            raise FormatError("truncated or corrupt: not a protobuf message")


def _copy_field(
    reader: _Reader, number: int, length: int, head: bytes, message: Message, parts: list[bytes]
) -> None:
    """One field with a length; `head` is its key and length as they stand in the file."""
    end = reader.position + length
    if number in message.arrays and length > KEPT:
        parts.append(_reference(message.arrays[number], reader.position, length))
        reader.skip(length)
    elif number in message.children and length > KEPT:
        inner: list[bytes] = []
        _copy(reader, end, message.children[number], inner)
        parts.append(_field(number, b"".join(inner)))
    else:
        if length > LARGEST_REST:
            raise FormatError(f"a field has at most {LARGEST_REST} bytes besides arrays, received {length}")
        parts.append(head + reader.take(length, end))


def _reference(array: str, offset: int, length: int) -> bytes:
    """Fields of a TensorProto: where its bytes are, and that they are elsewhere."""
    entries = (("array", array), ("offset", str(offset)), ("length", str(length)))
    data = b"".join(
        _field(EXTERNAL_DATA, _field(1, key.encode()) + _field(2, value.encode())) for key, value in entries
    )
    return data + _varint(DATA_LOCATION << 3) + _varint(EXTERNAL)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    raw = bytearray()
    while value > 0x7F:
        raw.append(value & 0x7F | 0x80)
        value >>= 7
    raw.append(value)
    return bytes(raw)
