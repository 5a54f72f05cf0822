internal import Synchronization

/// Token buckets of requests and of bytes, one pair a client.
///
/// A client may go into debt with one large body, and then has to wait: so every body that the gateway takes at all can be
/// sent, and the rate holds all the same.
///
/// Thread: any.
final class Quotas: Sendable {
    private struct Account {
        var requests: Double
        var bytes: Double
        var since: ContinuousClock.Instant
    }

    /// Clients that are remembered; beyond it those go who owe the least.
    private static let mostAccounts = 1 << 16

    private let requestsPerMinute: Double?
    private let bytesPerHour: Double?
    private let accounts = Mutex<[String: Account]>([:])

    init(requestsPerMinute: Int?, bytesPerHour: Int?) {
        self.requestsPerMinute = requestsPerMinute.map { Double($0) }
        self.bytesPerHour = bytesPerHour.map { Double($0) }
    }

    /// Takes one request and its bytes from an account.
    ///
    /// - Throws: 429 with the seconds after which there is something on it again.
    func charge(
        _ name: String, bytes: UInt64, at time: @autoclosure () -> ContinuousClock.Instant = .now
    ) throws(Failure) {
        guard requestsPerMinute != nil || bytesPerHour != nil else { return }
        let now = time()
        let refusal = accounts.withLock { accounts -> (what: String, seconds: Double)? in
            var account = refilled(accounts[name], now)
            defer { accounts[name] = account }
            if let rate = requestsPerMinute, account.requests < 1 {
                return ("\(Int(rate)) requests a minute", (1 - account.requests) / rate * 60)
            }
            if let rate = bytesPerHour, account.bytes <= 0 {
                return ("\(Int(rate)) bytes an hour", (1 - account.bytes) / rate * 3600)
            }
            account.requests -= 1
            account.bytes -= Double(bytes)
            if accounts.count >= Self.mostAccounts, accounts[name] == nil { drop(&accounts) }
            return nil
        }
        guard let refusal else { return }
        var failure = Failure(.quotaExceeded, "the client's quota of \(refusal.what) is used up")
        failure.headers = [("Retry-After", String(Int(min(max(refusal.seconds.rounded(.up), 1), 86_400))))]
        throw failure
    }

    /// Takes bytes that came beyond what was announced.
    func add(_ name: String, bytes: UInt64, at now: ContinuousClock.Instant = .now) {
        guard bytesPerHour != nil else { return }
        accounts.withLock { accounts in
            var account = refilled(accounts[name], now)
            account.bytes -= Double(bytes)
            accounts[name] = account
        }
    }

    private func refilled(_ account: Account?, _ now: ContinuousClock.Instant) -> Account {
        let (requests, bytes) = (requestsPerMinute ?? 0, bytesPerHour ?? 0)
        guard var account else { return Account(requests: requests, bytes: bytes, since: now) }
        let (seconds, rest) = (now - account.since).components
        let elapsed = max(0, Double(seconds) + Double(rest) * 1e-18)
        account.requests = min(requests, account.requests + elapsed * requests / 60)
        account.bytes = min(bytes, account.bytes + elapsed * bytes / 3600)
        account.since = now
        return account
    }

    /// An eighth goes at once, so that it is rare.
    private func drop(_ accounts: inout [String: Account]) {
        let order = accounts.sorted { $0.value.requests + $0.value.bytes > $1.value.requests + $1.value.bytes }
        for (name, _) in order.prefix(Self.mostAccounts / 8) { accounts[name] = nil }
    }
}
