public import Weights
public import WireJSON

/// A complete FEDWT001 stream in memory, validated, with its arrays found in place.
///
/// It does not own the bytes: it is valid as long as they are, and they must not change.
public struct FEDWT001View {
    /// The arrays in the order of their indices, with their names.
    public let arrays: [ArraySpec]
    /// The metadata object without `layer_names`, which the arrays bear as their names.
    public let metadata: [String: JSONValue]
    private let bodies: [(sparse: Bool, bytes: UnsafeRawBufferPointer)]

    /// Validates a stream and finds its arrays.
    ///
    /// - Parameters:
    ///   - bytes: the whole stream and nothing behind it.
    ///   - limits: what the stream may claim.
    /// - Throws: `WeightFailure` as the validator does.
    public init(_ bytes: UnsafeRawBufferPointer, limits: FEDWT001Validator.Limits) throws(WeightFailure) {
        var validator = FEDWT001Validator(limits: limits)
        try validator.feed(bytes)
        try validator.finish()
        arrays = validator.arrays
        var members = validator.metadata
        members["layer_names"] = nil
        metadata = members
        bodies = Self.locate(bytes, arrays)
    }

    /// Where the elements of an array lie.
    ///
    /// - Parameter index: of the array, below the count of `arrays`.
    public func contents(of index: Int) -> ArrayContents {
        let body = bodies[index]
        return body.sparse ? .sparse(SparseContents(body: body.bytes, spec: arrays[index])) : .dense(body.bytes)
    }

    /// Walks the headers and records again; the validator has seen that each of them lies within the bytes.
    private static func locate(
        _ bytes: UnsafeRawBufferPointer, _ arrays: [ArraySpec]
    ) -> [(sparse: Bool, bytes: UnsafeRawBufferPointer)] {
        var offset = 16 + Int(bytes.littleEndian(UInt32.self, at: 12))
        for _ in arrays {
            offset += 1 + 4 * Int(bytes[offset])
            offset += 1 + Int(bytes[offset]) + 8
        }
        var bodies = [(sparse: Bool, bytes: UnsafeRawBufferPointer)](
            repeating: (false, UnsafeRawBufferPointer(start: nil, count: 0)), count: arrays.count)
        for _ in arrays {
            let index = Int(bytes.littleEndian(UInt32.self, at: offset))
            let sparse = bytes[offset + 4] == 2
            let length = Int(bytes.littleEndian(UInt64.self, at: offset + 5))
            offset += 13
            bodies[index] = (sparse, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
            offset += length
        }
        return bodies
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
