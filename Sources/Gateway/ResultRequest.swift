internal import MicroHTTP

/// What a request for a result says beside its round.
struct ResultRequest: Sendable {
    static let mediaType = "application/vnd.fedwt"

    /// Nil asks for the latest.
    let round: Int64?
    /// Seconds that the client is ready to wait.
    let wait: Int64
    /// Whether the wait was asked for by `Prefer` (RFC 7240), which is then confirmed.
    let isPreference: Bool
    private let ifNoneMatch: [String]
    private let ifMatch: [String]?
    private let ifRange: String?
    private let rangeHeader: String?

    init(_ request: borrowing Request, round: String?) throws(Failure) {
        self.round = if let round { try WholeNumber.round(round) } else { nil }
        let query = try Query(request, known: ["wait", "format"])
        if let format = query["format"], !["binary_custom", "fedwt"].contains(format) {
            throw Failure(.notAcceptable, "format \"\(format)\" cannot be had; binary_custom (fedwt) can")
        }
        if let accept = request.header("Accept"), !Self.accepts(accept) {
            throw Failure(.notAcceptable, "none of \"\(accept)\" can be had; \(Self.mediaType) can")
        }
        let asked = try query.integer("wait", in: 0...WholeNumber.largest)
        let preferred = request.header("Prefer").flatMap(Self.preferredWait)
        wait = min(asked ?? preferred ?? 0, 60)
        isPreference = asked == nil && preferred != nil
        ifNoneMatch = (request.header("If-None-Match") ?? "").pieces(at: UInt8(ascii: ",")).map(Self.trimmed)
        ifMatch = request.header("If-Match")?.pieces(at: UInt8(ascii: ",")).map(Self.trimmed)
        ifRange = request.header("If-Range")
        // Ranges are defined for GET alone (RFC 9110, section 14.2).
        rangeHeader = request.method == "GET" ? request.header("Range") : nil
    }

    /// Whether the client has this representation already (RFC 9110, section 13.1.2: the weak comparison).
    func holds(_ etag: String) -> Bool {
        ifNoneMatch.contains { $0 == "*" || $0 == etag || $0 == "W/" + etag }
    }

    /// Whether `If-Match` admits this representation (section 13.1.1: the strong comparison).
    func admits(_ etag: String) -> Bool { ifMatch?.contains { $0 == "*" || $0 == etag } ?? true }

    /// Which bytes are asked for; all when `If-Range` names another representation (section 13.1.5).
    func range(of etag: String, size: Int) -> ByteRange.Verdict {
        if let ifRange, ifRange != etag { return .whole }
        return ByteRange.parse(rangeHeader, size: size)
    }

    /// `wait=` of a Prefer header; other preferences are ignored.
    private static func preferredWait(_ header: String) -> Int64? {
        for preference in header.split(whereSeparator: { $0 == "," || $0 == ";" }) {
            let parts = preference.split(separator: "=", maxSplits: 1).map(trimmed)
            if parts.count == 2, parts[0].lowercased() == "wait" { return WholeNumber.parse(parts[1]) }
        }
        return nil
    }

    /// Whether an Accept header admits the one type that there is, with a weight above nought.
    private static func accepts(_ header: String) -> Bool {
        var best: (specificity: Int, admitted: Bool) = (-1, false)
        for range in header.split(separator: ",") {
            let parts = range.split(separator: ";").map(trimmed)
            guard let type = parts.first?.lowercased(),
                let specificity = ["*/*", "application/*", mediaType].firstIndex(of: type)
            else { continue }
            let weight = parts.dropFirst().first { $0.lowercased().hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            if specificity > best.specificity { best = (specificity, (weight ?? 1) > 0) }
        }
        return best.admitted
    }

    private static func trimmed(_ text: Substring) -> String {
        // Bytes, not characters: this is half of the work of a 304.
        var bytes = text.utf8
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return String(Substring(bytes))
    }
}
