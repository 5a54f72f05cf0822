internal import Base64
public import Weights
public import WireJSON

/// Streams a weight set out as JSON with base64 data (protocol.md, section 2).
///
/// Without blanks; the keys of the metadata are sorted, those of an array are `name`, where it has one, `shape`,
/// `dtype`, `data`.
public struct WeightsJSONEncoder: WeightEncoder {
    /// Bytes that are encoded at once: whole groups of three.
    private static let pieceSize = 48 << 10

    private let arrays: [ArraySpec]
    private let metadata: [String: JSONValue]

    /// An encoder for these arrays.
    ///
    /// - Parameters:
    ///   - arrays: in order.
    ///   - metadata: any.
    public init(arrays: [ArraySpec], metadata: [String: JSONValue]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Writes the text; see `WeightEncoder`.
    public func write(
        _ source: (Int) throws -> UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try arrays.checkForWriting()
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Base64.encodedCount(Self.pieceSize), alignment: 16)
        defer { room.deallocate() }
        var text = Array(#"{"metadata":"#.utf8)
        do {
            try JSONValue.object(metadata).append(to: &text)
        } catch {
            throw WeightFailure("metadata: \(error.reason)", at: 0)
        }
        text += #","weights":["#.utf8
        for (index, spec) in arrays.enumerated() {
            let bytes = try source(index)
            try spec.check(given: bytes, index: index)
            if index > 0 { text.append(UInt8(ascii: ",")) }
            appendHead(of: spec, to: &text)
            try text.withUnsafeBytes(sink)
            text.removeAll(keepingCapacity: true)
            text += try Self.write(bytes, room, to: sink)
            text += #""}"#.utf8
        }
        text += "]}".utf8
        try text.withUnsafeBytes(sink)
    }

    private func appendHead(of spec: ArraySpec, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "{"))
        if let name = spec.name {
            text += #""name":"#.utf8
            JSONValue.append(name, to: &text)
            text.append(UInt8(ascii: ","))
        }
        let shape = spec.shape.map(String.init).joined(separator: ",")
        text += #""shape":[\#(shape)],"dtype":"\#(spec.dtype.rawValue)","data":""#.utf8
    }

    /// All but the last group, which is returned when it is not whole.
    private static func write(
        _ bytes: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer,
        to sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> [UInt8] {
        guard let target = room.baseAddress else { return [] }
        var place = 0
        let whole = bytes.count / 3 * 3
        while place < whole {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[place..<min(place + pieceSize, whole)])
            Base64.encode(piece, to: target)
            try sink(UnsafeRawBufferPointer(rebasing: room[..<Base64.encodedCount(piece.count)]))
            place += piece.count
        }
        return whole < bytes.count ? Base64.tail(Array(bytes[whole...])) : []
    }
}
