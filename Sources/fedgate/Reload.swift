internal import Synchronization
internal import Telemetry

/// What SIGHUP reads anew: each part registers what it does then.
///
/// Thread: any; hooks run on the thread that waits for signals, where they may block.
final class Reload: Sendable {
    private struct Hook {
        let name: String
        /// Says what it found, or throws why the old state stays.
        let body: @Sendable () throws -> String
    }

    private let hooks = Mutex<[Hook]>([])

    /// Adds a part.
    ///
    /// - Parameters:
    ///   - name: as the log names it.
    ///   - body: what it does; the text it returns goes to the log.
    func add(_ name: String, _ body: @escaping @Sendable () throws -> String) {
        hooks.withLock { $0.append(Hook(name: name, body: body)) }
    }

    /// Runs all of them; a part that fails does not keep the others from it.
    func run(_ logger: Logger) {
        for hook in hooks.withLock({ $0 }) {
            do {
                logger.info("reloaded", [("part", hook.name), ("now", try hook.body())])
            } catch {
                logger.error(
                    "not reloaded; what was there stays",
                    [("part", hook.name), ("reason", String(describing: error))])
            }
        }
    }
}
