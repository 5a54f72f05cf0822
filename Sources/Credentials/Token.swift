internal import Digests

/// A secret that a client shows: 256 random bits, so that its hash needs neither salt nor stretching.
public struct Token: Sendable {
    /// So that secret scanners find it where it does not belong.
    private static let prefix = "fedgate_"
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// As the client sends it.
    public let text: String

    /// A token that nobody has.
    public init() {
        // The system's generator: getrandom on Linux. 43 characters of six bits each.
        var generator = SystemRandomNumberGenerator()
        let letters = (0..<43).map { _ in Self.alphabet[Int(generator.next() & 63)] }
        text = Self.prefix + String(decoding: letters, as: UTF8.self)
    }

    /// SHA-256 of the text: all that is stored.
    public var hash: [UInt8] { Self.hash(text) }

    static func hash(_ text: String) -> [UInt8] {
        Array(text.utf8).withUnsafeBytes { SHA256.digest(of: $0) }
    }
}
