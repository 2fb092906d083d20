"""Arrays in Matlab files of version 5 to 7, the part of the format that data sets use.

After a header of 128 bytes come elements of a tag (type, bytes) and their data, filled up
to 8 bytes; a matrix is an element of elements, which may be packed by zlib ("MAT-File
Format", The MathWorks). SciPy reads the whole format, but a damaged file can crash it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 128
_BYTE_ORDERS = {b"IM": "<", b"MI": ">"}  # the last two bytes of the header
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMBER_CLASSES = range(6, 16)  # double, single and the integers; below are cells, text and the like
_COMPLEX = 0x0800
_TAG_BYTES = 8
_SMALL_BYTES = 4  # data so short lie inside of the tag, whose upper half of the type is their length
_UNPACKED_AT_MOST = 1 << 30

Element = tuple[int, bytes]


def matlab_array(content: bytes, name: str) -> NDArray[Any] | None:
    """The array of real numbers that bears a name, with Matlab's axes; None where none does.

    Args:
        content: of the file.
        name: of the variable.

    Raises:
        ValueError: not such a file, damaged, or the variable holds something else.
    """
    order = _BYTE_ORDERS.get(content[_HEADER_BYTES - 2 : _HEADER_BYTES])
    if order is None:
        raise ValueError("not a Matlab file of version 5 to 7")
    for element in _elements(content[_HEADER_BYTES:], order):
        kind, data = _unpacked(element, order)
        if kind != _MATRIX:
            continue
        parts = list(islice(_elements(data, order), 4))
        if len(parts) >= 3 and parts[2][1] == name.encode("ascii"):
            return _array(parts, order)
    return None


def _elements(content: bytes, order: str) -> Iterator[Element]:
    """Type and data of each element."""
    start = 0
    while start < len(content):
        if start + _TAG_BYTES > len(content):
            raise ValueError("it ends within a tag")
        kind, size = struct.unpack_from(f"{order}II", content, start)
        begin, after = start + _TAG_BYTES, start + _TAG_BYTES + size
        if kind >> 16:
            kind, size, begin, after = kind & 0xFFFF, kind >> 16, start + _TAG_BYTES - _SMALL_BYTES, start + _TAG_BYTES
        if begin + size > len(content) or begin + size > after:
            raise ValueError(f"an element of {size} bytes is longer than what holds it")
        yield kind, content[begin : begin + size]
        start = after if kind == _COMPRESSED else after + -after % _TAG_BYTES


def _unpacked(element: Element, order: str) -> Element:
    """The element that a packed one holds; any other as it is."""
    kind, data = element
    if kind != _COMPRESSED:
        return element
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, _UNPACKED_AT_MOST)
    except zlib.error as error:
        raise ValueError(f"packed data are damaged ({error})") from error
    if not unpacker.eof:
        raise ValueError("packed data are cut off, or too long")
    return next(_elements(unpacked, order), (0, b""))


def _array(parts: list[Element], order: str) -> NDArray[Any]:
    """The array of a matrix: flags, sizes, name and numbers."""
    flags, sizes = (np.frombuffer(data[: len(data) // 4 * 4], f"{order}u4").tolist() for _, data in parts[:2])
    if not flags or flags[0] & 0xFF not in _NUMBER_CLASSES or flags[0] & _COMPLEX:
        raise ValueError("the variable is not an array of real numbers")
    if len(parts) < 4 or parts[3][0] not in _NUMBERS:
        raise ValueError("the numbers of the variable are missing")
    numbers, data = np.dtype(order + _NUMBERS[parts[3][0]]), parts[3][1]
    # Sizes that do not fit the numbers are a ValueError of NumPy.
    array: NDArray[Any] = np.frombuffer(data, numbers).reshape(sizes, order="F")
    return array
