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
                    limit: length < 2 ? nil : UInt64(longestHeader))
            }
            step = .header
            field.next(Int(length))
        case .header:
            guard field.bytes.first == UInt8(ascii: "{") else {
                throw WeightFailure("the safetensors header is not a JSON object", at: 8)
            }
            try read(SafetensorsHeader(field.bytes, at: 8, budget))
            field = FieldGatherer(0)
            step = .data
        case .data: break
        }
    }

    private func read(_ header: SafetensorsHeader) throws(WeightFailure) {
        guard !header.entries.isEmpty else {
            throw WeightFailure("there is no array in it; an upload has at least one", at: 8)
        }
        weights.metadata = header.metadata
        let entries = header.entries.sorted { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
        let start = 8 + UInt64(field.bytes.count)
        var next: UInt64 = 0
        for (index, entry) in entries.enumerated() {
            let offsets = "data_offsets [\(entry.begin), \(entry.end)]"
            guard entry.begin == next else {
                let what = entry.begin < next ? "overlap the array" : "leave a hole behind the array"
                throw entry.failure(
                    "\(offsets) \(what) before, which ends at \(next)", at: entry.offsetsPlace, array: index)
            }
            let spec = try ArraySpec.checked(
                name: entry.name, dtype: entry.dtype, shape: entry.shape, at: entry.shapePlace, array: index)
            guard entry.end >= entry.begin, entry.end - entry.begin == UInt64(spec.byteCount) else {
                throw entry.failure(
                    "\(offsets) do not hold the \(spec.byteCount) bytes of shape \(entry.shape) of"
                        + " \(entry.dtype.safetensorsName)", at: entry.offsetsPlace, array: index)
            }
            next = entry.end
            guard next <= budget.limits.decodedBytes, Int(exactly: start + next) != nil else {
                throw entry.failure(
                    "the arrays up to this one take more than \(budget.limits.decodedBytes) bytes",
                    at: entry.offsetsPlace, array: index, limit: budget.limits.decodedBytes)
            }
            weights.arrays.append(
                DecodedArray(
                    spec: spec,
                    storage: .dense(
                        bytes: Int(start + entry.begin)..<Int(start + entry.end), axes: nil, bigEndian: false)))
        }
        end = start + next
    }
}
