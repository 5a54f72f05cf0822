internal import Glibc
internal import WireJSON
internal import WireTime

/// A line of the log that is being written: bytes, and nothing on the way to them.
///
/// A request costs one of these, so fields are appended one after the other instead of being gathered first.
public struct LogLine {
    private let format: LogFormat
    private var bytes: [UInt8] = []

    init(_ format: LogFormat, _ time: timespec, _ level: Logger.Level, _ message: String) {
        self.format = format
        bytes.reserveCapacity(512)
        let moment = Timestamp.text(seconds: Int64(time.tv_sec), milliseconds: Int64(time.tv_nsec / 1_000_000))
        switch format {
        case .text:
            append(moment)
            append(" ")
            append(level.name)
            append(" ")
            append(Self.oneLine(message))
        case .json:
            append(#"{"timestamp":""#)
            append(moment)
            append(#"","level":""#)
            append(level.name)
            append(#"","message":"#)
            JSONValue.append(message, to: &bytes)
        }
    }

    /// The whole line with its end.
    consuming func finish() -> [UInt8] {
        append(format == .text ? "\n" : "}\n")
        return bytes
    }

    /// A field that is a text.
    ///
    /// - Parameters:
    ///   - name: without blanks.
    ///   - value: whatever; no secrets.
    public mutating func text(_ name: StaticString, _ value: String) {
        begin(name)
        appendValue(value)
    }

    /// A field that is a whole number.
    ///
    /// - Parameters:
    ///   - name: without blanks.
    ///   - value: the number.
    public mutating func integer(_ name: StaticString, _ value: Int64) {
        begin(name)
        append(value.description)
    }

    /// A field that is a number of seconds, or any other with a fraction.
    ///
    /// - Parameters:
    ///   - name: without blanks.
    ///   - value: the number.
    public mutating func number(_ name: StaticString, _ value: Double) {
        begin(name)
        // Neither infinity nor NaN is JSON.
        append(format == .text || value.isFinite ? value.description : "null")
    }

    /// A field whose name is not known beforehand.
    mutating func text(named name: String, _ value: String) {
        begin(named: name)
        appendValue(value)
    }

    private mutating func begin(_ name: StaticString) {
        // In text it is appended as it lies in the program.
        guard format == .text, name.hasPointerRepresentation else { return begin(named: String(describing: name)) }
        bytes.append(0x20)
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "="))
    }

    private mutating func begin(named name: String) {
        switch format {
        case .text:
            append(" ")
            append(name)
            append("=")
        case .json:
            append(",")
            JSONValue.append(["timestamp", "level", "message"].contains(name) ? name + "_" : name, to: &bytes)
            append(":")
        }
    }

    /// All at once: its UTF-8 view would hand them over one by one.
    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    private mutating func appendValue(_ value: String) {
        switch format {
        case .text: appendQuoted(value)
        case .json: JSONValue.append(value, to: &bytes)
        }
    }

    private mutating func appendQuoted(_ value: String) {
        let isPlain = !value.isEmpty && !Self.has(value) { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3d || $0 == 0x7f }
        guard !isPlain else { return append(value) }
        let parts = Self.oneLine(value).split(separator: "\"", omittingEmptySubsequences: false)
        append("\"" + parts.joined(separator: "\\\"") + "\"")
    }

    /// Control characters would let a peer forge lines.
    private static func oneLine(_ text: String) -> String {
        guard has(text, { $0 < 0x20 || $0 == 0x7f }) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }

    private static func has(_ text: String, _ isSpecial: (UInt8) -> Bool) -> Bool {
        var text = text
        return text.withUTF8 { $0.contains(where: isSpecial) }
    }
}
