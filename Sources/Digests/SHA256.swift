internal import COpenSSL

/// SHA-256 (FIPS 180-4) over a stream of bytes, by OpenSSL, which uses the processor's own instructions.
///
/// Thread: one at a time.
public struct SHA256: ~Copyable {
    private let context: OpaquePointer?

    /// A digest of nothing yet.
    public init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Takes in the next bytes.
    ///
    /// - Parameter bytes: any number of them.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all bytes so far; the value is used up.
    public consuming func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest
    }

    /// The digest of bytes that are all there.
    ///
    /// - Parameter bytes: any number of them.
    public static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = SHA256()
        digest.update(bytes)
        return digest.finalize()
    }
}
