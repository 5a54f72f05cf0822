internal import Digests
public import EventLog
internal import Glibc
internal import WireJSON

/// A message as it is read, its payload checked and decompressed.
///
/// The bytes are borrowed from the reader: they are valid only during the call that receives it.
public struct OpenedMessage: ~Copyable {
    /// The message.
    public let message: Message
    /// Its package's header.
    public let package: PackageHeader
    /// The payload after decompression.
    public let payload: UnsafeRawBufferPointer
}

/// Opens records of either envelope and packages, and trusts nothing in them before it was checked.
///
/// It owns memory for base64 and for decompression, which grows to the largest message that was read.
///
/// Thread: one at a time.
public final class MessageReader {
    /// Bounds on what is read.
    public struct Limits: Sendable, Hashable {
        /// Bytes of a record's value.
        public var maxStored: Int
        /// Bytes of a payload after decompression.
        public var maxDecoded: Int

        /// Limits.
        ///
        /// - Parameters:
        ///   - maxStored: bytes of a record's value.
        ///   - maxDecoded: bytes of a payload after decompression.
        public init(maxStored: Int, maxDecoded: Int) {
            self.maxStored = maxStored
            self.maxDecoded = maxDecoded
        }
    }

    private let limits: Limits
    private let text = Scratch()
    private let unescaped = Scratch()
    private let decompressed = Scratch()
    private var zstd: ZstdDecompressor?

    /// A reader.
    ///
    /// - Parameter limits: on what is read.
    public init(limits: Limits) { self.limits = limits }

    /// Opens a record.
    ///
    /// - Parameters:
    ///   - record: of either envelope, told apart by its headers.
    ///   - body: gets the message when all of it is right.
    /// - Throws: `EnvelopeFailure` naming the field, and what `body` throws.
    public func read<R>(
        _ record: borrowing StoredRecord, _ body: (borrowing OpenedMessage) throws -> R
    ) throws -> R {
        guard record.value.count <= limits.maxStored else {
            throw EnvelopeFailure(
                field: "record", reason: "\(record.value.count) bytes are more than the \(limits.maxStored) admitted")
        }
        guard record.headers.contains(where: { $0.name == BinaryEnvelope.mark }) else {
            return try readJSON(record.value, body)
        }
        let (message, checksum) = try BinaryEnvelope.open(record.headers)
        return try open(message, checksum, record.value, body)
    }

    /// Opens a message in JSON, such as a file holds.
    ///
    /// - Parameters:
    ///   - value: one JSON object.
    ///   - body: gets the message when all of it is right.
    public func readJSON<R>(
        _ value: UnsafeRawBufferPointer, _ body: (borrowing OpenedMessage) throws -> R
    ) throws -> R {
        let (message, checksum, range) = try JSONEnvelope.open(value)
        return try open(message, checksum, try decode(value, range), body)
    }

    /// Opens a package that is in no message.
    ///
    /// - Parameters:
    ///   - package: head and payload, and nothing behind them.
    ///   - body: gets the header and the payload after decompression.
    public func readPackage<R>(
        _ package: UnsafeRawBufferPointer, _ body: (PackageHeader, UnsafeRawBufferPointer) throws -> R
    ) throws -> R {
        let (header, head) = try PackageHeader.parse(package)
        let stored = UnsafeRawBufferPointer(rebasing: package[head...])
        return try body(header, try payload(stored, header))
    }

    private func open<R>(
        _ message: Message, _ checksum: String, _ package: UnsafeRawBufferPointer,
        _ body: (borrowing OpenedMessage) throws -> R
    ) throws -> R {
        guard Identifier.check(message.senderID) else {
            throw EnvelopeFailure(
                field: "sender_id", reason: "has to have 1 to 128 characters, no control characters and no slash")
        }
        guard !message.messageID.isEmpty, message.messageID.utf8.count <= 256 else {
            throw EnvelopeFailure(field: "message_id", reason: "has to have 1 to 256 bytes")
        }
        let (header, head) = try PackageHeader.parse(package)
        guard checksum == message.checksum(head: UnsafeRawBufferPointer(rebasing: package[..<head])) else {
            throw EnvelopeFailure(field: "checksum", reason: "is not that of the message and its payload's head")
        }
        let stored = UnsafeRawBufferPointer(rebasing: package[head...])
        return try body(OpenedMessage(message: message, package: header, payload: try payload(stored, header)))
    }

    private func payload(
        _ stored: UnsafeRawBufferPointer, _ header: PackageHeader
    ) throws(EnvelopeFailure) -> UnsafeRawBufferPointer {
        guard stored.count == header.compressedSize else {
            throw EnvelopeFailure(
                field: "compressed_size", reason: "\(header.compressedSize), but \(stored.count) bytes are there")
        }
        guard header.originalSize <= limits.maxDecoded else {
            throw EnvelopeFailure(
                field: "original_size",
                reason: "\(header.originalSize) bytes are more than the \(limits.maxDecoded) admitted")
        }
        guard Hex.encode(SHA256.digest(of: stored)) == header.checksum else {
            throw EnvelopeFailure(field: "package checksum", reason: "is not that of the payload")
        }
        guard header.compression == .zstd else {
            guard header.originalSize == stored.count else {
                throw EnvelopeFailure(
                    field: "original_size", reason: "\(header.originalSize), but the payload has \(stored.count) bytes")
            }
            return stored
        }
        let output = try decompressed.reserve(header.originalSize)
        try decompressor().read(stored, into: output)
        return UnsafeRawBufferPointer(output)
    }

    private func decompressor() throws(EnvelopeFailure) -> ZstdDecompressor {
        if let zstd { return zstd }
        let fresh = try ZstdDecompressor()
        zstd = fresh
        return fresh
    }

    private func decode(
        _ value: UnsafeRawBufferPointer, _ range: Range<Int>
    ) throws(EnvelopeFailure) -> UnsafeRawBufferPointer {
        let encoded = UnsafeRawBufferPointer(rebasing: value[range])
        guard let base = encoded.baseAddress, memchr(base, Int32(UInt8(ascii: "\\")), encoded.count) != nil else {
            return try decode(encoded, at: range.lowerBound)
        }
        // Some writers escape the slash; base64 has no other character that JSON may escape.
        let plain = try unescaped.reserve(encoded.count)
        var count = 0
        for byte in encoded where byte != UInt8(ascii: "\\") {
            plain[count] = byte
            count += 1
        }
        return try decode(UnsafeRawBufferPointer(rebasing: plain[..<count]), at: range.lowerBound)
    }

    private func decode(_ encoded: UnsafeRawBufferPointer, at offset: Int) throws(EnvelopeFailure)
        -> UnsafeRawBufferPointer
    {
        guard let count = Base64.decodedCount(encoded) else {
            throw EnvelopeFailure(field: "payload", reason: "base64 has a multiple of 4 digits, not \(encoded.count)")
        }
        let output = try text.reserve(count)
        if let wrong = Base64.decode(encoded, to: output) {
            throw EnvelopeFailure(field: "payload", reason: "is not base64", offset: offset + wrong)
        }
        return UnsafeRawBufferPointer(output)
    }
}
