internal import CMicrohttpd
internal import Glibc

/// The socket that the server listens on.
enum Listener {
    /// Listens, non-blocking.
    ///
    /// - Returns: the socket, for the daemon to close, and the port.
    static func open(_ configuration: ServerConfiguration) throws(ServerFailure) -> (socket: Int32, port: UInt16) {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(configuration.host, String(configuration.port), &hints, &found) == 0, let found else {
            throw .unknownHost(configuration.host)
        }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let listener = socket(found.pointee.ai_family, type, 0)
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if found.pointee.ai_family == AF_INET6 {
            var only: Int32 = configuration.host == "::" ? 0 : 1
            setsockopt(listener, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, size)
        }
        guard listener >= 0, bind(listener, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
            listen(listener, configuration.backlog) == 0, let port = port(of: listener)
        else {
            let code = errno
            if listener >= 0 { discard(listener) }
            throw .cannotListen(address: "\(configuration.host) port \(configuration.port)", code: code)
        }
        return (listener, port)
    }

    /// Has the kernel refuse new connections, while the daemon keeps a descriptor of the same number.
    ///
    /// `MHD_quiesce_daemon` is not used: it races with the workers for the removal of the socket from their epoll sets, and
    /// who comes second aborts the process. An event counter in the socket's place never has an event; the kernel takes the
    /// socket out of the sets when its last descriptor is gone.
    static func close(inPlace socket: Int32) {
        let counter = cmhd_silence()
        guard counter >= 0 else { return }
        dup2(counter, socket)
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        discard(counter)
    }

    /// Closes a socket that no daemon took.
    static func discard(_ socket: Int32) { _ = Glibc.close(socket) }

    private static func port(of socket: Int32) -> UInt16? {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(socket, address, &size) == 0 else { return nil }
                // The port is at the same place in both families.
                return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    UInt16(bigEndian: $0.pointee.sin_port)
                }
            }
        }
    }
}
