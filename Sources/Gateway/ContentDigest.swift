internal import Base64
internal import Digests

/// The digests that a client sent with a body, as `Content-Digest` (RFC 9530): sha-256 and sha-512 are verified, others
/// ignored.
struct ContentDigest: Sendable {
    /// Base64.
    let sha256: String?
    /// Base64.
    let sha512: String?

    init(sha256: String?, sha512: String?) {
        self.sha256 = sha256
        self.sha512 = sha512
    }

    /// - Parameter field: the header's value, a dictionary of byte sequences (RFC 9651).
    init(_ field: String?) throws(Failure) {
        var values: [String: String] = [:]
        for member in (field ?? "").split(separator: ",", omittingEmptySubsequences: field == nil) {
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].drop { $0 == " " || $0 == "\t" }
            let value = parts.count == 2 ? parts[1].prefix { $0 != ";" && $0 != " " && $0 != "\t" } : ""
            guard !name.isEmpty, value.count >= 2, value.hasPrefix(":"), value.hasSuffix(":") else {
                throw Failure(.badRequest, "Content-Digest has to be like sha-256=:BASE64:, several with commas")
            }
            values[String(name)] = String(value.dropFirst().dropLast())
        }
        sha256 = try Self.check(values["sha-256"], "sha-256", 44)
        sha512 = try Self.check(values["sha-512"], "sha-512", 88)
    }

    var isEmpty: Bool { sha256 == nil && sha512 == nil }

    private static func check(_ value: String?, _ name: String, _ count: Int) throws(Failure) -> String? {
        guard let value else { return nil }
        guard value.utf8.count == count else {
            throw Failure(.badRequest, "Content-Digest: \(name) has to be \(count) characters of base64")
        }
        return value
    }

    /// Compares with what came.
    ///
    /// - Parameters:
    ///   - sha256: of the body, lowercase hex.
    ///   - sha512: of the body, where it was asked for.
    func verify(sha256 hex: String, sha512 digest: [UInt8]?) throws(Failure) {
        if let sha256 { try Self.compare("sha-256", sha256, Base64.text(Hex.decode(hex) ?? [])) }
        if let sha512, let digest { try Self.compare("sha-512", sha512, Base64.text(digest)) }
    }

    private static func compare(_ name: String, _ said: String, _ found: String) throws(Failure) {
        guard said == found else {
            throw Failure(.digestMismatch, "Content-Digest says \(name)=:\(said):, but the body has \(name)=:\(found):")
        }
    }
}
