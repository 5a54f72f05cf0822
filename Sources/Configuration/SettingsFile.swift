internal import CYaml
public import Flags
internal import Glibc

/// A YAML file of settings: nested mappings of scalars and of lists of scalars, each found under its dotted key.
public struct SettingsFile: Sendable {
    /// A value and where it stands.
    public struct Entry: Sendable, Hashable {
        /// Such as `http.listen`.
        public let key: String
        /// As written; the members of a list with commas between.
        public let value: String
        /// Whether it is a list.
        public let isList: Bool
        /// From 1.
        public let line: Int
    }

    /// The file's path.
    public let path: String
    /// In the order of the file.
    public let entries: [Entry]

    /// Reads a file.
    ///
    /// - Parameter path: of a file of at most 1 MiB.
    /// - Throws: `UsageFailure` with the line, for what is no such YAML or a key that comes twice.
    public init(_ path: String) throws(UsageFailure) {
        let bytes = try Self.read(path)
        self.path = path
        var parser = SettingsParser(path)
        entries = try parser.parse(bytes)
    }

    private static func read(_ path: String) throws(UsageFailure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw UsageFailure("cannot open \(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: (1 << 20) + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            guard got >= 0 else { throw UsageFailure("cannot read \(path): \(String(cString: strerror(errno)))") }
            if got == 0 { return Array(bytes[..<count]) }
            count += got
        }
        throw UsageFailure("\(path) is larger than 1 MiB")
    }
}

/// Walks through libyaml's events.
private struct SettingsParser {
    private let path: String
    private var entries: [SettingsFile.Entry] = []
    /// The keys of the mappings that are open; nil where a key is awaited.
    private var keys: [String?] = []
    /// The list that is open, and where it began.
    private var list: (members: [String], line: Int)?
    private var seen: Set<String> = []

    init(_ path: String) { self.path = path }

    mutating func parse(_ bytes: [UInt8]) throws(UsageFailure) -> [SettingsFile.Entry] {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { throw UsageFailure("no memory to read \(path)") }
        defer { yaml_parser_delete(parser) }
        let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
        defer { input.deallocate() }
        _ = input.initialize(from: bytes)
        yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(parser, &event) == 1 else {
                let reason = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
                // libyaml's words for a tab are of no help.
                let hint = reason.contains("cannot start any token") ? "; blanks indent YAML, tabs do not" : ""
                throw UsageFailure("\(path):\(parser.pointee.problem_mark.line + 1): \(reason)\(hint)")
            }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT { return entries }
            try take(event)
        }
    }

    private mutating func take(_ event: yaml_event_t) throws(UsageFailure) {
        let line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_MAPPING_START_EVENT:
            guard list == nil else { throw UsageFailure("\(path):\(line): a list of settings has scalars in it") }
            if let last = keys.last, last == nil { throw UsageFailure("\(path):\(line): a key has to be a text") }
            keys.append(nil)
        case YAML_MAPPING_END_EVENT:
            keys.removeLast()
            finishValue()
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            try takeScalar(text, line)
        case YAML_SEQUENCE_START_EVENT:
            guard list == nil, let last = keys.last, last != nil else {
                throw UsageFailure("\(path):\(line): a list stands behind a key, and has no lists in it")
            }
            list = ([], line)
        case YAML_SEQUENCE_END_EVENT:
            guard let members = list else { break }
            list = nil
            try put(members.members.joined(separator: ","), isList: true, members.line)
        case YAML_ALIAS_EVENT: throw UsageFailure("\(path):\(line): aliases are not settings; write the value again")
        default: break
        }
    }

    private mutating func takeScalar(_ text: String, _ line: Int) throws(UsageFailure) {
        guard let last = keys.last else { throw UsageFailure("\(path):\(line): settings are keys with values") }
        guard last != nil else {
            keys[keys.count - 1] = text
            return
        }
        if list != nil {
            guard !text.contains(",") else {
                throw UsageFailure("\(path):\(line): a member of a list has no comma in it")
            }
            list?.members.append(text)
            return
        }
        try put(text, isList: false, line)
    }

    private mutating func put(_ value: String, isList: Bool, _ line: Int) throws(UsageFailure) {
        let key = keys.compactMap { $0 }.joined(separator: ".")
        guard seen.insert(key).inserted else { throw UsageFailure("\(path):\(line): \(key) comes twice") }
        entries.append(SettingsFile.Entry(key: key, value: value, isList: isList, line: line))
        finishValue()
    }

    private mutating func finishValue() { if !keys.isEmpty { keys[keys.count - 1] = nil } }
}
