/// Where a request stands in a distributed trace (W3C Trace Context, level 1).
///
/// The gateway reports no spans of its own to a collector. So it passes what it got on as it is, which the recommendation
/// admits: a parent id of its own would name a span that nobody ever finds.
public struct TraceContext: Sendable, Hashable {
    /// 32 lowercase hexadecimal digits, not all of them zeros.
    public let traceID: String
    /// 16 lowercase hexadecimal digits, not all of them zeros.
    public let parentID: String
    /// Whether the caller may have recorded its trace.
    public let isSampled: Bool
    /// `traceparent` as it is passed on.
    public let traceparent: String
    /// `tracestate` as it is passed on; nil when there was none, or one that cannot be understood.
    public let tracestate: String?

    /// Reads the two headers; nil when `traceparent` is missing or malformed, whatever `tracestate` says.
    ///
    /// - Parameters:
    ///   - traceparent: the header's value.
    ///   - tracestate: the header's value, several lines joined with commas.
    public init?(traceparent: String?, tracestate: String?) {
        guard let traceparent else { return nil }
        let bytes = Array(traceparent.utf8)
        // Of a later version this much is known: it begins as this one, and goes on behind a dash.
        guard bytes.count >= 55, bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash else {
            return nil
        }
        guard let version = Self.hex(bytes[0..<2]), version != "ff" else { return nil }
        guard bytes.count == 55 || (version != "00" && bytes[55] == Self.dash) else { return nil }
        guard let trace = Self.hex(bytes[3..<35]), trace.contains(where: { $0 != "0" }) else { return nil }
        guard let parent = Self.hex(bytes[36..<52]), parent.contains(where: { $0 != "0" }) else { return nil }
        guard let text = Self.hex(bytes[53..<55]), let flags = UInt8(text, radix: 16) else { return nil }
        traceID = trace
        parentID = parent
        isSampled = flags & 1 == 1
        // What is passed on is this version's, with the one flag that it knows.
        self.traceparent = version == "00" ? traceparent : "00-\(trace)-\(parent)-0\(flags & 1)"
        self.tracestate = tracestate.flatMap { TraceState.normalised($0) }
    }

    /// The first of a new trace, with random ids.
    ///
    /// - Parameter isSampled: whether it may be recorded.
    public init(isSampled: Bool) {
        var generator = SystemRandomNumberGenerator()
        func digits() -> String {
            let text = String(UInt64.random(in: 1 ... .max, using: &generator), radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        traceID = digits() + digits()
        parentID = digits()
        self.isSampled = isSampled
        traceparent = "00-\(traceID)-\(parentID)-0\(isSampled ? 1 : 0)"
        tracestate = nil
    }

    private static let dash = UInt8(ascii: "-")

    private static func hex(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.allSatisfy({ 48...57 ~= $0 || 97...102 ~= $0 }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
