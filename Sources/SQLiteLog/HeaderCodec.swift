internal import EventLog

/// A record's headers as one blob: u32 count, then u32 length and bytes of each name and value, little-endian.
enum HeaderCodec {
    static func encode(_ headers: [RecordHeader]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ count: Int) { withUnsafeBytes(of: UInt32(count).littleEndian) { bytes.append(contentsOf: $0) } }
        append(headers.count)
        for header in headers {
            append(header.name.utf8.count)
            bytes.append(contentsOf: header.name.utf8)
            append(header.value.count)
            bytes.append(contentsOf: header.value)
        }
        return bytes
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(LogFailure) -> [RecordHeader] {
        var rest = bytes[...]
        func take(_ count: Int) throws(LogFailure) -> Slice<UnsafeRawBufferPointer> {
            guard rest.count >= count else { throw LogFailure(.corrupt, "the headers of a record end too early") }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func length() throws(LogFailure) -> Int { try take(4).reversed().reduce(0) { $0 << 8 | Int($1) } }
        var headers: [RecordHeader] = []
        for _ in 0..<(try length()) {
            let name = String(decoding: try take(length()), as: UTF8.self)
            headers.append(RecordHeader(name, [UInt8](try take(length()))))
        }
        return headers
    }
}
