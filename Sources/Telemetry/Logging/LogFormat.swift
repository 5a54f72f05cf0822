internal import Glibc
internal import WireJSON
internal import WireTime

/// A field's value.
public enum LogValue: Sendable, Hashable {
    /// A text.
    case text(String)
    /// A whole number.
    case integer(Int64)
    /// A number of seconds, or any other with a fraction.
    case number(Double)
}

/// How a line looks.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `2026-01-31T12:00:00.250Z info message name=value`.
    case text
    /// For machines: an object with `timestamp`, `level`, `message` and the fields.
    case json

    /// One line with its end.
    func line(
        _ time: timespec, _ level: Logger.Level, _ message: String, _ fields: [(String, LogValue)]
    ) -> [UInt8] {
        let moment = Timestamp.text(seconds: Int64(time.tv_sec), milliseconds: Int64(time.tv_nsec / 1_000_000))
        return switch self {
        case .text: Self.text(moment, level, message, fields)
        case .json: Self.object(moment, level, message, fields)
        }
    }

    private static func text(
        _ moment: String, _ level: Logger.Level, _ message: String, _ fields: [(String, LogValue)]
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(320)
        line += moment.utf8
        line.append(0x20)
        line += level.name.utf8
        line.append(0x20)
        line += oneLine(message).utf8
        for (name, value) in fields {
            line.append(0x20)
            line += name.utf8
            line.append(UInt8(ascii: "="))
            switch value {
            case .text(let text): line += quoted(text).utf8
            case .integer(let number): line += number.description.utf8
            case .number(let number): line += number.description.utf8
            }
        }
        line.append(0x0a)
        return line
    }

    private static func object(
        _ moment: String, _ level: Logger.Level, _ message: String, _ fields: [(String, LogValue)]
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        line.append(contentsOf: #"{"timestamp":"\#(moment)","level":"\#(level.name)","message":"#.utf8)
        JSONValue.append(message, to: &line)
        for (name, value) in fields {
            line.append(UInt8(ascii: ","))
            JSONValue.append(["timestamp", "level", "message"].contains(name) ? name + "_" : name, to: &line)
            line.append(UInt8(ascii: ":"))
            switch value {
            case .text(let text): JSONValue.append(text, to: &line)
            case .integer(let number): line.append(contentsOf: String(number).utf8)
            // Neither infinity nor NaN is JSON.
            case .number(let number): line.append(contentsOf: (number.isFinite ? number.description : "null").utf8)
            }
        }
        line.append(contentsOf: "}\n".utf8)
        return line
    }

    /// Control characters would let a peer forge lines.
    private static func oneLine(_ text: String) -> String {
        guard has(text, { $0 < 0x20 || $0 == 0x7f }) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }

    private static func quoted(_ value: String) -> String {
        let isPlain = !has(value) { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3d || $0 == 0x7f }
        guard value.isEmpty || !isPlain else { return value }
        let line = oneLine(value)
        return "\"" + line.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }

    private static func has(_ text: String, _ isSpecial: (UInt8) -> Bool) -> Bool {
        var text = text
        return text.withUTF8 { $0.contains(where: isSpecial) }
    }
}
