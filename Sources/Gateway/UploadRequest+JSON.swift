internal import Envelopes
internal import EventLog
internal import WireJSON

/// A request as it is kept beside a body that comes in parts.
extension UploadRequest {
    var json: JSONValue {
        .object([
            "round": .integer(round), "client_id": .string(clientID), "data_type": Self.text(saidDataType?.rawValue),
            "model_version": Self.text(modelVersion), "metadata": .object(metadata),
            "idempotency_key": Self.text(idempotencyKey), "sha_256": Self.text(digest.sha256),
            "sha_512": Self.text(digest.sha512), "form": form.json,
            "trace": .object(
                Dictionary(traceHeaders.map { ($0.name, .string(String(decoding: $0.value, as: UTF8.self))) }) { $1 }),
        ])
    }

    /// Nil when this version did not write it.
    init?(_ json: JSONValue) {
        guard let members = json.objectValue, let round = members["round"]?.integerValue,
            let clientID = members["client_id"]?.stringValue,
            let metadata = members["metadata"]?.objectValue, let form = BodyForm(members["form"])
        else { return nil }
        self.init(
            round: round, clientID: clientID, modelVersion: members["model_version"]?.stringValue,
            saidDataType: members["data_type"]?.stringValue.flatMap { DataType(rawValue: $0) },
            metadata: metadata,
            traceHeaders: (members["trace"]?.objectValue ?? [:]).sorted { $0.key < $1.key }.map {
                RecordHeader($0.key, Array(($0.value.stringValue ?? "").utf8))
            },
            idempotencyKey: members["idempotency_key"]?.stringValue,
            digest: ContentDigest(sha256: members["sha_256"]?.stringValue, sha512: members["sha_512"]?.stringValue),
            form: form, contentLength: nil)
    }

    private static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}
