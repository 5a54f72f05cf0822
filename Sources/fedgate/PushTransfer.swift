internal import Files
internal import Glibc
internal import HTTPClient
internal import WireJSON

/// An upload that goes on where it broke off: begun by an empty request, then appended to
/// (draft-ietf-httpbis-resumable-upload, interop version 8).
struct PushTransfer {
    /// Attempts in a row that bring nothing further.
    private static let mostAttempts = 10

    /// Of the gateway, without a path.
    let base: String
    /// Path and query of the update.
    let target: String
    let file: SharedFile
    let size: Int

    /// What the gateway said in the end.
    struct Answer {
        let status: Int
        let body: [UInt8]

        /// Whether the gateway, or a proxy before it, may take the upload in a moment.
        var isBusy: Bool { [408, 429, 502, 503, 504].contains(status) }

        /// Whether the same part may be taken later.
        var mayPass: Bool { [404, 408, 409, 429, 500, 502, 503, 504].contains(status) && !isFinal }

        /// Whether the gateway says that it will never take it, since the round is closed, say.
        private var isFinal: Bool {
            guard let problem = (try? JSONValue(parsing: body))?.objectValue else { return false }
            // An upload that is complete took its parts, though not all answers came: the next one is the receipt.
            return problem["retriable"] == .bool(false) && problem["type"] != .string("/problems/upload-complete")
        }
    }

    func run(_ client: HTTPClient, _ bar: ProgressBar) throws -> Answer {
        var location: String?
        var offset = 0
        var attempts = 0
        while true {
            do {
                guard let known = location else {
                    let answer = try create(client)
                    if let made = answer.location {
                        location = made
                        offset = 0
                        continue
                    }
                    guard answer.answer.isBusy, attempts < Self.mostAttempts else { return answer.answer }
                    try wait(after: &attempts)
                    continue
                }
                if attempts > 0 {
                    guard let there = try ask(client, known) else {
                        // It was too old, or the gateway lost it: from the beginning.
                        location = nil
                        continue
                    }
                    if there > offset { attempts = 1 }
                    offset = there
                }
                let answer = try append(client, known, from: offset, bar)
                guard answer.mayPass else { return answer }
            } catch let failure as HTTPClientFailure {
                if !failure.mayPass || attempts >= Self.mostAttempts { throw failure }
            }
            try wait(after: &attempts)
        }
    }

    /// A tenth of a second, doubled each time, ten seconds at most; of that half to all, so that many clients of a gateway
    /// that was away do not come back as one.
    private func wait(after attempts: inout Int) throws {
        attempts += 1
        if attempts > Self.mostAttempts {
            throw StartFailure(
                description: "the upload does not get on: \(Self.mostAttempts) attempts brought nothing")
        }
        let longest = UInt32(min(10_000_000, 100_000 << min(attempts, 7)))
        usleep(UInt32.random(in: longest / 2...longest))
    }

    private func create(_ client: HTTPClient) throws -> (answer: Answer, location: String?) {
        let body = Collected()
        let reply = try client.request(
            "PUT", base + target,
            headers: [
                ("Content-Type", "application/vnd.fedwt"), ("Upload-Complete", "?0"), ("Upload-Length", String(size)),
            ], source: HTTPSource(size: 0) { _ in 0 }, sink: { _, piece in body.bytes += piece })
        let answer = Answer(status: reply.status, body: body.bytes)
        guard reply.status == 201, let location = reply.headers["location"] else { return (answer, nil) }
        return (answer, location.hasPrefix("/") ? base + location : location)
    }

    /// How much is there; nil when the upload is not known any more.
    private func ask(_ client: HTTPClient, _ location: String) throws -> Int? {
        let reply = try client.request("HEAD", location, sink: { _, _ in })
        guard reply.status == 204 || reply.status == 200 else {
            guard reply.status == 404 else {
                throw HTTPClientFailure(description: "\(location): HTTP status \(reply.status)")
            }
            return nil
        }
        return reply.headers["upload-offset"].flatMap { Int($0) }
    }

    private func append(
        _ client: HTTPClient, _ location: String, from offset: Int, _ bar: ProgressBar
    ) throws -> Answer {
        let body = Collected()
        let reply = try client.request(
            "PATCH", location,
            headers: [
                ("Content-Type", "application/partial-upload"), ("Upload-Offset", String(offset)),
                ("Upload-Complete", "?1"),
            ], source: file.source(from: offset, size: size), sink: { _, piece in body.bytes += piece },
            progress: { sent, _ in bar.show(offset + sent, size) })
        return Answer(status: reply.status, body: body.bytes)
    }
}
