internal import Configuration
internal import Gateway
internal import Glibc
internal import MicroHTTP
internal import Telemetry
internal import Threads

/// The ordered end of a gateway: not ready, then no more connections, then what runs, then the log.
///
/// It always ends: a second signal ends it at once, and a watchdog when a step takes longer than it may.
struct Drain: Sendable {
    /// Something that the log was given it has not acknowledged, or the end took too long.
    static let undelivered: Int32 = 3

    let delay: Duration
    let timeout: Duration

    init(_ settings: Settings) {
        delay = .seconds(settings[Catalogue.drainDelay])
        timeout = .seconds(settings[Catalogue.drainTimeout])
    }

    /// Waits for the signal that ends the process, and reloads what registered at each SIGHUP until then.
    ///
    /// - Returns: the signal's number.
    static func waitForSignal(_ reload: Reload, _ logger: Logger) -> Int32 {
        while true {
            let signal = Signals.wait()
            guard signal == SIGHUP else { return signal }
            reload.run(logger)
        }
    }

    /// From the signal to the last request.
    func finishRequests(_ gateway: Gateway, _ server: Server, _ logger: Logger) {
        guardEnd(logger)
        gateway.beginStopping()
        if delay > .zero {
            logger.info("not ready; connections are refused in a while", [("delay", "\(delay)")])
            _ = Monitor(()).wait(within: delay) { _ in Optional<Void>.none }
        }
        server.stop(within: timeout)
    }

    /// What is to be said at the very end.
    ///
    /// - Returns: the exit code.
    static func conclude(_ undelivered: Int, _ logger: Logger) -> Int32 {
        guard undelivered > 0 else {
            logger.info("stopped; the log has acknowledged every record")
            return 0
        }
        logger.error(
            "stopped with records that the log did not acknowledge; who sent them was told so or got no answer",
            [("undelivered", String(undelivered))])
        return Self.undelivered
    }

    /// Ends the process where an orderly end is not wanted any more, or does not come.
    func guardEnd(_ logger: Logger) {
        _ = DedicatedThread(name: "second-signal") {
            while true {
                let signal = Signals.wait()
                if signal == SIGHUP { continue }
                logger.error("ended at once by a second signal", [("signal", String(signal))])
                logger.flush()
                _exit(128 + signal)
            }
        }
        // Each of the steps has its own limit; these are their sum and then some.
        let limit = delay + timeout * 2 + .seconds(30)
        _ = DedicatedThread(name: "watchdog") {
            _ = Monitor(()).wait(within: limit) { _ in Optional<Void>.none }
            logger.error("the orderly end took too long, and is broken off", [("limit", "\(limit)")])
            logger.flush()
            _exit(Self.undelivered)
        }
    }
}
