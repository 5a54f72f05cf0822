import Glibc

/// A client that sends whatever it is told, byte for byte.
final class RawClient {
    private let descriptor: Int32
    /// The server lives as long as its clients.
    private let server: AnyObject?

    init(port: UInt16, server: AnyObject? = nil) {
        self.server = server
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    deinit { close(descriptor) }

    /// False when the server has gone.
    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult func send(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            done += count
        }
        return true
    }

    /// Whether something can be read, the end included.
    var hasAnswer: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0
    }

    /// All that comes until the server ends the connection, or 20 seconds pass without a byte.
    func readToEnd() -> String {
        var text: [UInt8] = []
        while let piece = receive() { text += piece }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads until the text has come.
    func read(until end: String) -> String {
        var text: [UInt8] = []
        while !String(decoding: text, as: UTF8.self).hasSuffix(end), let piece = receive(1) { text += piece }
        return String(decoding: text, as: UTF8.self)
    }

    private func receive(_ most: Int = 65536) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: most)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}
