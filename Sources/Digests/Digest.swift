internal import COpenSSL

/// A digest over a stream of bytes, by OpenSSL, which uses the processor's own instructions.
struct Digest: ~Copyable {
    private let context: OpaquePointer?
    private let count: Int

    /// - Parameters:
    ///   - algorithm: OpenSSL's.
    ///   - count: bytes of the digest.
    init(_ algorithm: OpaquePointer?, count: Int) {
        context = EVP_MD_CTX_new()
        self.count = count
        EVP_DigestInit_ex(context, algorithm, nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    consuming func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: count)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest
    }
}
