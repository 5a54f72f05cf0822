public import Weights
public import WireJSON

/// How arrays are written that are mostly zero; the protocol's default is `pickle`.
public enum SparseEncoding: String, Sendable, Hashable, CaseIterable {
    /// Densely, like all others.
    case never
    /// Flag 2: coordinates and values.
    case coo
    /// Flag 1: the same as a pickled dict, as the protocol's first implementation reads it; of types that NumPy does not
    /// have, flag 2.
    case pickle
}

/// Streams a weight set out as FEDWT001 (protocol.md, section 1); equal weights give equal bytes.
public struct FEDWT001Writer: WeightEncoder {
    private let arrays: [ArraySpec]
    private let sparse: SparseEncoding
    private let head: Result<[UInt8], WeightFailure>

    /// A writer for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order. Their names become the metadata's `layer_names` when any has one.
    ///   - metadata: without `layer_names`; a member of that name is left out.
    ///   - sparse: how arrays are written more than nine tenths of whose elements are zero.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue], sparse: SparseEncoding = .pickle) {
        self.arrays = arrays
        self.sparse = sparse
        head = Result { () throws(WeightFailure) in try Self.head(arrays, metadata) }
    }

    /// Bytes that the stream takes at most, whatever the elements are.
    public var maximumSize: Int {
        arrays.reduce((try? head.get())?.count ?? 0) { $0 + 13 + maximumBody($1) }
    }

    private func maximumBody(_ spec: ArraySpec) -> Int {
        guard sparse != .never, !spec.shape.isEmpty else { return spec.byteCount }
        // Of a sparse array fewer than a tenth of the elements are stored, but each with all its coordinates.
        let stored = spec.count / 10 + 1
        let heads = sparse == .pickle ? SparsePickleWriter.mostText(spec) : 12 + 4 * spec.shape.count
        return max(spec.byteCount, heads + stored * (4 * spec.shape.count + spec.dtype.itemSize))
    }

    /// Writes the stream.
    ///
    /// - Parameters:
    ///   - source: gives the elements of an array, dense, little-endian, in C order; called once for each index,
    ///     ascending. What it gives has to stay valid until it is called again or this returns.
    ///   - sink: takes the pieces of the stream in order; they are valid only during the call.
    /// - Throws: `WeightFailure` when the format cannot hold the arrays or when `source` gives another number of bytes,
    ///   and what the two functions throw.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try writeJudged({ (try source($0), nil) }, to: sink)
    }

    /// Writes the stream of arrays of which it may be known already whether they are mostly zero.
    ///
    /// - Parameters:
    ///   - source: as in `write`; says also what `MostlyZero` made of the array, nil when it was not shown to one.
    ///   - sink: as in `write`.
    /// - Throws: as `write`.
    public func writeJudged(
        _ source: (Int) throws -> (elements: UnsafeRawBufferPointer, mostlyZero: Bool?),
        to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try head.get().withUnsafeBytes(sink)
        for (index, spec) in arrays.enumerated() {
            let (bytes, mostlyZero) = try source(index)
            guard bytes.count == spec.byteCount else {
                throw WeightFailure("\(bytes.count) bytes were given of \(spec.byteCount)", at: 0, array: index)
            }
            if sparse != .never, mostlyZero ?? Self.isMostlyZero(bytes, of: spec) {
                try write(Nonzero(bytes: bytes, itemSize: spec.dtype.itemSize), of: spec, index, to: sink)
            } else {
                try Self.recordHead(index: index, flag: 0, length: bytes.count).withUnsafeBytes(sink)
                if !bytes.isEmpty { try sink(bytes) }
            }
        }
    }

    private func write(
        _ elements: Nonzero, of spec: ArraySpec, _ index: Int, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard sparse == .pickle, spec.dtype.isNumPy else {
            return try SparseRecord(spec: spec, elements: elements).write(index: index, to: sink)
        }
        let pickle = SparsePickleWriter(spec: spec, elements: elements)
        try Self.recordHead(index: index, flag: 1, length: pickle.byteCount).withUnsafeBytes(sink)
        try pickle.write(to: sink)
    }

    /// All that stands before the elements of a single dense array.
    ///
    /// - Parameter spec: of the array.
    /// - Throws: `WeightFailure` when the format cannot hold it.
    public static func head(ofDense spec: ArraySpec) throws(WeightFailure) -> [UInt8] {
        try head([spec], [:]) + recordHead(index: 0, flag: 0, length: spec.byteCount)
    }

    static func recordHead(index: Int, flag: UInt8, length: Int) -> [UInt8] {
        var head: [UInt8] = []
        head.appendLittleEndian(UInt32(index))
        head.append(flag)
        head.appendLittleEndian(UInt64(length))
        return head
    }

    private static func isMostlyZero(_ bytes: UnsafeRawBufferPointer, of spec: ArraySpec) -> Bool {
        var verdict = MostlyZero(spec)
        verdict.look(at: bytes)
        return verdict.isTrue
    }

    private static func head(
        _ arrays: [ArraySpec], _ metadata: [String: JSONValue]
    ) throws(WeightFailure) -> [UInt8] {
        var members = metadata
        members["layer_names"] = nil
        if arrays.contains(where: { $0.name != nil }) {
            members["layer_names"] = .array(arrays.map { $0.name.map { .string($0) } ?? .null })
        }
        guard let text = try? JSONValue.object(members).encoded(), let length = UInt32(exactly: text.count) else {
            throw WeightFailure("the metadata cannot be written as JSON", at: 16)
        }
        try arrays.checkForWriting()
        guard let count = UInt32(exactly: arrays.count) else {
            throw WeightFailure("array count \(arrays.count) is over \(UInt32.max)", at: 8, limit: UInt64(UInt32.max))
        }
        var head = Array("FEDWT001".utf8)
        head.appendLittleEndian(count)
        head.appendLittleEndian(length)
        head += text
        for (index, spec) in arrays.enumerated() {
            guard spec.shape.allSatisfy({ $0 <= UInt64(UInt32.max) }) else {
                throw WeightFailure(
                    "shape \(spec.shape) has a length over \(UInt32.max)", at: UInt64(head.count), array: index,
                    limit: UInt64(UInt32.max))
            }
            head.append(UInt8(spec.shape.count))
            for length in spec.shape { head.appendLittleEndian(UInt32(length)) }
            head.append(UInt8(spec.dtype.rawValue.utf8.count))
            head += spec.dtype.rawValue.utf8
            head.appendLittleEndian(UInt64(spec.count))
        }
        return head
    }
}

extension [UInt8] {
    mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
