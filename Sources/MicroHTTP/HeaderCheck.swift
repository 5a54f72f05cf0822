/// Finds the requests of which two readers could think differently where they end.
///
/// libmicrohttpd 0.9 serves many of them: both lengths, a length twice, folded lines, bare line feeds, NUL bytes. One look
/// at each header line, nothing allocated.
struct HeaderCheck {
    private(set) var contentLength: UInt64?
    private(set) var expectsContinue = false
    private var contentLengths = 0
    private var codings = 0
    private var chunkedCodings = 0
    private var hosts = 0
    private var unknownExpectation = false
    private var fault: StaticString?
    private var walk: LineWalk

    /// A check before the first header line.
    ///
    /// - Parameter start: the address where the first line has to begin; nil does not look at addresses.
    init(start: UInt?) { walk = LineWalk(start: start) }

    var isChunked: Bool { codings > 0 }
    var hasBody: Bool { isChunked || contentLength ?? 0 > 0 }

    mutating func see(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        if fault == nil, !walk.pass(name: name, value: value) { fault = Self.lineFault }
        if !Self.isToken(name) { fault = "a header name is not a token" }
        if value.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
            fault = "a control character in a header"
        }
        switch name.count {
        case 4 where Self.matches(name, "host"): hosts += 1
        case 6 where Self.matches(name, "expect"):
            expectsContinue = Self.matches(value, "100-continue")
            if !expectsContinue { unknownExpectation = true }
        case 14 where Self.matches(name, "content-length"):
            contentLengths += 1
            contentLength = Self.number(value)
            if contentLength == nil { fault = "Content-Length is not a number" }
        case 17 where Self.matches(name, "transfer-encoding"):
            codings += 1
            if Self.matches(value, "chunked") { chunkedCodings += 1 }
        default: break
        }
    }

    /// Why the request is refused, or nil.
    ///
    /// - Parameters:
    ///   - version: the last word of the request line.
    ///   - end: the address where the head ended; compared when the check began with an address.
    mutating func verdict(version: UnsafeBufferPointer<UInt8>, end: UInt?) -> Refusal? {
        let isNew = Self.matches(version, "http/1.1")
        guard isNew || Self.matches(version, "http/1.0") else { return .version }
        if !walk.ends(at: end) { return .malformed("\(fault ?? Self.lineFault)") }
        if let fault { return .malformed("\(fault)") }
        if codings > 0 {
            guard isNew else { return .malformed("Transfer-Encoding under HTTP/1.0") }
            guard contentLengths == 0 else { return .malformed("both Transfer-Encoding and Content-Length") }
            guard codings == 1, chunkedCodings == 1 else {
                return .malformed("the only transfer coding is chunked, once")
            }
        }
        guard contentLengths <= 1 else { return .malformed("Content-Length more than once") }
        guard hosts == 1 || !isNew && hosts == 0 else { return .malformed("exactly one Host is needed") }
        if !isNew {
            expectsContinue = false
        } else if unknownExpectation {
            return .expectation
        }
        return nil
    }

    private static let lineFault: StaticString =
        "a header line is folded, or not ended by CR LF, or has a NUL byte"

    static func isToken(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
                default: false
                }
            }
    }

    private static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + UInt64(byte - 0x30)
        }
        return value
    }

    /// Compares without regard to case; `word` is in lower case.
    static func matches(_ bytes: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count {
            guard bytes[index].lowercased == word.utf8Start[index] else { return false }
        }
        return true
    }
}
