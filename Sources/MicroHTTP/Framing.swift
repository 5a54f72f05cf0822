internal import CMicrohttpd
internal import Glibc

/// How a request's body is delimited, and whether that is unambiguous (RFC 9112, sections 3.2 and 6.3).
///
/// libmicrohttpd before 1.0 serves what a proxy in front may have read differently: the guard is here.
struct Framing {
    private(set) var contentLength: UInt64?
    private(set) var isChunked = false
    private(set) var expectsContinue = false
    /// Why the request has to be refused.
    private(set) var refusal: Refusal?
    private var hosts = 0
    private var lengths = 0
    private var codings = 0

    init(_ connection: OpaquePointer, version: String) {
        withUnsafeMutablePointer(to: &self) { framing in
            _ = MHD_get_connection_values_n(connection, .HEADER_KIND, visitHeader, framing)
        }
        if codings > 0, lengths > 0 { refuse("Transfer-Encoding and Content-Length contradict each other") }
        if codings > 1 { refuse("Transfer-Encoding comes twice") }
        if codings > 0, version != "HTTP/1.1" { refuse("Transfer-Encoding needs HTTP/1.1") }
        if lengths > 1 { refuse("Content-Length comes twice") }
        if hosts > 1 { refuse("Host comes twice") }
        if hosts == 0, version == "HTTP/1.1" { refuse("Host is missing") }
    }

    fileprivate mutating func visit(_ name: UnsafeBufferPointer<CChar>, _ value: UnsafeRawBufferPointer) {
        if value.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) {
            refuse("a header's value has a control character")
        }
        switch name.count {
        case 4 where equal(name, "host"): hosts += 1
        case 6 where equal(name, "expect"):
            expectsContinue = true
            if String(decoding: value, as: UTF8.self).lowercased() != "100-continue" {
                refuse("Expect knows only 100-continue", status: 417)
            }
        case 14 where equal(name, "content-length"):
            lengths += 1
            let text = String(decoding: value, as: UTF8.self)
            contentLength = value.allSatisfy { 0x30...0x39 ~= $0 } ? UInt64(text) : nil
            if contentLength == nil { refuse("Content-Length is not a number") }
        case 17 where equal(name, "transfer-encoding"):
            codings += 1
            isChunked = true
            if String(decoding: value, as: UTF8.self).lowercased() != "chunked" {
                refuse("Transfer-Encoding has to be chunked")
            }
        default: break
        }
    }

    private func equal(_ name: UnsafeBufferPointer<CChar>, _ other: StaticString) -> Bool {
        other.withUTF8Buffer { other in
            zip(name, other).allSatisfy { UInt8(bitPattern: $0) | 0x20 == $1 | 0x20 }
        }
    }

    private mutating func refuse(_ reason: String, status: Int = 400) {
        if refusal == nil { refusal = Refusal(status: status, reason: reason) }
    }
}

/// Thread: the worker's, during `MHD_get_connection_values_n`.
private func visitHeader(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameCount: Int,
    _ value: UnsafePointer<CChar>?, _ valueCount: Int
) -> MHD_Result {
    context?.assumingMemoryBound(to: Framing.self).pointee.visit(
        UnsafeBufferPointer(start: name, count: nameCount), UnsafeRawBufferPointer(start: value, count: valueCount))
    return .YES
}
