internal import MicroHTTP
internal import Synchronization
internal import Threads

/// How long a request is ready to wait: `?wait=`, or `Prefer: wait=` (RFC 7240).
struct WaitTime: Sendable, Equatable {
    /// Within the gateway's bound.
    let seconds: Double
    /// Whether it was asked for by `Prefer`, which is then confirmed.
    private let isPreference: Bool

    /// - Parameters:
    ///   - request: whose `Prefer` is read.
    ///   - query: its item `wait` overrules that.
    ///   - most: seconds.
    init(_ request: borrowing Request, _ query: Query, most: Double) throws(Failure) {
        let asked = try query.integer("wait", in: 0...WholeNumber.largest)
        let preferred = request.header("Prefer").flatMap(Self.preferred)
        seconds = min(Double(asked ?? preferred ?? 0), most)
        isPreference = asked == nil && preferred != nil
    }

    /// None, or the confirmation of the preference, in whole seconds.
    var headers: [(String, String)] { isPreference ? [("Preference-Applied", "wait=\(Int64(seconds))")] : [] }

    /// `wait=` of a Prefer header; other preferences are ignored.
    private static func preferred(_ header: String) -> Int64? {
        for preference in header.split(whereSeparator: { $0 == "," || $0 == ";" }) {
            let parts = preference.split(separator: "=", maxSplits: 1).map { String($0.trimmed()) }
            if parts.count == 2, parts[0].lowercased() == "wait" { return WholeNumber.parse(parts[1]) }
        }
        return nil
    }
}

/// The exchange of a request that waits, and the timer that ends the wait.
///
/// Thread: any.
final class Turn: Sendable {
    private let state = Mutex<(exchange: Exchange?, timer: Threads.Timer?)>((nil, nil))

    /// Nil before and after the wait.
    var exchange: Exchange? { state.withLock { $0.exchange } }

    func begin(_ exchange: Exchange, _ timer: Threads.Timer?) { state.withLock { $0 = (exchange, timer) } }

    func end() {
        let timer = state.withLock { state in
            defer { state = (nil, nil) }
            return state.timer
        }
        timer?.cancel()
    }
}
