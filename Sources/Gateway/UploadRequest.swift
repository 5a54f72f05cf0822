internal import Envelopes
internal import EventLog
internal import MicroHTTP
internal import Telemetry
internal import WireJSON

/// What an upload's target and headers say, checked before a byte of its body is read.
struct UploadRequest: Sendable {
    let round: Int64
    let clientID: String
    private(set) var modelVersion: String?
    /// What the weights mean, when it was said.
    private(set) var saidDataType: DataType?
    /// The client's own metadata, with `num_samples` when it was given.
    private(set) var metadata: [String: JSONValue]
    /// W3C trace context, carried to the record.
    let traceHeaders: [RecordHeader]
    /// Names this very upload, so that it counts once however often it is sent.
    let idempotencyKey: String?
    /// What the body has to hash to.
    let digest: ContentDigest
    /// In which form the body comes.
    private(set) var form: BodyForm
    /// The body's length where it was announced.
    private(set) var contentLength: Int?

    private static let items: Set<String> = [
        "num_samples", "model_version", "data_type", "format", "dtype", "shape",
    ]
    private static let itemsOfPost = items.union(["client_id"])
    /// What the gateway writes itself, and `num_samples`, which is a query item.
    private static let reserved = UpdateMetadata.reserved.union(["num_samples"])
}

extension UploadRequest {
    init(
        _ request: borrowing Request, round: String, clientID: String?, ownID: String? = nil, maxBody: Int,
        inParts: Bool = false
    ) throws(Failure) {
        self.round = try WholeNumber.round(round)
        let query = try Query(request, known: clientID == nil ? Self.itemsOfPost : Self.items)
        guard let clientID = clientID ?? query["client_id"] ?? ownID else {
            throw Failure(.badRequest, "say whose update this is: ?client_id=")
        }
        try Self.check(clientID)
        self.clientID = clientID
        modelVersion = query["model_version"]
        saidDataType = try Self.dataType(query["data_type"])
        var metadata = try Self.metadata(request.header("Fed-Metadata"))
        if let samples = try query.integer("num_samples", in: 1...WholeNumber.largest) {
            metadata["num_samples"] = .integer(samples)
        }
        self.metadata = metadata
        form = try BodyForm(
            query, contentType: request.header("Content-Type"), contentEncoding: request.header("Content-Encoding"))
        idempotencyKey = try IdempotencyKey.parse(request.header("Idempotency-Key"))
        digest = try ContentDigest(request.header("Content-Digest"))
        contentLength = request.contentLength.map { Int(clamping: $0) }
        if let contentLength, contentLength > maxBody { throw Self.tooLarge(maxBody) }
        if !request.hasBody, !inParts {
            throw Failure(.badRequest, "the request has no body; it has to be a weight set")
        }
        traceHeaders =
            TraceContext(
                traceparent: request.header("traceparent"), tracestate: request.header("tracestate"))?.headers ?? []
    }

    /// The same request for a body that came in parts.
    init(_ other: UploadRequest, contentLength: Int) {
        self = other
        self.contentLength = contentLength
    }

    static func tooLarge(_ limit: Int) -> Failure {
        Failure(.tooLarge, "the body may have at most \(limit) bytes", limit: UInt64(limit))
    }

    /// The id of a client.
    static func check(_ clientID: String) throws(Failure) {
        guard Identifier.check(clientID) else {
            throw Failure(
                .badRequest, "the client id has to have 1 to 128 characters, no control characters and no slash",
                limit: clientID.unicodeScalars.count > 128 ? 128 : nil)
        }
        if [".", "..", "gateway", "aggregator"].contains(clientID) {
            throw Failure(.badRequest, "the client id \"\(clientID)\" is reserved")
        }
    }

    /// What the weights mean.
    var dataType: DataType { saidDataType ?? .modelWeights }

    /// The same request in another form.
    func `as`(_ form: BodyForm) -> UploadRequest {
        var other = self
        other.form = form
        return other
    }

    /// The request with what a package's head says and it does not (http-api.md): client, round and metadata of its own go
    /// before.
    func completed(by header: PackageHeader) throws(Failure) -> UploadRequest {
        var whole = self
        whole.modelVersion = modelVersion ?? header.modelVersion
        if saidDataType == nil, [.modelWeights, .gradients].contains(header.dataType) {
            whole.saidDataType = header.dataType
        }
        // A package from the log bears what a gateway wrote there.
        var said = header.metadata.filter { !UpdateMetadata.reserved.contains($0.key) }
        if let samples = said["num_samples"], metadata["num_samples"] == nil {
            guard let count = samples.integerValue, 1...WholeNumber.largest ~= count else {
                throw Failure(
                    .malformedWeights, "package.metadata: num_samples has to be a whole number from 1 on")
            }
            said["num_samples"] = .integer(count)
        }
        whole.metadata = metadata.merging(said) { said, _ in said }
        return whole
    }

    private static func dataType(_ text: String?) throws(Failure) -> DataType? {
        guard let text else { return nil }
        let admitted: [DataType] = [.modelWeights, .gradients]
        guard let type = admitted.first(where: { $0.rawValue == text }) else {
            let names = admitted.map(\.rawValue).joined(separator: ", ")
            throw Failure(.badRequest, "query item \"data_type\" has to be one of \(names)")
        }
        return type
    }

    /// The client's own metadata, with what stood in the body; the request's goes before.
    func metadata(with fields: [String: String]) throws(Failure) -> [String: JSONValue] {
        guard !fields.isEmpty else { return metadata }
        try Self.check(fields.keys, "the part")
        return metadata.merging(fields.mapValues { .string($0) }) { said, _ in said }
    }

    private static func metadata(_ header: String?) throws(Failure) -> [String: JSONValue] {
        guard let header else { return [:] }
        guard let members = (try? JSONValue(parsing: header.utf8))?.objectValue else {
            throw Failure(.badRequest, "Fed-Metadata has to be a JSON object")
        }
        try check(members.keys, "Fed-Metadata: the key")
        return members
    }

    private static func check(_ names: some Sequence<String>, _ what: String) throws(Failure) {
        guard let name = names.filter(reserved.contains).min() else { return }
        let hint = name == "num_samples" ? "give it as a query item" : "it is the gateway's own"
        throw Failure(.badRequest, "\(what) \"\(name)\" cannot be used, \(hint)")
    }
}

extension TraceContext {
    /// As a record bears it (protocol.md, section 4).
    var headers: [RecordHeader] {
        let state = tracestate.map { [RecordHeader("tracestate", Array($0.utf8))] } ?? []
        return [RecordHeader("traceparent", Array(traceparent.utf8))] + state
    }
}
