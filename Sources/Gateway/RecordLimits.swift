internal import Envelopes
internal import EventLog
internal import Synchronization
internal import Telemetry
internal import Threads

/// How much of an update goes into one record: by what the topic admitted at start, and by less once it refuses that.
///
/// Thread: any.
final class RecordLimits: Sendable {
    /// Bytes of a message's metadata at most.
    static let metadata = 16 << 10

    struct Sizes: Sendable {
        /// Bytes of the largest payload that goes into one record; larger ones go in chunks.
        let payload: Int
        /// Bytes of a chunk.
        let chunk: Int
    }

    private struct State {
        var sizes: Sizes
        var record: Int
        var isReading = false
    }

    private let configuration: GatewayConfiguration
    private let state: Mutex<State>

    init(_ configuration: GatewayConfiguration) {
        self.configuration = configuration
        let record = configuration.maxRecordBytes
        state = Mutex(State(sizes: Self.sizes(configuration, record: record), record: record))
    }

    /// What holds for an upload that begins now, to its end.
    var sizes: Sizes { state.withLock { $0.sizes } }

    /// Asks for the limit on a thread of its own: the topic has refused what was within it.
    func readAgain(_ log: any EventLog, _ logger: Logger) {
        let begins = state.withLock { state in
            defer { state.isReading = true }
            return !state.isReading
        }
        guard begins else { return }
        let thread = DedicatedThread(name: "record-limit") { [self] in
            do throws(LogFailure) {
                let spec = TopicName.spec(TopicName.updates, maxRecordBytes: configuration.maxRecordBytes)
                let found = try log.prepare([spec])[spec.name]?.maxRecordBytes ?? configuration.maxRecordBytes
                let before = lower(to: found)
                logger.warning(
                    "the topic of updates admits less than before; larger ones go in chunks",
                    [("max.message.bytes", String(found)), ("before", String(before))])
            } catch {
                logger.warning("the limit of the topic of updates cannot be read", [("reason", error.reason)])
            }
            state.withLock { $0.isReading = false }
        }
        if thread == nil { state.withLock { $0.isReading = false } }
    }

    /// Never raised: others that read the topic were started with the old limit.
    private func lower(to record: Int) -> Int {
        state.withLock { state in
            let before = state.record
            state.record = min(record, before)
            state.sizes = Self.sizes(configuration, record: state.record)
            return before
        }
    }

    private static func sizes(_ configuration: GatewayConfiguration, record: Int) -> Sizes {
        // A slab may be a quarter larger than what was asked for, and has to fit the memory for all uploads.
        let payload = RecordSealer.largestPayload(
            inRecord: min(record, configuration.memory / 5 * 4), envelope: configuration.uploads.envelope,
            compression: configuration.uploads.compression, metadata: metadata)
        return Sizes(payload: payload, chunk: max(4096, min(configuration.chunkSize, record - ChunkRecord.overhead)))
    }
}
