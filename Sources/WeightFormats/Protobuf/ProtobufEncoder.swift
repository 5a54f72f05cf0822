public import Weights
public import WireJSON

/// Streams a weight set out as a `WeightMessage` (proto/weight_message.proto; protocol.md, section 2).
///
/// The bytes are those of Google's serializers in deterministic mode: fields ascend, metadata is sorted by key, shapes
/// are packed, fields that have their default are left out. `layer_id` is the array's index.
public struct ProtobufEncoder: WeightEncoder {
    /// The most that all implementations of protobuf read.
    private static let maximumSize = Int(Int32.max)

    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order.
    ///   - metadata: values that are no strings become JSON text.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Writes the message; see `WeightEncoder`.
    ///
    /// - Throws: `WeightFailure` also when it would take 2 GiB or more, which protobuf does not admit.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try arrays.checkForWriting()
        let entries = try entries()
        try checkSize(startingAt: entries.count)
        if !entries.isEmpty { try entries.withUnsafeBytes(sink) }
        for (index, spec) in arrays.enumerated() {
            let bytes = try source(index)
            try spec.check(given: bytes, index: index)
            let (head, tail) = frame(spec, index)
            try head.withUnsafeBytes(sink)
            if !bytes.isEmpty { try sink(bytes) }
            if !tail.isEmpty { try tail.withUnsafeBytes(sink) }
        }
    }

    private func entries() throws(WeightFailure) -> [UInt8] {
        var text: [UInt8] = []
        let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (key, value) in sorted {
            let bytes: [UInt8]
            do {
                bytes = try MetadataText.text(of: value)
            } catch {
                throw WeightFailure("metadata \(key.debugDescription): \(error.reason)", at: 0)
            }
            var entry: [UInt8] = []
            // Both are written even when empty, as the serializers do in a map.
            entry.appendField(.key, Array(key.utf8))
            entry.appendField(.value, bytes)
            text.appendField(.metadata, entry)
        }
        return text
    }

    /// What lies before and behind an array's elements.
    private func frame(_ spec: ArraySpec, _ index: Int) -> (head: [UInt8], tail: [UInt8]) {
        var fields: [UInt8] = []
        if index > 0 {
            fields.appendVarint(ProtobufField.layerID.tag(.varint))
            fields.appendVarint(UInt64(index))
        }
        if !spec.shape.isEmpty {
            var packed: [UInt8] = []
            for length in spec.shape { packed.appendVarint(length) }
            fields.appendField(.shape, packed)
        }
        fields.appendField(.dtype, Array(spec.dtype.rawValue.utf8))
        if spec.byteCount > 0 {
            fields.appendVarint(ProtobufField.data.tag(.lengthDelimited))
            fields.appendVarint(UInt64(spec.byteCount))
        }
        var tail: [UInt8] = []
        if let name = spec.name, !name.isEmpty { tail.appendField(.name, Array(name.utf8)) }
        var head: [UInt8] = []
        head.appendVarint(ProtobufField.weights.tag(.lengthDelimited))
        head.appendVarint(UInt64(fields.count) + UInt64(spec.byteCount) + UInt64(tail.count))
        return (head + fields, tail)
    }

    private func checkSize(startingAt start: Int) throws(WeightFailure) {
        var size = start
        for (index, spec) in arrays.enumerated() {
            let (head, tail) = frame(spec, index)
            let rest = Self.maximumSize - size - head.count - tail.count
            guard rest >= 0, spec.byteCount <= rest else {
                throw WeightFailure(
                    "the arrays up to this one take more than the \(Self.maximumSize) bytes of a protobuf message",
                    at: 0, array: index, limit: UInt64(Self.maximumSize))
            }
            size += head.count + spec.byteCount + tail.count
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendField(_ field: ProtobufField, _ bytes: [UInt8]) {
        appendVarint(field.tag(.lengthDelimited))
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }
}
