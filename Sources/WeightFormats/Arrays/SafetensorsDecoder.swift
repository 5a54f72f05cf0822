internal import Weights
internal import WireJSON

/// Decodes safetensors (github.com/huggingface/safetensors, "Format"); the sink gets the body as it is.
///
/// The arrays come in the order of their data. As the format demands, they cover the data without a hole or overlap.
///
/// Thread: one at a time.
public final class SafetensorsDecoder: WeightDecoder {
    private enum Step {
        case length, header, data
    }

    /// Bytes of a header for each array that may be there, on average.
    private static let headerBytesPerArray = 256

    private let budget: DecodeBudget
    private let longestHeader: Int
    private var step = Step.length
    private var field = FieldGatherer(8)
    private var offset: UInt64 = 0
    private var end: UInt64 = 8
    private var weights = DecodedWeights(arrays: [], metadata: [:])

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) {
        budget = DecodeBudget(limits: limits)
        longestHeader = limits.metadataBytes + limits.arrays * Self.headerBytesPerArray
    }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece
        while !rest.isEmpty {
            if case .data = step {
                guard UInt64(rest.count) <= end - offset else {
                    throw WeightFailure("bytes left over behind the last array", at: end)
                }
                offset += UInt64(rest.count)
                break
            }
            let before = rest.count
            let isWhole = field.take(&rest)
            offset += UInt64(before - rest.count)
            if isWhole { try complete() }
        }
        try sink.append(piece)
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        guard case .data = step else {
            throw WeightFailure("the body ends here, in the middle of the safetensors header", at: offset)
        }
        guard offset == end else {
            let array = weights.arrays.firstIndex {
                guard case .dense(let bytes, _, _) = $0.storage else { return false }
                return UInt64(bytes.upperBound) > offset
            }
            throw WeightFailure(
                "the body ends here, in the middle of the data, \(end - offset) bytes missing", at: offset, array: array
            )
        }
        return weights
    }

    /// Of the header's entries.
    public func name(ofArray index: Int) -> String? {
        weights.arrays.indices.contains(index) ? weights.arrays[index].spec.name : nil
    }

    private func complete() throws(WeightFailure) {
        switch step {
        case .length:
            let length = field.integer(UInt64.self, at: 0)
            guard length >= 2, length <= UInt64(longestHeader) else {
                throw WeightFailure(
                    "safetensors header length \(length) is not within 2 and \(longestHeader)", at: 0,
                    limit: UInt64(longestHeader))
            }
            step = .header
            field.next(Int(length))
        case .header:
            guard field.bytes.first == UInt8(ascii: "{"),
                let members = (try? JSONValue(parsing: field.bytes))?.objectValue
            else { throw WeightFailure("the safetensors header is not a JSON object", at: 8) }
            try read(members)
            field = FieldGatherer(0)
            step = .data
        case .data: break
        }
    }

    private struct Entry {
        var name: String
        var dtype: DType
        var shape: [UInt64]
        var begin: UInt64
        var end: UInt64
    }

    private func read(_ members: [String: JSONValue]) throws(WeightFailure) {
        var entries: [Entry] = []
        for (name, value) in members {
            if name == "__metadata__" {
                try readMetadata(value)
            } else {
                try budget.admitArray(entries.count, at: 8)
                entries.append(try Self.entry(name, value))
            }
        }
        guard !entries.isEmpty else {
            throw WeightFailure("there is no array in it; an upload has at least one", at: 8)
        }
        entries.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
        let start = 8 + UInt64(field.bytes.count)
        var next: UInt64 = 0
        for (index, entry) in entries.enumerated() {
            let shown = entry.name.quoted
            guard entry.begin == next else {
                let what = entry.begin < next ? "overlaps the one before" : "leaves a hole before it"
                throw WeightFailure(
                    "\(shown): data_offsets [\(entry.begin), \(entry.end)] \(what), which ends at \(next)", at: 8,
                    array: index)
            }
            guard let spec = ArraySpec(name: entry.name, dtype: entry.dtype, shape: entry.shape) else {
                throw WeightFailure("\(shown): shape \(entry.shape) overflows", at: 8, array: index)
            }
            guard entry.end >= entry.begin, entry.end - entry.begin == UInt64(spec.byteCount) else {
                throw WeightFailure(
                    "\(shown): data_offsets [\(entry.begin), \(entry.end)] do not hold the \(spec.byteCount) bytes of"
                        + " shape \(entry.shape) of \(entry.dtype.safetensorsName)", at: 8, array: index)
            }
            next = entry.end
            guard next <= budget.limits.decodedBytes, Int(exactly: start + next) != nil else {
                throw WeightFailure(
                    "the arrays up to this one take more than \(budget.limits.decodedBytes) bytes", at: 8, array: index,
                    limit: budget.limits.decodedBytes)
            }
            weights.arrays.append(
                DecodedArray(
                    spec: spec,
                    storage: .dense(
                        bytes: Int(start + entry.begin)..<Int(start + entry.end), axes: nil, bigEndian: false)))
        }
        end = start + next
    }

    private func readMetadata(_ value: JSONValue) throws(WeightFailure) {
        guard let members = value.objectValue, members.values.allSatisfy({ $0.stringValue != nil }) else {
            throw WeightFailure("__metadata__ is not an object of strings", at: 8)
        }
        weights.metadata = members
    }

    private static func entry(_ name: String, _ value: JSONValue) throws(WeightFailure) -> Entry {
        let shown = name.quoted
        guard let members = value.objectValue else { throw WeightFailure("\(shown) is not an object", at: 8) }
        guard let type = members["dtype"]?.stringValue, let dtype = DType(safetensors: type) else {
            let found = members["dtype"]?.stringValue.map { $0.quoted } ?? "missing"
            throw WeightFailure("\(shown): dtype is \(found), not one of \(DType.safetensorsNames)", at: 8)
        }
        guard let shape = Self.lengths(members["shape"]), shape.count <= ArrayDraft.maximumDimensions else {
            throw WeightFailure(
                "\(shown): shape is not a list of at most \(ArrayDraft.maximumDimensions) lengths", at: 8)
        }
        guard let offsets = Self.lengths(members["data_offsets"]), offsets.count == 2 else {
            throw WeightFailure("\(shown): data_offsets is not a list of two offsets", at: 8)
        }
        return Entry(name: name, dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }

    private static func lengths(_ value: JSONValue?) -> [UInt64]? {
        guard case .array(let elements)? = value else { return nil }
        var lengths: [UInt64] = []
        for element in elements {
            guard case .integer(let length) = element, length >= 0 else { return nil }
            lengths.append(UInt64(length))
        }
        return lengths
    }
}
