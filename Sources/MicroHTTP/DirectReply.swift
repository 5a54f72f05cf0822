internal import Bytes
internal import CMicrohttpd
internal import Glibc

/// Answers in the form in which they travel, for the moments when libmicrohttpd takes none.
enum DirectReply {
    /// What fits into the empty buffer of any socket in one go.
    private static let largestBody = 64 << 10

    /// An answer after which the connection closes.
    ///
    /// - Parameters:
    ///   - response: a body that is too large for this is left out.
    ///   - withBody: false for the answer to `HEAD`.
    static func bytes(of response: Response, withBody: Bool) -> [UInt8] {
        let body = body(of: response.body)
        let reason = MHD_get_reason_phrase_for(UInt32(clamping: response.status)).map { String(cString: $0) } ?? ""
        var head = "HTTP/1.1 \(response.status) \(reason)\r\n"
        head += "Date: \(date())\r\nConnection: close\r\nContent-Length: \(body.count)\r\n"
        for (name, value) in response.headers where HeaderRules.isSendable(name, value) {
            head += "\(name): \(value)\r\n"
        }
        head += "\r\n"
        return withBody ? Array(head.utf8) + body : Array(head.utf8)
    }

    private static func body(of body: Body) -> [UInt8] {
        guard body.count <= largestBody else { return [] }
        switch body {
        case .empty, .stream: return []
        case .bytes(let bytes): return bytes
        case .file(let slice): return slice.read(upTo: largestBody) ?? []
        case .slab(let slab, let range): return Array(slab.bytes[range.clamped(to: 0..<slab.capacity)])
        }
    }

    /// Now, as the `Date` header has it.
    private static func date() -> String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(days[Int(parts.tm_wday) % 7]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon) % 12])"
        return "\(day) \(1900 + parts.tm_year) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}

/// Which header lines of a response are sent.
enum HeaderRules {
    /// Whether a line is valid, and not the server's own to send.
    static func isSendable(_ name: String, _ value: String) -> Bool {
        var (name, value) = (name, value)
        return name.withUTF8 { isName($0) } && value.withUTF8 { isValue($0) }
    }

    private static func isValue(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    private static func isName(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard HeaderCheck.isToken(name) else { return false }
        return switch name.count {
        case 4: !HeaderCheck.matches(name, "date")
        case 10: !HeaderCheck.matches(name, "connection")
        case 14: !HeaderCheck.matches(name, "content-length")
        case 17: !HeaderCheck.matches(name, "transfer-encoding")
        default: true
        }
    }
}
