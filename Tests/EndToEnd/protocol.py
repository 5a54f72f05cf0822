"""The protocol's packages and messages as another implementation has them, and the embedded log that it shares."""

import base64
import gzip
import hashlib
import json
import sqlite3
import struct
import time
import urllib.parse
import uuid
from contextlib import closing

import lz4.frame
import zstandard

COMPRESS = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.compress, "lz4": lz4.frame.compress}
EXPAND = {"none": bytes, "gzip": gzip.decompress, "lz4": lz4.frame.decompress,
          "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)}
SIGNED = ("message_id", "message_type", "sender_id", "timestamp", "round_number")


def package(payload, data_type, format="binary_custom", compression="none", **fields):
    """A payload with its head."""
    stored = COMPRESS[compression](payload)
    header = {"format": format, "compression": compression, "checksum": hashlib.sha256(stored).hexdigest(),
              "original_size": len(payload), "compressed_size": len(stored), "timestamp": time.time(),
              "model_version": "1.0", "client_id": None, "round_number": None, "data_type": data_type, **fields}
    text = json.dumps(header).encode()
    return b"FEDPK001" + struct.pack("<I", len(text)) + text + stored


def head_end(package):
    return 12 + struct.unpack_from("<I", package, 8)[0]


def unpack(package):
    """A package's header and its payload, checked and expanded."""
    assert package[:8] == b"FEDPK001"
    end = head_end(package)
    header, stored = json.loads(package[12:end]), package[end:]
    assert len(stored) == header["compressed_size"]
    assert hashlib.sha256(stored).hexdigest() == header["checksum"]
    payload = EXPAND[header["compression"]](stored)
    assert len(payload) == header["original_size"]
    return header, payload


def commit(stored, count, sender, round_number):
    """The fields of the message of a payload that went in so many chunks, in the JSON envelope."""
    whole = package(stored, "model_weights", client_id=sender, round_number=round_number,
                    chunks={"count": count, "size": len(stored)})
    return json.loads(message(whole[:head_end(whole)], sender, round_number))


def message(package, sender, round_number, message_type="weight_update", **metadata):
    """A record's value in the JSON envelope."""
    fields = {"message_id": str(uuid.uuid4()), "message_type": message_type, "sender_id": sender,
              "timestamp": time.time(), "round_number": round_number, "metadata": metadata}
    fields["checksum"] = signature(fields, package)
    return json.dumps({**fields, "payload": base64.b64encode(package).decode()}).encode()


def signature(fields, package):
    signed = "".join(f"{fields[name]}\n" for name in SIGNED).encode()
    return hashlib.sha256(signed + package[:head_end(package)]).hexdigest()


def opened(value):
    """The fields of a message, its package's header and its payload."""
    fields = json.loads(value)
    whole = base64.b64decode(fields["payload"])
    assert signature(fields, whole) == fields["checksum"]
    return fields, *unpack(whole)


def from_event(headers, value):
    """The fields of a message in the binary envelope, by its headers as text and its value."""
    assert headers["ce_specversion"] == "1.0" and headers.get("content-type", "application/vnd.fedpk") == "application/vnd.fedpk"
    fields = {"message_id": headers["ce_id"], "message_type": headers["ce_type"].removeprefix("fedgate."),
              "sender_id": urllib.parse.unquote(headers["ce_source"].removeprefix("/clients/"), errors="strict"),
              "timestamp": float(headers["ce_timestamp"]), "round_number": int(headers["ce_subject"]),
              "metadata": json.loads(headers.get("ce_metadata", "{}")), "checksum": headers["ce_checksum"]}
    assert signature(fields, value) == fields["checksum"]
    return fields


def pack_headers(headers):
    """Headers as the embedded log keeps them."""
    out = struct.pack("<I", len(headers))
    for name, value in headers.items():
        for text in (name.encode(), value.encode()):
            out += struct.pack("<I", len(text)) + text
    return out


def unpack_headers(data):
    """What `pack_headers` packed."""
    texts, place = [], 4
    while place < len(data):
        length, = struct.unpack_from("<I", data, place)
        texts.append(data[place + 4:place + 4 + length].decode())
        place += 4 + length
    assert len(texts) == 2 * struct.unpack_from("<I", data)[0]
    return dict(zip(texts[::2], texts[1::2]))


class EmbeddedLog:
    """The log of a gateway that is not on Kafka; to be written to while no gateway runs."""

    def __init__(self, data):
        self.path = data / "log" / "log.sqlite"

    def values(self, topic):
        with closing(sqlite3.connect(self.path)) as log:
            return [value if file is None else self.large(file, start, size) for value, file, start, size in log.execute(
                "SELECT value, file, start, size FROM record WHERE topic = ? ORDER BY offset", [topic.encode()])]

    def large(self, file, start, size):
        """A value that lies beside the database."""
        with open(self.path.parent / f"values-{file:06}", "rb") as values:
            values.seek(start)
            return values.read(size)

    def headers(self, topic):
        with closing(sqlite3.connect(self.path)) as log:
            return [unpack_headers(headers) for headers, in log.execute(
                "SELECT headers FROM record WHERE topic = ? ORDER BY offset", [topic.encode()])]

    def append(self, topic, key, value, headers=None):
        with closing(sqlite3.connect(self.path)) as log, log:
            log.execute(
                "INSERT INTO record (topic, offset, timestamp, key, headers, value) "
                "SELECT ?1, coalesce(max(offset), -1) + 1, ?2, ?3, ?4, ?5 FROM record WHERE topic = ?1",
                [topic.encode(), int(time.time() * 1000), key.encode(), pack_headers(headers or {}), value])
