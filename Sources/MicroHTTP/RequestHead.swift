internal import CMicrohttpd
internal import Synchronization

/// The head of a request: read, checked, and what was made of it.
///
/// Who polls sends the same head again and again. So a connection remembers the last good one, and a request that has the
/// same bytes in the same lines gets it: neither are they checked again nor does the router have to understand them anew.
///
/// Thread: any.
final class RequestHead: Sendable {
    /// Bytes of header lines up to which a head is remembered, so that idle connections stay small.
    private static let mostRemembered = 2048

    let method: String
    let version: String
    let target: Target
    let framing: HeaderCheck
    /// Why the request is not served; then it is unknown where it ends.
    let refusal: Refusal?
    /// What the router wants to remember of it.
    let memo = Mutex<(any AnyObject & Sendable)?>(nil)
    private let fields: HeaderFields

    /// Reads and checks.
    ///
    /// - Parameters:
    ///   - raw: where the library has it.
    ///   - target: the second word of the request line.
    init(_ raw: borrowing RawHead, target: Target) {
        var reading = Reading(check: HeaderCheck(start: raw.firstLine))
        raw.forEachLine(&reading, readLine)
        method = String(decoding: raw.method, as: UTF8.self)
        version = String(decoding: raw.version, as: UTF8.self)
        self.target = target
        refusal = Self.refusal(raw, &reading.check, target)
        framing = reading.check
        fields = reading.fields
    }

    private static func refusal(_ raw: borrowing RawHead, _ check: inout HeaderCheck, _ target: Target) -> Refusal? {
        if let refusal = check.verdict(version: raw.version, end: raw.end) { return refusal }
        guard raw.hasPlainLine else { return .malformed("the request line is not three words with single spaces") }
        guard HeaderCheck.isToken(raw.method) else { return .malformed("the method is not a token") }
        return target.fault.map { .malformed($0) }
    }

    /// The value of a header; several lines are joined with `, `.
    func header(_ name: String) -> String? { fields.value(of: name) }

    /// Whether it is one that later requests of the connection may have, too.
    var isWorthKeeping: Bool { refusal == nil && fields.size <= Self.mostRemembered }

    /// Whether another request has this head, so that all checks of it would end as they did.
    func isRepeated(by raw: borrowing RawHead, target: Target) -> Bool {
        guard raw.hasPlainLine, target.text == self.target.text, method.isSame(as: UnsafeRawBufferPointer(raw.method)),
            version.isSame(as: UnsafeRawBufferPointer(raw.version))
        else { return false }
        var comparison = HeaderFields.Comparison(with: fields, start: raw.firstLine)
        raw.forEachLine(&comparison, compareLine)
        return comparison.isSame(end: raw.end)
    }
}

private struct Reading {
    var check: HeaderCheck
    var fields = HeaderFields()
}

/// For `forEachLine` with a `Reading`.
private func readLine(
    _ context: UnsafeMutableRawPointer?, _: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameCount: Int,
    _ value: UnsafePointer<CChar>?, _ valueCount: Int
) -> MHD_Result {
    let (name, value) = (buffer(name, nameCount), buffer(value, valueCount))
    let reading = context?.assumingMemoryBound(to: Reading.self)
    reading?.pointee.check.see(name: name, value: value)
    reading?.pointee.fields.append(name: name, value: value)
    return .YES
}

/// For `forEachLine` with a comparison.
private func compareLine(
    _ context: UnsafeMutableRawPointer?, _: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameCount: Int,
    _ value: UnsafePointer<CChar>?, _ valueCount: Int
) -> MHD_Result {
    let comparison = context?.assumingMemoryBound(to: HeaderFields.Comparison.self)
    comparison?.pointee.see(name: buffer(name, nameCount), value: buffer(value, valueCount))
    return .YES
}

private func buffer(_ text: UnsafePointer<CChar>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeRawBufferPointer(start: text, count: text == nil ? 0 : count).assumingMemoryBound(to: UInt8.self)
}
