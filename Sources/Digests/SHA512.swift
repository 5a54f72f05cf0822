internal import COpenSSL

/// SHA-512 (FIPS 180-4) over a stream of bytes.
///
/// Thread: one at a time.
public struct SHA512: ~Copyable {
    private var digest: Digest

    /// A digest of nothing yet.
    public init() { digest = Digest(EVP_sha512(), count: 64) }

    /// Takes in the next bytes.
    ///
    /// - Parameter bytes: any number of them.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { digest.update(bytes) }

    /// The digest of all bytes so far; the value is used up.
    public consuming func finalize() -> [UInt8] { digest.finalize() }

    /// The digest of bytes that are all there.
    ///
    /// - Parameter bytes: any number of them.
    public static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = SHA512()
        digest.update(bytes)
        return digest.finalize()
    }
}
