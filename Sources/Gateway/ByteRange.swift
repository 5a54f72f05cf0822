/// The one range of bytes that a request asks for (RFC 9110, section 14).
enum ByteRange {
    /// What a `Range` header means for a representation.
    enum Verdict: Equatable {
        /// All of it: there is no header, or one that is to be ignored.
        case whole
        case part(Range<Int>)
        case unsatisfiable
    }

    /// Several ranges are answered with the whole, as section 14.2 allows: nobody fetches weights in patches.
    static func parse(_ header: String?, size: Int) -> Verdict {
        guard let header, header.lowercased().hasPrefix("bytes=") else { return .whole }
        let ends = header.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, !header.contains(",") else { return .whole }
        let (first, last) = (number(ends[0]), number(ends[1]))
        switch (ends[0].isEmpty, first, ends[1].isEmpty, last) {
        case (false, let first?, true, _):
            return first < size ? .part(first..<size) : .unsatisfiable
        case (false, let first?, false, let last?):
            guard first <= last else { return .whole }
            return first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
        case (true, _, false, let count?):
            return count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
        default: return .whole
        }
    }

    /// Digits only; more than an `Int` holds is as far as one can go.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(text) ?? .max - 1
    }
}
