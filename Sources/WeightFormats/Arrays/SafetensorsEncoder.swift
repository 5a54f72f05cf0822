public import Weights
public import WireJSON

/// Writes safetensors; arrays without a name are called `arr_N`, metadata that is no string goes as JSON text.
public struct SafetensorsEncoder: WeightEncoder {
    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in the order of their data.
    ///   - metadata: becomes `__metadata__`.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Writes the stream.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try header().withUnsafeBytes(sink)
        for (index, spec) in arrays.enumerated() {
            let bytes = try source(index)
            try spec.check(bytes.count, index: index)
            if !bytes.isEmpty { try sink(bytes) }
        }
    }

    private func header() throws -> [UInt8] {
        var text: [UInt8] = [UInt8(ascii: "{")]
        if !metadata.isEmpty {
            let strings = try metadata.mapValues { value in
                JSONValue.string(
                    try value.stringValue ?? String(decoding: value.encoded(), as: UTF8.self))
            }
            text += Array("\"__metadata__\":".utf8)
            try JSONValue.object(strings).append(to: &text)
            text.append(UInt8(ascii: ","))
        }
        var begin = 0
        let names = try ArrayNames.all(of: arrays)
        if let index = names.firstIndex(of: "__metadata__") {
            throw WeightFailure("in safetensors \"__metadata__\" is no array's name", at: 0, array: index)
        }
        for (index, (spec, name)) in zip(arrays, names).enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            JSONValue.append(name, to: &text)
            let shape = spec.shape.map { String($0) }.joined(separator: ",")
            let end = begin + spec.byteCount
            text += Array(
                ":{\"dtype\":\"\(spec.dtype.safetensorsName)\",\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}"
                    .utf8)
            begin = end
        }
        text.append(UInt8(ascii: "}"))
        // So that the data begins at a multiple of 8.
        text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        var head: [UInt8] = []
        head.appendLittleEndian(UInt64(text.count))
        return head + text
    }
}
