/// The entity tags of `If-Match` or `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1).
enum EntityTags: Sendable {
    /// `*`: whatever there is.
    case any
    /// Tags with their quotes, strong and weak ones apart.
    case list(strong: [String], weak: [String])

    /// - Parameter header: a list; what is no tag in it names nothing, and so does not match.
    init(_ header: String) {
        guard header.trimmed() != "*" else {
            self = .any
            return
        }
        var strong: [String] = []
        var weak: [String] = []
        // Bytes, not characters: this is half of the work of a 304.
        let bytes = header.utf8
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let isWeak = bytes[index...].starts(with: "W/\"".utf8)
            if isWeak { index = bytes.index(index, offsetBy: 2) }
            guard bytes[index] == UInt8(ascii: "\"") else {
                // A separator, or no tag: then the rest of that element is passed over.
                let isSeparator = [0x20, 0x09, 0x2C].contains(bytes[index])
                if isSeparator {
                    bytes.formIndex(after: &index)
                } else {
                    index = bytes[index...].firstIndex(of: UInt8(ascii: ",")) ?? bytes.endIndex
                }
                continue
            }
            // A comma within the quotes is part of the tag.
            let opening = index
            guard let closing = bytes[bytes.index(after: opening)...].firstIndex(of: UInt8(ascii: "\"")) else { break }
            index = bytes.index(after: closing)
            let tag = String(header[opening..<index])
            if isWeak { weak.append(tag) } else { strong.append(tag) }
        }
        self = .list(strong: strong, weak: weak)
    }

    /// The strong comparison, for `If-Match`.
    func matchStrongly(_ tag: String) -> Bool {
        switch self {
        case .any: true
        case .list(let strong, _): strong.contains(tag)
        }
    }

    /// The weak comparison, for `If-None-Match`.
    func matchWeakly(_ tag: String) -> Bool {
        switch self {
        case .any: true
        case .list(let strong, let weak): strong.contains(tag) || weak.contains(tag)
        }
    }

    /// Whether the tag itself is in the list; `*` names none.
    func names(_ tag: String) -> Bool {
        if case .any = self { false } else { matchWeakly(tag) }
    }
}
