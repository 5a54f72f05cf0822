import Glibc

/// A socket to the server under test, written to and read byte by byte.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Reply {
        var status = 0
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let socket: Int32
    private var buffer: [UInt8] = []
    private(set) var wasReset = false

    init(_ port: UInt16) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "connect: \(errno)") }
    }

    deinit { Glibc.close(socket) }

    /// Sends all of it; false when the server does not take more.
    @discardableResult func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { all in
                Glibc.send(socket, all.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// What fits into the socket's buffer now.
    func sendWithoutWaiting(_ bytes: [UInt8]) -> Int {
        Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }

    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Closes so that the server gets a reset.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        shutdown(socket, Int32(SHUT_RD))
        dup2(open("/dev/null", O_RDONLY), socket)
    }

    /// The next answer, or nil when the connection ended before one.
    func reply(toHead: Bool = false) throws -> Reply? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let start = Self.find(end, in: buffer) {
                var reply = Self.head(String(decoding: buffer[..<start], as: UTF8.self))
                buffer.removeFirst(start + 4)
                let isBodyless = toHead || reply.status < 200 || reply.status == 204 || reply.status == 304
                let count = isBodyless ? 0 : Int(reply.headers["content-length"] ?? "") ?? 0
                while buffer.count < count { guard try more() else { throw Failure(description: "body cut off") } }
                reply.body = Array(buffer[..<count])
                buffer.removeFirst(count)
                return reply
            }
            guard try more() else { return nil }
        }
    }

    func someReply(toHead: Bool = false) throws -> Reply {
        guard let reply = try reply(toHead: toHead) else { throw Failure(description: "no reply") }
        return reply
    }

    /// Everything up to the end of the connection.
    func rest() throws -> [UInt8] {
        while try more() {}
        return buffer
    }

    /// Waits until a text has come, and takes everything up to its end.
    @discardableResult func take(upTo text: String) throws -> [UInt8] {
        let pattern = Array(text.utf8)
        while true {
            if let start = Self.find(pattern, in: buffer) {
                let taken = Array(buffer[..<(start + pattern.count)])
                buffer.removeFirst(taken.count)
                return taken
            }
            guard try more() else { throw Failure(description: "the connection ended before \(text)") }
        }
    }

    /// Whether the server ends the connection with nothing more said.
    func isClosed() throws -> Bool { try rest().isEmpty }

    private func more() throws -> Bool {
        var event = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&event, 1, 30_000) > 0 else { throw Failure(description: "the server says nothing") }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &bytes, bytes.count, 0)
        if count < 0 { wasReset = true }
        guard count > 0 else { return false }
        buffer.append(contentsOf: bytes[..<count])
        return true
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        return (0...bytes.count - pattern.count).first { bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }

    private static func head(_ text: String) -> Reply {
        var reply = Reply()
        let lines = text.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        if words.count > 1 { reply.status = Int(words[1]) ?? 0 }
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            var value = line[line.index(after: colon)...]
            while value.first == " " { value.removeFirst() }
            reply.headers[line[..<colon].lowercased()] = String(value)
        }
        return reply
    }
}
