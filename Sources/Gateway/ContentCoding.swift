/// A content coding in which results can be had beside their plain bytes (RFC 9110, section 8.4.1).
///
/// In the order in which the gateway chooses where a client has no preference.
public enum ContentCoding: String, Sendable, Hashable, CaseIterable {
    /// RFC 8878.
    case zstd
    /// RFC 1952.
    case gzip

    /// Behind the name of a file whose bytes are coded so.
    var suffix: String {
        switch self {
        case .zstd: ".zst"
        case .gzip: ".gz"
        }
    }
}
