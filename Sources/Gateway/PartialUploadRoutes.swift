internal import Files
internal import MicroHTTP
internal import WireJSON

/// Uploads in parts: created with `Upload-Complete: ?0`, asked for their offset, appended to, dropped
/// (draft-ietf-httpbis-resumable-upload, interop version 8).
///
/// The draft's interim answer 104 is one that libmicrohttpd cannot send; so a client that wants to be able to resume begins
/// with a request that is complete at once, and appends to what that one made.
enum PartialUploadRoutes {
    static let type = "application/partial-upload"

    /// Whether a request creates an upload in parts.
    static func isCreation(_ request: borrowing Request) throws(Failure) -> Bool {
        guard request.header("Upload-Complete") != nil else { return false }
        return try !isComplete(request)
    }

    static func create(
        _ request: borrowing Request, _ upload: UploadRequest, _ call: Call
    ) throws(Failure) -> Acceptance {
        let length = try count(request, "Upload-Length")
        let limit = call.core.maxBody
        if let length, length > limit { throw UploadRequest.tooLarge(limit) }
        let partial = try call.core.partials.create(upload, length: length)
        return .handle(try PartialUploadAppend(call, partial, turn: partial.takeTurn().turn, .created))
    }

    static func get(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        _ = try Query(request, known: [])
        let partial = try find(call)
        // Whoever is still appending has lost its client: the offset must not move after it was told.
        let state = partial.takeTurn()
        if request.method == "HEAD" { return .reply(Response(status: 204, headers: fields(partial, state, call))) }
        var response = Answers.json([
            "offset": .integer(Int64(state.offset)), "complete": .bool(isComplete(state)),
            "length": partial.length.map { .integer(Int64($0)) } ?? .null,
            "round_number": .integer(partial.request.round), "client_id": .string(partial.request.clientID),
        ])
        response.headers += fields(partial, state, call).filter { $0.0 != "Cache-Control" }
        return .reply(response)
    }

    static func patch(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        _ = try Query(request, known: [])
        let partial = try find(call)
        guard request.header("Content-Type")?.lowercased() == type else {
            throw Failure(.unsupportedFormat, "a part has the Content-Type \(type)")
        }
        guard let offset = try count(request, "Upload-Offset") else {
            throw Failure(.badRequest, "a part needs Upload-Offset, the number of bytes that are there already")
        }
        let complete = try isComplete(request)
        let state = partial.takeTurn()
        guard offset == state.offset else {
            var failure = Failure(
                .mismatchingOffset,
                "the part begins at \(offset), but \(state.offset) bytes are there; go on from those")
            failure.offset = UInt64(state.offset)
            failure.headers = fields(partial, state, call)
            throw failure
        }
        let size = offset + (request.contentLength.map { Int(clamping: $0) } ?? 0)
        let limit = min(call.core.maxBody, partial.length ?? .max)
        guard size <= limit else { throw UploadRequest.tooLarge(limit) }
        if isComplete(state), request.hasBody { throw Failure(.uploadComplete, "all parts of this upload are there") }
        let kind: PartialUploadAppend.Kind = complete ? .last : .part
        return .handle(try PartialUploadAppend(call, partial, turn: state.turn, kind))
    }

    static func delete(_ request: borrowing Request, _ call: Call) throws(Failure) -> Acceptance {
        _ = try Query(request, known: [])
        let partial = try find(call)
        if case .storing = partial.takeTurn().phase {
            throw Failure(.uploadComplete, "the upload is complete and on its way to the log")
        }
        call.core.partials.remove(partial)
        return .reply(Response(status: 204))
    }

    /// The draft's fields of an upload's state.
    static func fields(_ partial: PartialUpload, _ state: PartialUpload.State, _ call: Call) -> [(String, String)] {
        let left = max(0, (call.core.partials.maxAge - (ContinuousClock.now - state.touched)).components.seconds)
        let length = partial.length.map { [("Upload-Length", String($0))] } ?? []
        return length + [
            ("Upload-Offset", String(state.offset)), ("Upload-Complete", isComplete(state) ? "?1" : "?0"),
            ("Upload-Limit", "max-size=\(call.core.maxBody), max-age=\(left)"), ("Cache-Control", "no-store"),
        ]
    }

    private static func find(_ call: Call) throws(Failure) -> PartialUpload {
        guard let partial = call.core.partials[call.parameters["upload_id"] ?? ""] else {
            throw PartialUploads.unknown
        }
        if let own = call.caller.clientID, own != partial.request.clientID {
            throw Failure(.forbidden, "the upload is another client's")
        }
        return partial
    }

    private static func isComplete(_ state: PartialUpload.State) -> Bool {
        if case .open = state.phase { false } else { true }
    }

    private static func isComplete(_ request: borrowing Request) throws(Failure) -> Bool {
        switch request.header("Upload-Complete") {
        case "?1": return true
        case "?0": return false
        default: throw Failure(.badRequest, "Upload-Complete has to be ?1, or ?0 when more parts follow")
        }
    }

    private static func count(_ request: borrowing Request, _ name: String) throws(Failure) -> Int? {
        guard let text = request.header(name) else { return nil }
        guard let value = WholeNumber.parse(text), value <= WholeNumber.largest else {
            throw Failure(.badRequest, "\(name) has to be a whole number of bytes")
        }
        return Int(value)
    }
}

/// Appends one request's body to an upload.
///
/// What came before a connection broke stays.
private final class PartialUploadAppend: ExchangeHandler {
    enum Kind {
        case created, part, last
    }

    private let call: Call
    private let partial: PartialUpload
    private let file: File
    private let turn: Int
    private let kind: Kind

    init(_ call: Call, _ partial: PartialUpload, turn: Int, _ kind: Kind) throws(Failure) {
        file = try partial.open()
        self.call = call
        self.partial = partial
        self.turn = turn
        self.kind = kind
    }

    func body(_ piece: UnsafeRawBufferPointer, _ exchange: Exchange) -> BodyVerdict {
        do throws(Failure) {
            let limit = min(call.core.maxBody, partial.length ?? .max)
            guard partial.now.offset + piece.count <= limit else { throw UploadRequest.tooLarge(limit) }
            let written: Bool
            do throws(FileFailure) { written = try partial.append(piece, to: file, turn: turn) } catch {
                throw PartialUploads.failure(error)
            }
            guard written else { throw Self.overtaken }
            return .consumed
        } catch {
            return .reject(call.core.refuse(error, call.id))
        }
    }

    func end(_ exchange: Exchange) -> EndVerdict {
        let state = partial.now
        switch kind {
        case .created:
            let fields = PartialUploadRoutes.fields(partial, state, call)
            return .reply(Response(status: 201, headers: [("Location", "/uploads/\(partial.id)")] + fields))
        case .part:
            return .reply(Response(status: 204, headers: PartialUploadRoutes.fields(partial, state, call)))
        case .last: return finish(state, exchange)
        }
    }

    func ended(_ exchange: Exchange, _ outcome: Outcome) {}

    private static let overtaken = Failure(.uploadOvertaken, "another request goes on with this upload")

    private func finish(_ state: PartialUpload.State, _ exchange: Exchange) -> EndVerdict {
        let (core, id) = (call.core, call.id)
        if case .stored(let receipt) = state.phase {
            return .reply(UploadOutcome.stored(receipt, isRepeat: true).response(core, id))
        }
        if let length = partial.length, state.offset != length {
            let failure = Failure(
                .badRequest, "the last part ends at \(state.offset), but Upload-Length was \(length)")
            return .reply(core.refuse(failure, id))
        }
        switch partial.beginStoring(turn: turn, { exchange.reply($0.response(core, id)) }) {
        case .overtaken: return .reply(core.refuse(Self.overtaken, id))
        case .join: break
        case .begin:
            core.replay.store(partial, core) { [partial] outcome in
                if case .stored(let receipt, _) = outcome { core.partials.stored(partial, receipt) }
                partial.settle(outcome)
            }
        }
        return .later
    }
}
