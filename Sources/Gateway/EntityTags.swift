/// The entity tags of `If-Match` or `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1).
///
/// They stay in the header, and are looked through when one is asked for: this is half of the work of a 304.
struct EntityTags: Sendable, Equatable {
    private let header: String
    /// `*`: whatever there is.
    private let isAny: Bool

    /// - Parameter header: a list; what is no tag in it names nothing, and so does not match.
    init(_ header: String) {
        self.header = header
        isAny = header.trimmed() == "*"
    }

    /// The strong comparison, for `If-Match`.
    func matchStrongly(_ tag: String) -> Bool { isAny || contains(tag, weak: false) }

    /// The weak comparison, for `If-None-Match`.
    func matchWeakly(_ tag: String) -> Bool { isAny || contains(tag, weak: true) }

    /// Whether the tag itself is in the list; `*` names none.
    func names(_ tag: String) -> Bool { !isAny && contains(tag, weak: true) }

    private func contains(_ tag: String, weak: Bool) -> Bool {
        // Of one tag, as most headers are.
        if header == tag { return true }
        var (header, tag) = (header, tag)
        return header.withUTF8 { header in tag.withUTF8 { Self.find($0, in: header, weak: weak) } }
    }

    private static func find(
        _ tag: UnsafeBufferPointer<UInt8>, in header: UnsafeBufferPointer<UInt8>, weak: Bool
    ) -> Bool {
        let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
        var index = 0
        while index < header.count {
            let isWeak =
                index + 2 < header.count && header[index] == UInt8(ascii: "W")
                && header[index + 1] == UInt8(ascii: "/") && header[index + 2] == quote
            if isWeak { index += 2 }
            guard header[index] == quote else {
                // A separator, or no tag: then the rest of that element is passed over.
                let isSeparator = header[index] == 0x20 || header[index] == 0x09 || header[index] == comma
                index = isSeparator ? index + 1 : header[index...].firstIndex(of: comma) ?? header.count
                continue
            }
            // A comma within the quotes is part of the tag.
            guard let closing = header[(index + 1)...].firstIndex(of: quote) else { return false }
            if weak || !isWeak, header[index...closing].elementsEqual(tag) { return true }
            index = closing + 1
        }
        return false
    }
}
