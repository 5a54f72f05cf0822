internal import Glibc

/// A numeric address and a port, as the system's calls want it.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private(set) var isIPv6 = false

    init(_ host: String, _ port: UInt16) throws(ServerFailure) {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
        } else if inet_pton(AF_INET6, host, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            isIPv6 = true
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
        } else {
            throw ServerFailure(description: "\(host) is no IPv4 or IPv6 address")
        }
    }

    func withPointer<R>(_ body: (UnsafePointer<sockaddr>?) -> R) -> R {
        withUnsafeBytes(of: storage) { body($0.baseAddress?.assumingMemoryBound(to: sockaddr.self)) }
    }
}
