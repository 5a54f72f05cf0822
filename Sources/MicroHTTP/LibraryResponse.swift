internal import Bytes
internal import CMicrohttpd
internal import Glibc

/// Builds libmicrohttpd's responses.
enum LibraryResponse {
    /// Bytes of a file up to which reading them costs less than having the kernel send them.
    private static let smallFile = 16 << 10

    /// A response that the caller destroys, or nil when memory or descriptors ran out.
    ///
    /// - Parameters:
    ///   - response: what is sent.
    ///   - exchange: the one whose answer it is.
    static func make(_ response: Response, for exchange: Exchange) -> OpaquePointer? {
        guard let made = body(response.body, exchange) else { return nil }
        for (name, value) in response.headers { add(name, value, to: made) }
        if response.close { MHD_add_response_header(made, "Connection", "close") }
        return made
    }

    /// Adds a header line, unless it is not one to be sent.
    static func add(_ name: String, _ value: String, to response: OpaquePointer) {
        guard HeaderRules.isSendable(name, value) else { return }
        // Given as they are, they would be copied for the call.
        name.withCString { name in
            value.withCString { value in _ = MHD_add_response_header(response, name, value) }
        }
    }

    /// Takes away a header line that was added.
    static func remove(_ name: String, _ value: String, from response: OpaquePointer) {
        name.withCString { name in
            value.withCString { value in _ = MHD_del_response_header(response, name, value) }
        }
    }

    private static func body(_ body: Body, _ exchange: Exchange) -> OpaquePointer? {
        switch body {
        // Of a 304 the right thing would be no length, or that of the 200. The library cannot leave it out but by chunks, of
        // which it then sends the last, so that the next answer begins in the wrong place; and there are parsers that wait
        // for as many bytes as the length says. Nought harms nobody: caches do not take it over (RFC 9111, section 3.2).
        case .empty: return cmhd_copied(nil, 0)
        case .bytes(let bytes): return bytes.withUnsafeBytes { cmhd_copied($0.baseAddress, $0.count) }
        case .file(let slice):
            // A little goes out with the head, in one packet and without a descriptor.
            if let bytes = slice.read(upTo: smallFile) {
                return bytes.withUnsafeBytes { cmhd_copied($0.baseAddress, $0.count) }
            }
            let descriptor = slice.duplicate()
            guard descriptor >= 0 else { return nil }
            // The response closes the descriptor, also when it is never sent.
            guard
                let made = MHD_create_response_from_fd_at_offset64(
                    UInt64(slice.count), descriptor, UInt64(slice.offset))
            else {
                close(descriptor)
                return nil
            }
            return made
        case .slab(let slab, let range):
            let range = range.clamped(to: 0..<slab.capacity)
            let owner = Unmanaged.passRetained(slab)
            guard let made = cmhd_lent(slab.base + range.lowerBound, range.count, releaseSlab, owner.toOpaque()) else {
                owner.release()
                return nil
            }
            return made
        // The last chunk again: none is sent where none is announced.
        case .stream where exchange.method == "HEAD": return cmhd_no_length()
        case .stream(let source): return StreamReader.response(source, exchange)
        }
    }
}

/// Thread: the worker that destroys the response.
private func releaseSlab(_ owner: UnsafeMutableRawPointer?) {
    if let owner { Unmanaged<Slab>.fromOpaque(owner).release() }
}
