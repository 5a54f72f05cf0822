internal import Files
internal import MicroHTTP
internal import Telemetry
internal import Threads

/// Sends a body that came in parts through the pipeline, as if it had come in one.
///
/// Thread: its own for each body, a few at one time.
final class UploadReplay: Sendable {
    private struct State {
        var queue: [@Sendable () -> Void] = []
        var workers: [DedicatedThread] = []
        var idle = 0
        var isStopping = false
    }

    private static let mostThreads = 4
    private static let step = 256 << 10

    private let state = Monitor(State())

    /// Reads the body and stores it.
    ///
    /// - Parameter tell: called once with what became of it, on any thread.
    func store(_ upload: PartialUpload, _ gateway: GatewayCore, _ tell: @escaping @Sendable (UploadOutcome) -> Void) {
        let isAccepted = state.change { state in
            guard !state.isStopping else { return false }
            if state.idle <= state.queue.count, state.workers.count < Self.mostThreads {
                if let worker = DedicatedThread(name: "replay", { [self] in work() }) {
                    state.workers.append(worker)
                    state.idle += 1
                }
            }
            state.queue.append { Self.run(upload, gateway, tell) }
            return !state.workers.isEmpty
        }
        if !isAccepted { tell(.failed(Failure(.stopping, "the gateway is stopping"))) }
    }

    /// Ends the threads after what they are doing.
    func stop() {
        let workers = state.change { state in
            state.isStopping = true
            return state.workers
        }
        for worker in workers { worker.join() }
    }

    private func work() {
        while true {
            let job: (@Sendable () -> Void)?? = state.wait { state in
                if !state.queue.isEmpty {
                    state.idle -= 1
                    return .some(state.queue.removeFirst())
                }
                return state.isStopping ? .some(nil) : nil
            }
            guard let job = job ?? nil else { return }
            job()
            state.change { $0.idle += 1 }
        }
    }

    private static func run(
        _ upload: PartialUpload, _ gateway: GatewayCore, _ tell: @escaping @Sendable (UploadOutcome) -> Void
    ) {
        let size = upload.now.offset
        let request = UploadRequest(upload.request, contentLength: size)
        let waiter = BlockingWaiter()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 4096)
        defer { buffer.deallocate() }
        do throws(Failure) {
            let file = try upload.open()
            let pipeline = try UploadPipeline(gateway, request)
            defer { pipeline.end(waiter) }
            for start in stride(from: 0, to: size, by: step) {
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(step, size - start)])
                do throws(FileFailure) { try file.read(into: piece, at: start) } catch {
                    throw PartialUploads.failure(error)
                }
                while !(try pipeline.take(UnsafeRawBufferPointer(piece), waiter)) { waiter.wait() }
            }
            let finished = try pipeline.finish()
            UploadStorage(gateway, finished.request, finished, tell).store()
        } catch {
            tell(.failed(error))
        }
    }
}
