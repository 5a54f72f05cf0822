internal import MicroHTTP
internal import WeightFormats

/// What a request for a result says beside its round.
struct ResultRequest: Sendable, Equatable {
    /// Nil asks for the latest.
    let round: Int64?
    /// In which the result is wanted.
    let format: WeightFormat
    /// How long the client is ready to wait.
    let wait: WaitTime
    /// Whether nothing but the headers is wanted.
    let isHead: Bool
    private let acceptEncoding: AcceptEncoding
    private let ifNoneMatch: EntityTags?
    private let ifMatch: EntityTags?
    private let ifRange: String?
    private let rangeHeader: String?

    init(_ request: borrowing Request, round: String?, _ core: GatewayCore) throws(Failure) {
        self.round = if let round { try WholeNumber.round(round) } else { nil }
        let query = try Query(request, known: ["wait", "format"])
        format = try Self.format(query["format"], request.header("Accept"))
        wait = try WaitTime(request, query, most: core.configuration.maxWait)
        acceptEncoding = AcceptEncoding(request.header("Accept-Encoding"))
        ifNoneMatch = request.header("If-None-Match").map { EntityTags($0) }
        ifMatch = request.header("If-Match").map { EntityTags($0) }
        ifRange = request.header("If-Range")
        isHead = request.method == "HEAD"
        // Ranges are defined for GET alone (RFC 9110, section 14.2).
        rangeHeader = isHead ? nil : request.header("Range")
    }

    /// The representation that the answer is about, or nil when the client takes none.
    ///
    /// One that the client names, having it or a part of it, goes before its preference: a copy that is ready since then
    /// neither costs it a transfer nor gives it halves of two. A range of it knows not what gets the plain bytes.
    func choose(_ all: [Representation]) -> Representation? {
        let accepted = all.filter { acceptEncoding.weight(of: $0.coding) > 0 }
        if let named = accepted.first(where: { names($0.etag) }) { return named }
        if rangeHeader != nil, let plain = accepted.first(where: { $0.coding == nil }) { return plain }
        return accepted.min { acceptEncoding.prefers($0.coding, to: $1.coding) }
    }

    /// The coding that the client likes best of those; nil for the plain bytes.
    func favourite(of codings: [ContentCoding]) -> ContentCoding? {
        guard rangeHeader == nil else { return nil }
        let candidates = (codings + [nil]).filter { acceptEncoding.weight(of: $0) > 0 }
        return candidates.min { acceptEncoding.prefers($0, to: $1) } ?? nil
    }

    private func names(_ etag: String) -> Bool {
        ifNoneMatch?.names(etag) == true || ifMatch?.names(etag) == true || ifRange == etag
    }

    /// Whether the client has this representation already (RFC 9110, section 13.1.2: the weak comparison).
    func holds(_ etag: String) -> Bool { ifNoneMatch?.matchWeakly(etag) ?? false }

    /// Whether the client has the result, in whichever representation.
    func holds(_ result: StoredResult) -> Bool {
        ifNoneMatch != nil && result.representations.all.contains { holds($0.etag) }
    }

    /// Whether `If-Match` admits this representation (section 13.1.1: the strong comparison).
    func admits(_ etag: String) -> Bool { ifMatch?.matchStrongly(etag) ?? true }

    /// Which bytes are asked for; all when `If-Range` names another representation (section 13.1.5).
    ///
    /// A weak tag in it, or a date, is another one.
    func range(of representation: Representation) -> ByteRange.Verdict {
        if let ifRange, ifRange != representation.etag { return .whole }
        return ByteRange.parse(rangeHeader, size: representation.size)
    }

    /// `?format=`, which rules, or what `Accept` likes best; FEDWT001 where there is no preference.
    private static func format(_ name: String?, _ accept: String?) throws(Failure) -> WeightFormat {
        if let name {
            if let format = WeightFormats.named(name) { return format }
            throw Failure(.notAcceptable, "format \"\(name)\" cannot be had; \(WeightFormats.names) can")
        }
        guard let accept else { return WeightFormats.standard }
        let types = AcceptedTypes(accept)
        let weights = WeightFormats.all.map { format in format.mediaTypes.map { types.weight(of: $0) }.max() ?? 0 }
        guard let best = weights.max(), best > 0, let index = weights.firstIndex(of: best) else {
            let all = WeightFormats.all.map(\.mediaType).joined(separator: ", ")
            throw Failure(.notAcceptable, "none of \"\(accept)\" can be had; \(all) can")
        }
        return WeightFormats.all[index]
    }
}

/// An `Accept` header (RFC 9110, section 12.5.1).
struct AcceptedTypes {
    private var ranges: [(type: String, weight: Double)] = []

    init(_ header: String) {
        for range in header.split(separator: ",") {
            let parts = range.split(separator: ";").map { String($0.trimmed()).lowercased() }
            guard let type = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            ranges.append((type, min(max(weight ?? 1, 0), 1)))
        }
    }

    /// How much a media type is liked, from 0 to 1; the range that names it most exactly rules.
    func weight(of type: String) -> Double {
        let family = type.prefix { $0 != "/" } + "/*"
        for name in [type, String(family), "*/*"] {
            if let range = ranges.last(where: { $0.type == name }) { return range.weight }
        }
        return 0
    }
}
