internal import Weights
internal import WireJSON

/// Reads weights by msgpack-numpy's convention (protocol.md, section 2) as they arrive.
///
/// The body is a map of `metadata` and `weights`, a bare list of arrays, or one array. Keys may be bin or str and come
/// in any order; those that are not known are skipped, and none comes twice. A NumPy scalar (`nd` false) is an array
/// of no dimensions. Pickled objects (`kind` O) are refused, and so are structured types (`kind` V).
public final class MessagePackDecoder: WeightDecoder {
    /// A map or list that is open.
    struct Frame {
        enum Kind {
            /// Turns into an array when its first known key is one of an array.
            case root
            case weights, array, shape, metadata
        }

        var kind: Kind
        var isMap: Bool
        /// Entries or elements that have not ended.
        var left: UInt64
        /// Of the value that comes next, in a map.
        var key: String?
    }

    /// What the bytes of a text are for.
    enum Payload { case key, type, kind, name, metadata, data, skipped }

    var budget: DecodeBudget
    var arrays: [DecodedArray] = []
    var names = ArrayNames()
    var builder = JSONTreeBuilder()

    var tokenizer = MessagePackTokenizer()
    var frames: [Frame] = []
    var isComplete = false
    /// Keys of the root that came.
    var rootKeys: Set<String> = []

    /// Of the next byte.
    var offset: UInt64 = 0
    /// Of the token that is being read.
    var start: UInt64 = 0
    var payload: Payload?
    /// Bytes of the payload that are missing.
    var left: UInt64 = 0
    var text: [UInt8] = []
    /// Values that are not wanted and have not ended.
    var skipping: UInt64 = 0

    var draft = ArrayDraft(index: 0, offset: 0)
    var arrayKeys: Set<String> = []
    var isArray: Bool?
    var dataStart = 0

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { budget = DecodeBudget(limits: limits) }

    /// Takes the next bytes.
    ///
    /// - Throws: `WeightFailure` naming the field, the array and the offset.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var place = 0
        while place < piece.count {
            guard let payload else {
                if isComplete { throw failure("bytes left over behind the end", at: offset) }
                if tokenizer.isBetween { start = offset }
                let token = tokenizer.take(piece[place])
                place += 1
                offset += 1
                if let token { try take(token) }
                continue
            }
            let count = Int(min(left, UInt64(piece.count - place)))
            let part = UnsafeRawBufferPointer(rebasing: piece[place..<place + count])
            switch payload {
            case .data: try budget.append(part, to: sink, at: offset, array: draft.index)
            case .skipped: break
            case .key, .type, .kind, .name, .metadata: text.append(contentsOf: part)
            }
            place += count
            offset += UInt64(count)
            left -= UInt64(count)
            if left == 0 { try completePayload() }
        }
    }

    /// Ends the body.
    ///
    /// - Throws: `WeightFailure` when it is incomplete or has no array.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        guard isComplete else { throw failure("the body ends here, in the middle of \(expectation)", at: offset) }
        guard !arrays.isEmpty else { throw failure("weights is empty; an upload has at least one array", at: offset) }
        return DecodedWeights(arrays: arrays, metadata: builder.value?.objectValue ?? [:])
    }

    /// Of arrays whose `name` has come.
    public func name(ofArray index: Int) -> String? { arrays.name(of: index, or: draft) }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        let isArray = frames.contains { $0.kind == .array }
        return WeightFailure(reason, at: offset, array: isArray ? draft.index : nil, limit: limit)
    }

    private var expectation: String {
        guard let frame = frames.last else { return "its first value" }
        if payload == .data { return "data, \(left) bytes missing" }
        return switch frame.kind {
        case .root: "the outermost map, \(frame.left) entries missing"
        case .weights: "weights, \(frame.left) arrays missing"
        case .array: "an array's map, \(frame.left) entries missing"
        case .shape: "shape"
        case .metadata: "metadata"
        }
    }
}
