/// The list of what each vendor wants to remember (W3C Trace Context, section 3.3).
enum TraceState {
    private static let mostMembers = 32
    /// More than the 512 that everybody has to pass on.
    private static let mostBytes = 1024

    /// The list without empty members, cut down to what is passed on; nil when it is malformed or empty.
    static func normalised(_ text: String) -> String? {
        var members: [String] = []
        var keys: Set<String> = []
        // A list that is longer than any that is passed on is not looked at member by member.
        guard text.utf8.count <= 1 << 16 else { return nil }
        for part in text.split(separator: ",") {
            let member = part.drop { $0 == " " || $0 == "\t" }
            let trimmed = String(member.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
            if trimmed.isEmpty { continue }
            let pair = trimmed.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, isKey(pair[0]), isValue(pair[1]) else { return nil }
            guard keys.insert(String(pair[0])).inserted else { return nil }
            members.append(trimmed)
        }
        guard !members.isEmpty, members.count <= mostMembers else { return nil }
        // Long members go first, then those at the end, which are the oldest.
        if size(of: members) > mostBytes { members.removeAll { $0.utf8.count > 128 } }
        while size(of: members) > mostBytes { members.removeLast() }
        return members.isEmpty ? nil : members.joined(separator: ",")
    }

    private static func size(of members: [String]) -> Int { members.reduce(members.count - 1) { $0 + $1.utf8.count } }

    /// A letter and up to 255 more characters, or a tenant of up to 241 at a system of up to 14.
    private static func isKey(_ key: Substring) -> Bool {
        let parts = key.split(separator: "@", omittingEmptySubsequences: false)
        func isName(_ text: Substring, _ most: Int, digits: Bool) -> Bool {
            guard let first = text.utf8.first, text.utf8.count <= most else { return false }
            guard 97...122 ~= first || digits && 48...57 ~= first else { return false }
            return text.utf8.allSatisfy { 97...122 ~= $0 || 48...57 ~= $0 || "_-*/".utf8.contains($0) }
        }
        if parts.count == 1 { return isName(parts[0], 256, digits: false) }
        return parts.count == 2 && isName(parts[0], 241, digits: true) && isName(parts[1], 14, digits: false)
    }

    /// Up to 256 printable characters, no comma, no equals sign.
    private static func isValue(_ value: Substring) -> Bool {
        guard 1...256 ~= value.utf8.count, value.utf8.last != 0x20 else { return false }
        return value.utf8.allSatisfy { 0x20...0x7e ~= $0 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }
}
