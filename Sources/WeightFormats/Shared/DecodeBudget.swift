internal import Weights

/// What a body has used of its limits, and how far its elements have filled the sink.
struct DecodeBudget {
    let limits: DecodeLimits
    /// Bytes that the sink has.
    private(set) var position = 0
    private var textBytes = 0
    /// Bytes that a value of the metadata counts for beside its text, so that many small ones are no way around the limit.
    static let valueBytes: UInt64 = 4

    init(limits: DecodeLimits) { self.limits = limits }

    /// Refuses elements that would pass the limit, before they come.
    func admit(_ count: UInt64, at offset: UInt64, array: Int) throws(WeightFailure) {
        guard count <= limits.decodedBytes, UInt64(position) <= limits.decodedBytes - count, Int(exactly: count) != nil
        else {
            throw WeightFailure(
                "the arrays up to this one take more than \(limits.decodedBytes) bytes",
                at: offset, array: array, limit: limits.decodedBytes)
        }
    }

    /// Gives elements to the sink.
    mutating func append(
        _ bytes: UnsafeRawBufferPointer, to sink: any ElementSink, at offset: UInt64, array: Int
    ) throws {
        guard !bytes.isEmpty else { return }
        try admit(UInt64(bytes.count), at: offset, array: array)
        try sink.append(bytes)
        position += bytes.count
    }

    /// Takes text that is kept: metadata, names and keys share one limit.
    mutating func keepText(_ count: UInt64, at offset: UInt64, array: Int? = nil) throws(WeightFailure) {
        let limit = UInt64(limits.metadataBytes)
        guard count <= limit, UInt64(textBytes) <= limit - count else {
            throw WeightFailure(
                "metadata and names take more than \(limit) bytes", at: offset, array: array, limit: limit)
        }
        textBytes += Int(count)
    }

    /// Refuses one array more than is admitted.
    func admitArray(_ index: Int, at offset: UInt64) throws(WeightFailure) {
        guard index < limits.arrays else {
            let limit = UInt64(limits.arrays)
            throw WeightFailure("there are more than \(limit) arrays", at: offset, array: index, limit: limit)
        }
    }
}
