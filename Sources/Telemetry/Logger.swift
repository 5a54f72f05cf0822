internal import Glibc
internal import WireTime

/// One line an event on standard error: time, level, what happened, and fields.
///
/// Thread: any; a line is one write, so that lines do not mix.
public struct Logger: Sendable {
    /// How much an event matters.
    public enum Level: Int, Sendable, Comparable, CaseIterable {
        case debug, info, warning, error

        /// By how much it matters.
        public static func < (one: Level, other: Level) -> Bool { one.rawValue < other.rawValue }

        /// As it stands in a line.
        public var name: String { String(describing: self) }
    }

    private let lowest: Level
    private let descriptor: Int32

    /// A logger.
    ///
    /// - Parameters:
    ///   - lowest: events below it are left out.
    ///   - descriptor: where lines go; standard error unless told.
    public init(lowest: Level = .info, descriptor: Int32 = 2) {
        self.lowest = lowest
        self.descriptor = descriptor
    }

    /// Writes one event.
    ///
    /// - Parameters:
    ///   - level: how much it matters.
    ///   - message: what happened; no secrets.
    ///   - fields: names and values.
    public func log(
        _ level: Level, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []
    ) {
        guard level >= lowest else { return }
        var line = "\(Self.now()) \(level.name) \(Self.oneLine(message()))"
        for (name, value) in fields() { line += " \(name)=\(Self.quoted(value))" }
        line += "\n"
        _ = Array(line.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Something worth a line in everyday work.
    public func info(_ message: @autoclosure () -> String, _ fields: [(String, String)] = []) {
        log(.info, message(), fields)
    }

    /// Something that a person should look at some time.
    public func warning(_ message: @autoclosure () -> String, _ fields: [(String, String)] = []) {
        log(.warning, message(), fields)
    }

    /// Something that a person should look at now.
    public func error(_ message: @autoclosure () -> String, _ fields: [(String, String)] = []) {
        log(.error, message(), fields)
    }

    /// Control characters would let a peer forge lines.
    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }

    private static func quoted(_ value: String) -> String {
        let line = oneLine(value)
        guard line.isEmpty || line.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return line }
        return "\"" + line.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }

    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp.text(seconds: Int64(time.tv_sec), milliseconds: Int64(time.tv_nsec / 1_000_000))
    }
}
