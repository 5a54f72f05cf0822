/// An implementation of protocol.md, sections 3 and 4, in Python's standard library alone.
enum PythonScripts {
    private static let common = #"""
        import base64, datetime, hashlib, json, struct, sys, urllib.parse
        directory = sys.argv[1]
        def get(name):
            with open(directory + "/" + name, "rb") as file: return file.read()
        def put(name, data):
            with open(directory + "/" + name, "wb") as file: file.write(data)
        def sha(data): return hashlib.sha256(data).hexdigest()
        def message_checksum(id, type, sender, timestamp, round, head):
            fields = "\n".join([id, type, sender, repr(timestamp), str(round)]) + "\n"
            return sha(fields.encode() + head)

        """#

    /// Reads `N.value` and `N.headers` as far as they go, and compares the payload to `N.payload`.
    static let reads =
        common + #"""
            import os
            def header(package):
                assert package[:8] == b"FEDPK001"
                end = 12 + struct.unpack("<I", package[8:12])[0]
                return package[:end], json.loads(package[12:end]), package[end:]
            def check(n):
                value, headers = get(f"{n}.value"), json.loads(get(f"{n}.headers"))
                wanted = json.loads(get(f"{n}.message"))
                if headers:
                    h = dict(headers)
                    assert list(h) == ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_subject",
                        "ce_checksum", "ce_timestamp", "ce_metadata", "content-type"], list(h)
                    assert h["ce_specversion"] == "1.0" and h["content-type"] == "application/vnd.fedpk"
                    assert h["ce_type"].startswith("fedgate.") and h["ce_source"].startswith("/clients/")
                    assert h["ce_timestamp"] == repr(float(h["ce_timestamp"]))
                    time = datetime.datetime.fromisoformat(h["ce_time"].replace("Z", "+00:00"))
                    assert abs(time.timestamp() - float(h["ce_timestamp"])) < 0.001
                    m = dict(message_id=h["ce_id"], message_type=h["ce_type"][8:],
                        sender_id=urllib.parse.unquote(h["ce_source"][9:]), timestamp=float(h["ce_timestamp"]),
                        round_number=int(h["ce_subject"]), metadata=json.loads(h["ce_metadata"]), checksum=h["ce_checksum"])
                    assert urllib.parse.quote(m["sender_id"], safe="") == h["ce_source"][9:]
                    package = value
                else:
                    m = json.loads(value.decode("utf-8"))
                    assert list(m) == ["message_id", "message_type", "sender_id", "timestamp", "round_number", "payload",
                        "metadata", "checksum"], list(m)
                    assert type(m["timestamp"]) is float
                    assert b'"timestamp":' + repr(m["timestamp"]).encode() + b"," in value
                    package = base64.b64decode(m["payload"], validate=True)
                for name in wanted: assert m[name] == wanted[name], (name, m[name], wanted[name])
                head, p, stored = header(package)
                assert m["checksum"] == message_checksum(m["message_id"], m["message_type"], m["sender_id"],
                    m["timestamp"], m["round_number"], head)
                assert list(p) == ["format", "compression", "checksum", "original_size", "compressed_size", "timestamp",
                    "model_version", "client_id", "round_number", "data_type", "checksum_algorithm", "filter",
                    "metadata"], list(p)
                assert p["checksum"] == sha(stored) and p["compressed_size"] == len(stored)
                assert p["timestamp"] == m["timestamp"] and type(p["timestamp"]) is float
                assert p["client_id"] == m["sender_id"] and p["metadata"] == m["metadata"]
                payload = get(f"{n}.payload")
                assert p["original_size"] == len(payload)
                if p["compression"] == "none": assert stored == payload
            n = 0
            while os.path.exists(f"{directory}/{n}.value"):
                check(n)
                n += 1
            assert n > 0
            """#

    /// Writes one message in both envelopes, the JSON as Python's `json.dumps` gives it.
    static let writes =
        common + #"""
            payload = bytes(range(256)) * 40
            metadata = {"num_samples": 7, "note": "é\n\"/", "nested": {"x": [1.5, None, True]}}
            id, type, sender, timestamp, round = "0190-py", "weight_update", "zoë \"q\" 7", 1700000000.1234567, 5
            header = dict(format="binary_custom", compression="none", checksum=sha(payload), original_size=len(payload),
                compressed_size=len(payload), timestamp=timestamp, model_version="1.0", client_id=sender,
                round_number=round, data_type="gradients", later_addition=[1])
            text = json.dumps(header).encode()
            head = b"FEDPK001" + struct.pack("<I", len(text)) + text
            checksum = message_checksum(id, type, sender, timestamp, round, head)
            put("payload", payload)
            put("json", json.dumps(dict(message_id=id, message_type=type, sender_id=sender, timestamp=timestamp,
                round_number=round, payload=base64.b64encode(head + payload).decode("utf-8"), metadata=metadata,
                checksum=checksum)).encode("utf-8"))
            put("binary", head + payload)
            time = datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).isoformat().replace("+00:00", "Z")
            headers = dict(ce_specversion="1.0", ce_id=id, ce_type="fedgate." + type,
                ce_source="/clients/" + urllib.parse.quote(sender, safe=""), ce_time=time, ce_subject=str(round),
                ce_checksum=checksum, ce_timestamp=repr(timestamp), ce_metadata=json.dumps(metadata))
            headers["content-type"] = "application/vnd.fedpk"
            put("headers", json.dumps(headers).encode())
            """#

    /// The `repr` of each float in `floats`, a line each.
    static let reprs =
        common + #"""
            data = get("floats")
            put("reprs", "\n".join(repr(x) for x in struct.unpack(f"<{len(data) // 8}d", data)).encode())
            """#
}
