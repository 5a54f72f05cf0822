internal import Compression
internal import Digests
public import EventLog

/// Opens records of either envelope, and packages; every checksum and size is verified before anything is handed over.
///
/// It owns memory for decoding that grows to what was needed most, within its limits.
///
/// Thread: one, with a reader of its own; `body` must not use the reader.
public final class MessageReader {
    /// Bounds on what a record may hold, looked at before memory is taken for it.
    public struct Limits: Sendable, Hashable {
        /// Bytes of a package as stored.
        public var maxStored: Int
        /// Bytes of a payload, decompressed.
        public var maxDecoded: Int

        /// Limits.
        ///
        /// - Parameters:
        ///   - maxStored: bytes of a package as stored.
        ///   - maxDecoded: bytes of a payload, decompressed.
        public init(maxStored: Int, maxDecoded: Int) {
            self.maxStored = maxStored
            self.maxDecoded = maxDecoded
        }
    }

    let limits: Limits
    let encoded = Scratch()
    private let decompressed = Scratch()
    private var isReading = false

    /// A reader that holds no memory yet.
    ///
    /// - Parameter limits: on what a record may hold.
    public init(limits: Limits) { self.limits = limits }

    /// Opens a record, whichever its envelope.
    ///
    /// - Parameters:
    ///   - record: its key is ignored.
    ///   - body: takes the message, which is valid only during the call.
    /// - Returns: what `body` returns.
    /// - Throws: `EnvelopeFailure` when the record is not a message of the protocol, and what `body` throws.
    public func read<R>(_ record: borrowing StoredRecord, _ body: (borrowing OpenedMessage) throws -> R) throws -> R {
        guard record.headers.contains(where: { $0.name == CloudEvent.mark }) else {
            return try readMessage(json: record.value, body)
        }
        let (message, checksum) = try CloudEvent.read(record.headers)
        let value = record.value
        return try reading { try open(message, checksum, "ce_checksum", value, body) }
    }

    /// Opens a message in JSON, such as a record's value.
    ///
    /// - Parameters:
    ///   - bytes: the JSON object.
    ///   - body: takes the message, which is valid only during the call.
    /// - Returns: what `body` returns.
    /// - Throws: `EnvelopeFailure` when it is not a message of the protocol, and what `body` throws.
    public func readMessage<R>(
        json bytes: UnsafeRawBufferPointer, _ body: (borrowing OpenedMessage) throws -> R
    ) throws -> R {
        let (message, checksum, payload) = try JSONMessage.read(bytes)
        return try reading {
            let package = try decode(payload, of: bytes)
            return try open(message, checksum, "checksum", package, body)
        }
    }

    /// Opens a package that is in no message.
    ///
    /// - Parameters:
    ///   - bytes: the package and nothing behind it.
    ///   - body: takes the header and the decompressed payload, which is valid only during the call.
    /// - Returns: what `body` returns.
    /// - Throws: `EnvelopeFailure` when it is not a package of the protocol, and what `body` throws.
    public func readPackage<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (PackageHeader, _ decodedPayload: UnsafeRawBufferPointer) throws -> R
    ) throws -> R {
        try reading {
            let end = try headEnd(bytes)
            let (header, payload) = try unpack(bytes, end)
            return try body(header, payload)
        }
    }

    private func reading<R>(_ body: () throws -> R) throws -> R {
        precondition(!isReading, "a reader is used within its own call")
        isReading = true
        defer { isReading = false }
        return try body()
    }

    private func open<R>(
        _ message: Message, _ checksum: String, _ field: String, _ package: UnsafeRawBufferPointer,
        _ body: (borrowing OpenedMessage) throws -> R
    ) throws -> R {
        let end = try headEnd(package)
        let head = UnsafeRawBufferPointer(rebasing: package[..<end])
        guard MessageChecksum.compute(message, head: head) == checksum else {
            throw EnvelopeFailure(field, "does not match the fields and the head of the payload")
        }
        let (header, payload) = try unpack(package, end)
        return try body(OpenedMessage(message: message, package: header, payload: payload, storedPackage: package))
    }

    private func headEnd(_ package: UnsafeRawBufferPointer) throws(EnvelopeFailure) -> Int {
        guard package.count <= limits.maxStored else {
            throw EnvelopeFailure(
                "payload", "a package of \(package.count) bytes is over \(limits.maxStored)",
                limit: UInt64(limits.maxStored))
        }
        return try PackageHead.end(of: package)
    }

    /// Verifies the payload against the header, and decompresses it.
    private func unpack(
        _ package: UnsafeRawBufferPointer, _ end: Int
    ) throws(EnvelopeFailure) -> (PackageHeader, UnsafeRawBufferPointer) {
        let header = try PackageHead.decode(UnsafeRawBufferPointer(rebasing: package[..<end]))
        let stored = UnsafeRawBufferPointer(rebasing: package[end...])
        if let chunks = header.chunks {
            guard stored.isEmpty, chunks.size == header.compressedSize else {
                throw EnvelopeFailure(
                    "package.chunks", "with an inline payload, or of another size than compressed_size")
            }
            try header.checkOriginalSize(atMost: limits.maxDecoded)
            return (header, stored)
        }
        guard header.compressedSize == stored.count else {
            throw EnvelopeFailure(
                "package.compressed_size", "is \(header.compressedSize), but the payload has \(stored.count) bytes")
        }
        try header.checkOriginalSize(atMost: limits.maxDecoded)
        guard Hex.encode(SHA256.digest(of: stored)) == header.checksum else {
            throw EnvelopeFailure("package.checksum", "does not match the payload")
        }
        switch header.compression {
        case .none:
            guard header.originalSize == stored.count else {
                throw EnvelopeFailure(
                    "package.original_size", "is \(header.originalSize), but the payload has \(stored.count) bytes")
            }
            return (header, stored)
        case .gzip, .zstd, .lz4:
            guard let room = decompressed.room(header.originalSize) else {
                throw EnvelopeFailure("package.original_size", "there is no memory for \(header.originalSize) bytes")
            }
            try PayloadDecompression.decompress(stored, header.compression, to: room, origin: end)
            return (header, UnsafeRawBufferPointer(room))
        }
    }
}
