/// The second word of a request line: which resource is meant.
struct Target: Sendable {
    /// As it was sent.
    let text: String
    /// Where path and query are in `text`, in UTF-8.
    private let path: Range<Int>
    private let query: Range<Int>
    /// Why it is not one, if so.
    let fault: String?

    init(_ text: String) {
        self.text = text
        let (start, end, mark, fault) = text.utf8.withContiguousStorageIfAvailable { Self.scan($0) } ?? (0, 0, 0, nil)
        path = start..<mark
        query = min(mark + 1, end)..<end
        self.fault = fault ?? Self.codingFault(text)
    }

    /// Everything before the question mark, without scheme and authority; still coded.
    var rawPath: String { path.isEmpty ? "/" : part(path) }
    var hasQuery: Bool { !query.isEmpty }
    /// Everything after the question mark.
    var rawQuery: String { part(query) }

    private func part(_ range: Range<Int>) -> String {
        guard range != 0..<text.utf8.count else { return text }
        let start = text.utf8.index(text.utf8.startIndex, offsetBy: range.lowerBound)
        return String(text[start..<text.utf8.index(start, offsetBy: range.count)])
    }

    private static func codingFault(_ text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")), PercentCoding.decode(text[...]) == nil else { return nil }
        return "the target is not UTF-8 in percent-coding"
    }

    private static func scan(_ bytes: UnsafeBufferPointer<UInt8>) -> (Int, Int, Int, String?) {
        var start = 0
        var mark = bytes.count
        for (index, byte) in bytes.enumerated() {
            guard byte > 0x20, byte < 0x7F else { return (0, 0, 0, "a byte in the target has to be percent-coded") }
            if byte == UInt8(ascii: "?"), mark == bytes.count { mark = index }
        }
        if bytes.first != UInt8(ascii: "/") {
            guard bytes.count != 1 || bytes[0] != UInt8(ascii: "*") else { return (0, 1, 1, nil) }
            guard let authority = afterScheme(bytes) else { return (0, 0, 0, "the target is no path") }
            start = bytes[authority..<mark].firstIndex(of: UInt8(ascii: "/")) ?? mark
        }
        return (start, bytes.count, mark, nil)
    }

    private static func afterScheme(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        for scheme in ["http://", "https://"] where bytes.count >= scheme.utf8.count {
            if zip(bytes, scheme.utf8).allSatisfy({ $0.lowercased == $1 }) {
                return scheme.utf8.count
            }
        }
        return nil
    }
}
