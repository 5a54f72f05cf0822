public import Weights
public import WireJSON

/// Streams weights out as a pickle that NumPy 1.26 and 2.x load; equal weights give equal bytes.
///
/// Protocol 4, with the module names of `numpy.core`, and without frames, which only help who reads from a file. The
/// weights are a dict from names to arrays when each has a name of its own, and otherwise a list with the names as
/// `layer_names` in the metadata; with metadata all is `{"weights": …, "metadata": …}`.
public struct PickleEncoder: WeightEncoder {
    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order.
    ///   - metadata: without `layer_names`; a member of that name is left out.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Writes the stream.
    ///
    /// - Parameters:
    ///   - source: gives the elements of an array, dense, little-endian, in C order; called once for each index,
    ///     ascending. What it gives has to stay valid until it is called again or this returns.
    ///   - sink: takes the pieces of the stream in order; they are valid only during the call.
    /// - Throws: `WeightFailure` naming the array before anything is written when its type is bfloat16 or an 8-bit float,
    ///   or when `source` gives another number of bytes; and what the two functions throw.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try arrays.checkForWriting()
        for (index, spec) in arrays.enumerated() { try spec.checkNumPy(index: index) }
        let names = arrays.compactMap(\.name)
        let isNamed = Set(names).count == arrays.count && names.count == arrays.count
        var metadata = metadata
        metadata["layer_names"] = nil
        if !isNamed, !names.isEmpty {
            metadata["layer_names"] = .array(arrays.map { $0.name.map { .string($0) } ?? .null })
        }
        let isPackage = !metadata.isEmpty

        var text = PickleText()
        if isPackage {
            text.add(.emptyDict)
            text.text("weights")
        }
        text.add(isNamed ? .emptyDict : .emptyList)
        for (index, spec) in arrays.enumerated() {
            let bytes = try source(index)
            try spec.check(given: bytes, index: index)
            if isNamed, let name = spec.name { text.text(name) }
            text.beginArray(spec.dtype, shape: spec.shape, byteCount: bytes.count)
            try text.bytes.withUnsafeBytes(sink)
            if !bytes.isEmpty { try sink(bytes) }
            text.bytes.removeAll(keepingCapacity: true)
            text.endArray()
            text.add(isNamed ? .setitem : .append)
        }
        if isPackage {
            text.add(.setitem)
            text.text("metadata")
            try text.value(.object(metadata))
            text.add(.setitem)
        }
        text.add(.stop)
        try text.bytes.withUnsafeBytes(sink)
    }
}
