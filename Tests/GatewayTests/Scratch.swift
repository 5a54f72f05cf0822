import Aggregation
import Compression
import Envelopes
import EventLog
import Foundation
import Telemetry
import Threads

@testable import Gateway

/// A directory for one test.
final class Scratch {
    let path = NSTemporaryDirectory() + "fedgate-gateway-" + UUID().uuidString

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A small gateway's core on a log, with its files here.
    func core(_ log: any EventLog, _ timers: TimerQueue) throws -> GatewayCore {
        let configuration = GatewayConfiguration(
            directory: path, uploads: UploadForm(envelope: .binary, compression: .fixed(.none)), minUpdates: 2,
            roundDeadline: nil, maxBody: 1 << 20, maxDecodedBytes: 1 << 20, maxRecordBytes: 1 << 20, memory: 8 << 20)
        let logger = Logger(lowest: .error)
        return GatewayCore(
            configuration, log, try ResultStore(path + "/results", Retention(rounds: .max, bytes: .max)),
            try PartialUploads(path + "/uploads", .init(maxBytes: .max, maxAge: .seconds(60)), logger),
            RoundBoard(), timers, MetricRegistry(), logger)
    }
}
