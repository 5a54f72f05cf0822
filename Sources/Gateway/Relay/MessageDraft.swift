internal import Digests
internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import WireJSON

/// What the head of a request says of a small message, checked before its body is read.
struct MessageDraft: Sendable {
    let type: MessageType
    let topic: String
    let senderID: String
    private let digest: ContentDigest
    /// W3C trace context, carried to the record.
    let traceHeaders: [RecordHeader]
    /// What makes a command sent again the same one.
    let idempotencyKey: String?

    init(
        _ type: MessageType, from senderID: String, _ digest: ContentDigest, _ traceHeaders: [RecordHeader] = [],
        idempotencyKey: String? = nil
    ) {
        self.type = type
        self.senderID = senderID
        self.digest = digest
        self.traceHeaders = traceHeaders
        self.idempotencyKey = idempotencyKey
        topic = type == .trainingCommand ? TopicName.control : TopicName.clients
    }

    init(_ request: borrowing Request, _ type: MessageType, from senderID: String) throws(Failure) {
        _ = try Query(request, known: [])
        let digest = try ContentDigest(request.header("Content-Digest"))
        try Self.check(type: request.header("Content-Type"), coding: request.header("Content-Encoding"))
        if request.contentLength ?? 0 > UInt64(SmallMessage.mostBytes) {
            throw UploadRequest.tooLarge(SmallMessage.mostBytes)
        }
        let trace = ["traceparent", "tracestate"].compactMap { name in
            request.header(name).map { RecordHeader(name, Array($0.utf8)) }
        }
        // A report that comes twice does no harm, and the last registration counts.
        let key = type == .trainingCommand ? try IdempotencyKey.parse(request.header("Idempotency-Key")) : nil
        self.init(type, from: senderID, digest, trace, idempotencyKey: key)
    }

    private static func check(type: String?, coding: String?) throws(Failure) {
        // What curl says of the body of -d is admitted, too.
        let admitted: Set<String> = ["application/json", "application/x-www-form-urlencoded"]
        if let type {
            let name = type.prefix { $0 != ";" }.trimmed().lowercased()
            guard admitted.contains(name) || name.hasPrefix("application/") && name.hasSuffix("+json") else {
                throw Failure(.unsupportedFormat, "Content-Type \"\(type)\": a message has to be application/json")
            }
        }
        if let coding, coding.trimmed().lowercased() != "identity" {
            throw Failure(.unsupportedEncoding, "Content-Encoding \"\(coding)\": a message has to come as it is")
        }
    }

    /// What a body says.
    struct Content: Sendable {
        let text: MessageText
        /// The round that it names, or 0.
        let round: Int64
        /// SHA-256 of the bytes as they were sent, lowercase hex.
        let digest: String
    }

    /// Reads the body.
    func read(_ body: [UInt8]) throws(Failure) -> Content {
        let sha256 = body.withUnsafeBytes { Hex.encode(SHA256.digest(of: $0)) }
        try digest.verify(
            sha256: sha256,
            sha512: digest.sha512 == nil ? nil : body.withUnsafeBytes { SHA512.digest(of: $0) })
        let result = body.withUnsafeBytes { bytes in
            Result { () throws(MessageText.Fault) in try MessageText.read(bytes) }
        }
        let (text, members): (MessageText, [String: JSONValue])
        switch result {
        case .success(let read): (text, members) = read
        case .failure(let fault): throw Failure(.badRequest, "the body: \(fault.reason)")
        }
        var round: Int64 = 0
        if let named = members["round_number"], named != .null {
            let most = WholeNumber.largest
            guard let value = named.integerValue, 0...most ~= value else {
                throw Failure(
                    .badRequest, "the body: round_number has to be a whole number from 0 to \(most)",
                    limit: named.integerValue.map { $0 < 0 ? 0 : UInt64(most) })
            }
            round = value
        }
        if type != .trainingCommand, let named = members["client_id"] {
            guard case .string(let name) = named else {
                throw Failure(.badRequest, "the body: client_id has to be a string")
            }
            guard name == senderID else {
                throw Failure(
                    .clientConflict, "the body: client_id is another one than that of the path, \"\(senderID)\"")
            }
        }
        return Content(text: text, round: round, digest: sha256)
    }
}
