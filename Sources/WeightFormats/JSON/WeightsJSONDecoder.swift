internal import Weights
internal import WireJSON

/// Reads `{"metadata": {…}, "weights": [{"name", "shape", "dtype", "data"}]}` (protocol.md, section 2) as it arrives.
///
/// `data` is base64, or nested lists of numbers, from which the shape is taken and whose `dtype` is float32 unless the
/// array says otherwise. Keys come in any order, but nested lists before their `dtype` are kept as text until it comes,
/// so that no more than 16 MiB of them are admitted. Keys that are not known are skipped; none comes twice.
public final class WeightsJSONDecoder: WeightDecoder {
    /// What is open.
    enum Context { case root, metadata, weights, array, shape, skipped }

    /// Who takes the next bytes.
    enum Taker { case tokenizer, startOfData, base64, nested, parked }

    var budget: DecodeBudget
    var arrays: [DecodedArray] = []
    var names = ArrayNames()
    var builder = JSONTreeBuilder()

    var tokenizer: JSONTokenizer
    var taker = Taker.tokenizer
    var contexts: [Context] = []
    /// Of the value that comes next, in the root or an array.
    var key = ""
    var keys: Set<String> = []
    var arrayKeys: Set<String> = []
    /// Lists and objects that are open within the metadata or a value that is skipped.
    var depth = 0
    /// Of the next byte.
    var offset: UInt64 = 0

    var draft = ArrayDraft(index: 0, offset: 0)
    var dataStart = 0
    /// Bytes of the elements, where type and shape came before them.
    var expectedBytes: Int?
    var base64: Base64Stream?
    var nested: NestedNumbers?
    var parked: ParkedText?
    lazy var writer = ElementWriter()

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) {
        budget = DecodeBudget(limits: limits)
        tokenizer = JSONTokenizer(maximumToken: limits.metadataBytes)
    }

    /// Takes the next bytes.
    ///
    /// - Throws: `WeightFailure` naming the field, the array and the offset.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        let origin = offset
        var place = 0
        while place < piece.count {
            if taker == .tokenizer {
                if let event = try tokenizer.next(piece, &place, origin: origin) { try take(event, to: sink) }
            } else {
                place = try takeData(piece, from: place, origin: origin, to: sink)
            }
        }
        offset = origin + UInt64(piece.count)
    }

    /// Ends the body.
    ///
    /// - Throws: `WeightFailure` when it is incomplete or has no array.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        if taker == .tokenizer, let event = try tokenizer.finish() { try take(event, to: sink) }
        guard tokenizer.isComplete else {
            throw failure("the body ends here, in the middle of \(expectation)", at: offset)
        }
        guard !arrays.isEmpty else {
            let what = keys.contains("weights") ? "weights is empty" : "weights is missing"
            throw failure(what + "; an upload has at least one array", at: offset)
        }
        return DecodedWeights(arrays: arrays, metadata: builder.value?.objectValue ?? [:])
    }

    /// Of arrays whose `name` has come.
    public func name(ofArray index: Int) -> String? { arrays.name(of: index, or: draft) }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, array: contexts.contains(.array) ? draft.index : nil, limit: limit)
    }

    private var expectation: String {
        guard taker == .tokenizer else { return "data" }
        return switch contexts.last {
        case nil, .root: "the outermost object"
        case .metadata: "metadata"
        case .weights: "weights"
        case .array: "an array's object"
        case .shape: "shape"
        case .skipped: "the value of \(key.quoted)"
        }
    }
}
