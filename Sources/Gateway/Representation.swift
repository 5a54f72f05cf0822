internal import Base64
internal import Digests
internal import WeightFormats

/// One of the forms in which a result can be sent: its plain bytes, or a coded copy (RFC 9110, section 3.2).
struct Representation: Sendable, Hashable {
    /// The name of its weight format.
    let format: String
    /// Nil for the plain bytes.
    let coding: ContentCoding?
    /// SHA-256 of the bytes as sent, lowercase hex.
    let digest: String
    /// Bytes as sent.
    let size: Int
    /// Strong: another byte, another tag.
    ///
    /// So codings differ in it, and replicas do not.
    let etag: String

    init(format: String = WeightFormats.standard.name, coding: ContentCoding?, digest: String, size: Int) {
        self.format = format
        self.coding = coding
        self.digest = digest
        self.size = size
        etag = "\"\(digest)\""
    }

    /// The digest as a field of RFC 9530.
    var digestField: String { "sha-256=:\(Base64.text(Hex.decode(digest) ?? [])):" }
}
