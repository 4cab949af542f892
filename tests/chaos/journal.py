"""Which tasks a journal calls done, read without any code of the program (layout: include/espalier/store/journal.hpp, src/store/records.hpp)."""
import pathlib
import struct
from dataclasses import dataclass, field

HEADER = 64
OUTCOME, RETRY = 2, 4


@dataclass
class History:
    durable: dict = field(default_factory=dict)  # key -> when its task was started, by the latest outcome that is "done"
    twice: list = field(default_factory=list)    # keys of tasks that ran again although they were done


def read(path):
    history = History()
    bytes_ = pathlib.Path(path).read_bytes() if pathlib.Path(path).exists() else b""
    offset = HEADER
    while offset + 16 <= len(bytes_):
        length, kind = struct.unpack_from("<II", bytes_, offset)
        if offset + 16 + length > len(bytes_):
            break  # a record that is being written, or was when its writer was killed
        payload = bytes_[offset + 8:offset + 8 + length]
        if kind == OUTCOME:
            failed, _, high, low, started, _ = struct.unpack_from("<BB2xQQdd", payload)
            key = f"{high:016x}{low:016x}"
            if key in history.durable:
                history.twice.append(key)
            if not failed:
                history.durable[key] = started
        elif kind == RETRY:
            for k in range(struct.unpack_from("<I", payload)[0]):
                high, low = struct.unpack_from("<QQ", payload, 4 + 16 * k)
                history.durable.pop(f"{high:016x}{low:016x}", None)
        offset += 16 + length
    return history
