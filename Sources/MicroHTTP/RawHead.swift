internal import CMicrohttpd

/// A request's head as libmicrohttpd has it.
///
/// Valid during the access handler's first call, on its thread.
struct RawHead: ~Copyable {
    let method: UnsafeBufferPointer<UInt8>
    let version: UnsafeBufferPointer<UInt8>
    private let handle: OpaquePointer
    private let targetEnd: UInt
    /// Whether it lies in the library's buffer as it came, so that addresses say what the library left out.
    private let isInPlace: Bool

    init(
        _ handle: OpaquePointer, _ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>, targetEnd: UInt,
        isInPlace: Bool
    ) {
        self.handle = handle
        self.method = Self.bytes(method)
        self.version = Self.bytes(version)
        self.targetEnd = targetEnd
        self.isInPlace = isInPlace
    }

    /// Where the first header line has to begin; nil when addresses say nothing.
    var firstLine: UInt? { isInPlace ? UInt(bitPattern: version.baseAddress) + UInt(version.count) + 2 : nil }
    /// Where the head ended; nil when addresses say nothing.
    var end: UInt? { isInPlace ? UInt(bitPattern: method.baseAddress) + UInt(cmhd_head_size(handle)) : nil }
    /// Whether there is one space between target and version, as far as addresses say.
    var hasPlainLine: Bool { !isInPlace || targetEnd + 1 == UInt(bitPattern: version.baseAddress) }

    /// Calls the iterator with each header line and the visitor's address.
    func forEachLine<Visitor>(_ visitor: inout Visitor, _ iterator: MHD_KeyValueIteratorN) {
        _ = withUnsafeMutablePointer(to: &visitor) { cmhd_each_header(handle, iterator, $0) }
    }

    private static func bytes(_ text: UnsafePointer<CChar>) -> UnsafeBufferPointer<UInt8> {
        let text = UnsafeRawBufferPointer(start: text, count: String.length(of: text))
        return text.assumingMemoryBound(to: UInt8.self)
    }
}
