"""Makes a round's result from an .npz file; the gateway serves it once it is on the topic.

python3 examples/kafka/publish_result.py 7 model.npz | kcat -b 127.0.0.1:9092 -P -t federated_aggregation_results -k 7
"""
import base64, hashlib, json, struct, sys, time, uuid
import numpy as np

def fedwt(arrays):
    """Arrays, by name, as a FEDWT001 stream."""
    metadata = json.dumps({"layer_names": list(arrays)}).encode()
    head = b"FEDWT001" + struct.pack("<II", len(arrays), len(metadata)) + metadata
    for array in arrays.values():
        dtype = str(array.dtype).encode()
        head += struct.pack(f"<B{array.ndim}IB", array.ndim, *array.shape, len(dtype)) + dtype + struct.pack("<Q", array.size)
    records = (struct.pack("<IBQ", i, 0, a.nbytes) + a.tobytes() for i, a in enumerate(arrays.values()))
    return head + b"".join(records)

round_number, now = int(sys.argv[1]), time.time()
payload = fedwt(dict(np.load(sys.argv[2])))
header = {"format": "binary_custom", "compression": "none", "checksum": hashlib.sha256(payload).hexdigest(),
          "original_size": len(payload), "compressed_size": len(payload), "timestamp": now, "model_version": None,
          "client_id": "aggregator", "round_number": round_number, "data_type": "aggregation_result"}
text = json.dumps(header).encode()
head = b"FEDPK001" + struct.pack("<I", len(text)) + text
message = {"message_id": str(uuid.uuid4()), "message_type": "aggregation_result", "sender_id": "aggregator",
           "timestamp": now, "round_number": round_number, "payload": base64.b64encode(head + payload).decode(),
           "metadata": {}}
signed = "".join(f"{message[name]}\n" for name in ("message_id", "message_type", "sender_id", "timestamp", "round_number"))
message["checksum"] = hashlib.sha256(signed.encode() + head).hexdigest()
print(json.dumps(message))
