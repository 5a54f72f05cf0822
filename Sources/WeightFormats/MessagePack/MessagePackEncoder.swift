public import Weights
public import WireJSON

/// Streams a weight set out by msgpack-numpy's convention (protocol.md, section 2).
///
/// A map of `metadata`, sorted by key, and `weights`. The keys of an array are bin, as msgpack-numpy writes them and
/// wants them back; `name` comes before `data` where there is one. bfloat16 and float8 have their name as `type`, which
/// NumPy understands once `ml_dtypes` is imported.
public struct MessagePackEncoder: WeightEncoder {
    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order.
    ///   - metadata: any.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Writes the map; see `WeightEncoder`.
    ///
    /// - Throws: `WeightFailure` also when an array takes 4 GiB or more, which MessagePack does not admit.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try arrays.checkForWriting()
        for (index, spec) in arrays.enumerated() where UInt32(exactly: spec.byteCount) == nil {
            throw WeightFailure(
                "\(spec.byteCount) bytes are more than MessagePack holds in one value", at: 0, array: index,
                limit: UInt64(UInt32.max))
        }
        var text = MessagePackText()
        text.map(2)
        text.string("metadata")
        text.value(.object(metadata))
        text.string("weights")
        text.list(arrays.count)
        for (index, spec) in arrays.enumerated() {
            let bytes = try source(index)
            try spec.check(given: bytes, index: index)
            appendHead(of: spec, to: &text)
            try text.bytes.withUnsafeBytes(sink)
            if !bytes.isEmpty { try sink(bytes) }
            text.bytes.removeAll(keepingCapacity: true)
        }
    }

    private func appendHead(of spec: ArraySpec, to text: inout MessagePackText) {
        text.map(spec.name == nil ? 5 : 6)
        text.key("nd")
        text.bool(true)
        text.key("type")
        text.string(ElementType.code(of: spec.dtype))
        text.key("kind")
        text.binary(count: 0)
        text.key("shape")
        text.list(spec.shape.count)
        for length in spec.shape { text.unsigned(length) }
        if let name = spec.name {
            text.key("name")
            text.string(name)
        }
        text.key("data")
        text.binary(count: spec.byteCount)
    }
}
