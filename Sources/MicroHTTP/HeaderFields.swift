internal import Glibc

/// The header lines of a request, names and values side by side in one piece of memory.
struct HeaderFields: Sendable {
    private struct Line {
        let nameCount: Int
        let valueCount: Int
    }

    private var bytes: [UInt8] = []
    private var lines: [Line] = []

    /// Bytes of all lines, without what stands between them.
    var size: Int { bytes.count }

    /// None, with room for the lines of most requests.
    init() {
        bytes.reserveCapacity(512)
        lines.reserveCapacity(12)
    }

    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: value)
        lines.append(Line(nameCount: name.count, valueCount: value.count))
    }

    /// The values of all lines with a name, joined with `, `; nil when there is none.
    ///
    /// - Parameter name: in any case.
    func value(of name: String) -> String? {
        var name = name
        return name.withUTF8 { name in
            var joined: String?
            var start = 0
            for line in lines {
                defer { start += line.nameCount + line.valueCount }
                guard line.nameCount == name.count, isNamed(name, at: start) else { continue }
                let first = start + line.nameCount
                let text = String(decoding: bytes[first..<first + line.valueCount], as: UTF8.self)
                joined = joined.map { $0 + ", " + text } ?? text
            }
            return joined
        }
    }

    private func isNamed(_ name: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        for index in 0..<name.count where bytes[start + index].lowercased != name[index].lowercased { return false }
        return true
    }

    /// Goes along the header lines of another request, to see whether they are these.
    struct Comparison {
        private let fields: HeaderFields
        private var line = 0
        private var start = 0
        private var differs = false
        /// Equal bytes are not enough: where a NUL byte or a bare line feed stood, the library leaves what looks like the end of a
        /// good line.
        private var walk: LineWalk

        /// A comparison before the first line.
        ///
        /// - Parameter start: the address where that has to begin; nil does not look at addresses.
        init(with fields: HeaderFields, start: UInt?) {
            self.fields = fields
            walk = LineWalk(start: start)
        }

        mutating func see(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
            if !walk.pass(name: name, value: value) { differs = true }
            guard !differs, line < fields.lines.count, fields.lines[line].nameCount == name.count,
                fields.lines[line].valueCount == value.count
            else {
                differs = true
                return
            }
            if !fields.holds(name, at: start) || !fields.holds(value, at: start + name.count) { differs = true }
            start += name.count + value.count
            line += 1
        }

        /// Whether the lines that were seen are all that there are, in their order.
        ///
        /// - Parameter end: the address where the head ended; compared when the comparison began with an address.
        func isSame(end: UInt?) -> Bool {
            walk.ends(at: end) && !differs && line == fields.lines.count
        }
    }

    private func holds(_ part: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = part.baseAddress, let own = bytes.baseAddress else { return part.isEmpty }
            return start + part.count <= bytes.count && memcmp(base, own + start, part.count) == 0
        }
    }
}
