internal import Compression
public import Weights

/// Makes an npz archive of arrays that come one after the other, each as a .npy file or as bare elements.
///
/// The archive is written as it grows, sizes behind the data; every array is checked while it passes.
///
/// Thread: one at a time.
public final class NPZAssembler {
    private struct Current {
        var reader: NPYReader
        /// Of the member's contents.
        var checksum: UInt32 = 0
        var size: UInt64 = 0
    }

    private var budget: DecodeBudget
    private var decoded: UInt64 = 0
    private var zip = ZipWriter()
    private var names = ArrayNames()
    /// Arrays that have ended.
    public private(set) var count = 0
    private var current: Current?

    /// An archive without a member.
    ///
    /// - Parameter limits: what all arrays together may take.
    public init(limits: DecodeLimits) { budget = DecodeBudget(limits: limits) }

    /// Begins an array.
    ///
    /// - Parameters:
    ///   - name: of the array.
    ///   - raw: what the bytes are, when they are bare elements.
    ///   - output: gets the archive's next bytes.
    public func begin(_ name: String, raw: ArraySpec?, to output: inout [UInt8]) throws(WeightFailure) {
        try budget.admitArray(count, at: 0)
        try budget.keepText(UInt64(name.utf8.count), at: 0, array: count)
        let member = name + ".npy"
        try ZipNames.check(member, at: 0, array: count)
        try names.take(name, at: 0, array: count)
        output += zip.beginStreamed(member)
        current = Current(reader: NPYReader(at: 0, index: count, name: name))
        if let raw { try write(NPYEncoder.head(of: raw, index: count), to: &output) }
    }

    /// Takes the array's next bytes.
    public func write(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) throws {
        var rest = bytes
        var elements: UInt64 = 0
        try current?.reader.feed(&rest, DecodeBudget(limits: left)) { elements += UInt64($0.count) }
        decoded += elements
        guard rest.isEmpty else { throw WeightFailure("bytes left over behind the array", at: 0, array: count) }
        let checksum = CRC32.update(current?.checksum ?? 0, bytes)
        current?.checksum = checksum
        current?.size += UInt64(bytes.count)
        output.append(contentsOf: bytes)
    }

    /// Ends the array.
    public func end(to output: inout [UInt8]) throws(WeightFailure) {
        guard let current else { return }
        try current.reader.finish()
        output += zip.endStreamed(checksum: current.checksum, size: current.size)
        self.current = nil
        count += 1
    }

    /// Ends the archive.
    public func finish(to output: inout [UInt8]) throws(WeightFailure) {
        guard count > 0 else { throw WeightFailure("there is no array in it; an upload has at least one", at: 0) }
        output += zip.finish()
    }

    /// What the arrays so far leave of the limits.
    private var left: DecodeLimits {
        var left = budget.limits
        left.decodedBytes -= min(decoded, left.decodedBytes)
        return left
    }

    private func write(_ bytes: [UInt8], to output: inout [UInt8]) throws(WeightFailure) {
        do {
            try bytes.withUnsafeBytes { try write($0, to: &output) }
        } catch let error as WeightFailure {
            throw error
        } catch {
            throw WeightFailure(String(describing: error), at: 0, array: count)
        }
    }
}
