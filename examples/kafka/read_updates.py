"""Reads updates from Kafka with nothing but Python's library and NumPy.

kcat -b 127.0.0.1:9092 -C -t federated_weight_updates -e -u -f '%s\n' | python3 examples/kafka/read_updates.py
"""
import base64, hashlib, json, struct, sys
import numpy as np

def weights(data):
    """The arrays of a FEDWT001 stream; dense ones, since these are what the example's updates hold."""
    assert data[:8] == b"FEDWT001"
    count, at = struct.unpack_from("<II", data, 8)
    at, specs, arrays = 16 + at, [], [None] * count
    for _ in range(count):
        shape = struct.unpack_from(f"<{data[at]}I", data, at + 1)
        at += 1 + 4 * data[at]
        specs.append((shape, data[at + 1:at + 1 + data[at]].decode()))
        at += 1 + data[at] + 8
    for _ in range(count):
        index, flag, size = struct.unpack_from("<IBQ", data, at)
        assert flag == 0, "a sparse array"
        arrays[index] = np.frombuffer(data, specs[index][1], size // np.dtype(specs[index][1]).itemsize, at + 13)
        arrays[index], at = arrays[index].reshape(specs[index][0]), at + 13 + size
    return arrays

for line in sys.stdin:
    message = json.loads(line)
    package = base64.b64decode(message["payload"])
    end = 12 + struct.unpack_from("<I", package, 8)[0]
    header, payload = json.loads(package[12:end]), package[end:]
    signed = "".join(f"{message[name]}\n" for name in ("message_id", "message_type", "sender_id", "timestamp", "round_number"))
    assert hashlib.sha256(signed.encode() + package[:end]).hexdigest() == message["checksum"], "message"
    assert hashlib.sha256(payload).hexdigest() == header["checksum"] and header["compression"] == "none", "package"
    print(message["sender_id"], "round", message["round_number"], [f"{a.dtype}{list(a.shape)}" for a in weights(payload)])
