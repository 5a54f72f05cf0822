import Compression
import Digests

@testable import Envelopes

/// A package: one whose checksum and size were mended has to be read, or refused for its payload.
enum Packages {
    static let limits = MessageReader.Limits(maxStored: 1 << 20, maxDecoded: 1 << 20)

    static func check(_ input: UnsafeRawBufferPointer, _ piece: Int) throws {
        _ = try? MessageReader(limits: limits).readPackage(input) { _, payload in payload.count }
        guard let end = try? PackageHead.end(of: input),
            let header = try? PackageHead.decode(UnsafeRawBufferPointer(rebasing: input[..<end]))
        else { return }
        let head = try PackageHead.encode(header, multiple: 4)
        try require(try decoded(head) == header, "another header than before")

        let payload = Array(input[end...])
        var mended = header
        mended.chunks = nil
        mended.compressedSize = payload.count
        mended.checksum = payload.withUnsafeBytes { Hex.encode(SHA256.digest(of: $0)) }
        if mended.compression == .none { mended.originalSize = payload.count }
        let package = try PackageHead.encode(mended, multiple: 1) + payload
        try package.withUnsafeBytes { bytes in
            do {
                let count = try MessageReader(limits: limits).readPackage(bytes) { read, payload in
                    try require(read == mended, "another header than was written")
                    return payload.count
                }
                try require(count == mended.originalSize, "\(count) bytes of \(mended.originalSize)")
            } catch let failure as EnvelopeFailure {
                try require(mended.compression != .none, "\(failure)")
            }
        }
    }

    private static func decoded(_ head: [UInt8]) throws -> PackageHeader {
        try head.withUnsafeBytes { bytes in
            try require(try PackageHead.end(of: bytes) == bytes.count, "the head ends elsewhere")
            return try PackageHead.decode(bytes)
        }
    }
}
