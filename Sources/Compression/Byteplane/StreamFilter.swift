/// What is done to a FEDWT001 stream before it is compressed (protocol.md, section 3).
public enum StreamFilter: String, CaseIterable, Sendable, Hashable {
    /// Nothing.
    case none
    /// Equal bytes of elements are brought together.
    case byteplane
}
