internal import Compression
public import Weights
public import WireJSON

/// Writes an archive of .npy files, stored, as `numpy.savez` does; arrays without a name are called `arr_N`.
public struct NPZEncoder: WeightEncoder {
    private let arrays: [ArraySpec]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order.
    ///   - metadata: is left out; the format has no place for it.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) { self.arrays = arrays }

    /// Writes the stream.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        // All that can be wrong is found before the first byte goes out.
        let names = try ArrayNames.all(of: arrays)
        for (index, spec) in arrays.enumerated() {
            try spec.checkNumPy(index: index)
            try ZipNames.check(names[index] + ".npy", at: 0, array: index)
        }
        var zip = ZipWriter()
        for (index, spec) in arrays.enumerated() {
            let head = try NPYEncoder.head(of: spec, index: index)
            let bytes = try source(index)
            try spec.check(bytes.count, index: index)
            let checksum = CRC32.update(head.withUnsafeBytes { CRC32.update(0, $0) }, bytes)
            let start = zip.begin(names[index] + ".npy", checksum: checksum, size: UInt64(head.count + bytes.count))
            try (start + head).withUnsafeBytes(sink)
            if !bytes.isEmpty { try sink(bytes) }
        }
        try zip.finish().withUnsafeBytes(sink)
    }
}
